use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Whether an app answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppHealth {
    /// The app has no health check.
    #[default]
    Disabled,
    /// Not yet known.
    Initializing,
    /// It answers below status 500.
    Healthy,
    /// It failed more often in a row than its threshold allows.
    Unhealthy,
}

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
    pub id: Uuid,
    /// Its health from now on.
    pub health: AppHealth,
}
