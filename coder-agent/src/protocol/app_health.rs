use coder_core::id::WorkspaceAppId;
use coder_core::workspace_app::AppHealth;
use serde::{Deserialize, Serialize};

/// `POST app-health`: the apps whose health changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportAppHealth {
    /// The changes.
    pub healths: Vec<AppHealthUpdate>,
}

/// The new health of one app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppHealthUpdate {
    /// The app of the manifest.
    pub id: WorkspaceAppId,
    /// Its health from now on.
    pub health: AppHealth,
}
