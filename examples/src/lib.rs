//! What the examples share: a platform in this process, with one user and nothing kept.

use coder_core::{
    Error,
    clock::OsEntropy,
    id::{ProvisionerJobId, ProvisionerKeyId, UserId, WorkspaceId},
    provisioner_job::{JobStatus, ProvisionerType, Tags},
    rbac::Subject,
    secret::Secret,
    service::{
        Deps, daemons::DaemonIdentity, details::WorkspaceDetails, files, template_versions,
        templates, users, workspaces,
    },
    store::MemoryStore,
};
use coder_provisioner::{Daemon, DaemonOptions, Provisioner, protocol::PROTOCOL_VERSION};
use coder_server::{
    password::Argon2Hasher,
    rpc::provisioner_daemon::{DaemonApi, DaemonSettings},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// A platform with one user.
#[derive(Debug)]
pub struct Platform {
    /// What the use cases work with.
    pub deps: Deps,
    /// The user.
    pub user: UserId,
    /// The user, as asked for permissions.
    pub subject: Subject,
    stop: tokio_util::sync::DropGuard,
}

impl Platform {
    /// Starts one whose jobs are carried out by `provisioner`.
    ///
    /// # Errors
    /// Those of the use cases.
    pub async fn start(provisioner: Arc<dyn Provisioner>) -> Result<Self, Error> {
        let store = Arc::new(MemoryStore::new());
        let deps = Deps::new(store.clone(), store);
        let first = users::FirstUser {
            email: "ann@example.com".to_owned(),
            username: "ann".to_owned(),
            name: String::new(),
            password: Secret::new("correct-horse-battery"),
        };
        let hasher = Argon2Hasher::new(Arc::new(OsEntropy), 1)?;
        let (user, organization_id) = users::create_first(&deps, &hasher, first).await?;
        let memberships = [(organization_id, Vec::new())].into();
        let subject = Subject::user(user, vec!["owner".to_owned()], memberships);
        let identity = DaemonIdentity {
            organization_id,
            key_id: ProvisionerKeyId::BUILT_IN,
            name: "here".to_owned(),
            version: "v1".to_owned(),
            api_version: PROTOCOL_VERSION.to_owned(),
            provisioners: vec![ProvisionerType::Terraform],
            tags: Tags::new(),
        };
        let api = DaemonApi::join(deps.clone(), DaemonSettings::default(), &identity).await?;
        let provisioners = BTreeMap::from([(ProvisionerType::Terraform, provisioner)]);
        let daemon = Daemon::new(DaemonOptions::default(), Arc::new(api), provisioners);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move { daemon.run(stopped).await });
        Ok(Self {
            deps,
            user,
            subject,
            stop: stop.drop_guard(),
        })
    }

    /// Makes a template from an archive and a workspace from that, and waits until it is built.
    ///
    /// # Errors
    /// Those of the use cases, and why a job failed.
    pub async fn create_workspace(&self, archive: Vec<u8>) -> Result<WorkspaceDetails, Error> {
        let (deps, subject) = (&self.deps, &self.subject);
        let (file_id, _) = files::upload(deps, subject, archive).await?;
        let version = template_versions::NewVersion {
            name: "v1".to_owned(),
            message: String::new(),
            template_id: None,
            file_id,
            provisioner: ProvisionerType::Terraform,
            tags: Tags::new(),
            user_variable_values: Vec::new(),
        };
        let version = template_versions::create(deps, subject, "default", version)
            .await?
            .version;
        self.finished(version.job_id).await?;
        let template = templates::NewTemplate {
            name: "imagined".to_owned(),
            display_name: String::new(),
            description: String::new(),
            icon: String::new(),
            version_id: version.id,
            policy: templates::PolicyChange::default(),
        };
        let template = templates::create(deps, subject, "default", template)
            .await?
            .template;
        let service = workspaces::Workspaces::new(deps.clone());
        let workspace = workspaces::NewWorkspace::of(self.user, template.id, "dev");
        let workspace = service.create(subject, &workspace).await?;
        let details = self.details(workspace.id).await?;
        self.finished(details.latest_build.build.job_id).await?;
        self.details(workspace.id).await
    }

    async fn details(&self, id: WorkspaceId) -> Result<WorkspaceDetails, Error> {
        workspaces::Workspaces::new(self.deps.clone())
            .get(&self.subject, id, true)
            .await
    }

    /// Waits until a job has ended well.
    async fn finished(&self, job: ProvisionerJobId) -> Result<(), Error> {
        loop {
            let mut tx = self.deps.begin().await?;
            let found = tx
                .provisioner_jobs()
                .get(job)
                .await?
                .ok_or_else(Error::not_found)?;
            tx.rollback().await?;
            match found.status() {
                JobStatus::Succeeded => return Ok(()),
                status if status.is_final() => {
                    return Err(Error::conflict(
                        found.error.unwrap_or_else(|| status.to_string()),
                    ));
                }
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Ends the daemon.
    pub fn stop(self) {
        drop(self.stop);
    }
}
