//! `coder_external_auth`.

use crate::attributes::ExternalAuth;
use crate::tfprovider::kind::DataSource;
use crate::tfprovider::value::{get, set};

pub(super) const DATA_SOURCE: DataSource = DataSource {
    read: |context, auth| {
        let id = get(auth, "id").as_str().unwrap_or_default();
        let variable = format!("CODER_EXTERNAL_AUTH_ACCESS_TOKEN_{id}");
        set(auth, "access_token", context.environment.text(&variable));
        Ok(())
    },
    ..DataSource::new::<ExternalAuth>(ExternalAuth::TYPE_NAME)
};
