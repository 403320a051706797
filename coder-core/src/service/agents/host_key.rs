use super::Agents;
use crate::{
    Result,
    secret::{Secret, random_text},
    service::unit::settle,
};

/// The setting that keeps the secret.
const SETTING: &str = "ssh_host_key_secret";
/// Letters and digits of the secret: 256 bits and more.
const LENGTH: usize = 43;

impl Agents {
    /// The deployment's secret that the SSH host keys of all agents are derived from, made at its first use.
    /// Agents get what is derived for them alone, clients the public key.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn ssh_host_key_secret(&self) -> Result<Secret> {
        let mut tx = self.deps.begin().await?;
        let secret = async {
            let settings = tx.settings();
            if let Some(secret) = settings.get(SETTING).await? {
                return Ok(Secret::new(secret));
            }
            let new = random_text(&*self.deps.entropy, LENGTH);
            Ok(Secret::new(settings.get_or_insert(SETTING, &new).await?))
        };
        let secret = secret.await;
        settle(tx, secret).await
    }
}
