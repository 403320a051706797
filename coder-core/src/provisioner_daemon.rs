//! Daemons that run jobs.

use crate::{
    Timestamp,
    enums::string_enum,
    id::{OrganizationId, ProvisionerDaemonId, ProvisionerKeyId},
    provisioner_job::{ProvisionerType, Tags},
};

/// Silence after which a daemon counts as offline, milliseconds.
pub const OFFLINE_AFTER_MS: i64 = 90_000;

string_enum! {
    /// What a daemon does right now.
    pub enum DaemonStatus {
        /// Not seen for 90 seconds.
        Offline => "offline",
        /// Waits for a job.
        Idle => "idle",
        /// Runs a job.
        Busy => "busy",
    }
}

/// A daemon, built in or external.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionerDaemon {
    /// Identifier.
    pub id: ProvisionerDaemonId,
    /// Whose jobs it takes.
    pub organization_id: OrganizationId,
    /// The key it joined with, which may have been deleted since, or what
    /// [stands for none](crate::provisioner_key::RESERVED).
    pub key_id: ProvisionerKeyId,
    /// Unique per organization.
    pub name: String,
    /// Its software's version.
    pub version: String,
    /// The version of the protocol it speaks.
    pub api_version: String,
    /// What it can run.
    pub provisioners: Vec<ProvisionerType>,
    /// Which jobs fit it.
    pub tags: Tags,
    /// When it joined first.
    pub created_at: Timestamp,
    /// Its last sign of life.
    pub last_seen_at: Option<Timestamp>,
}

impl ProvisionerDaemon {
    /// What it does at `now`.
    #[must_use]
    pub fn status(&self, now: Timestamp, has_job: bool) -> DaemonStatus {
        let silent = |seen| now - seen > chrono::TimeDelta::milliseconds(OFFLINE_AFTER_MS);
        if self.last_seen_at.is_none_or(silent) {
            DaemonStatus::Offline
        } else if has_job {
            DaemonStatus::Busy
        } else {
            DaemonStatus::Idle
        }
    }
}
