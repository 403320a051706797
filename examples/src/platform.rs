//! A platform in this process, with one user and nothing kept.

use coder_core::{
    Error,
    clock::OsEntropy,
    id::{ProvisionerJobId, ProvisionerKeyId, UserId, WorkspaceId},
    provisioner_job::{JobStatus, ProvisionerType, Tags},
    rbac::Subject,
    secret::Secret,
    service::{
        Deps,
        builds::{Builds, NewBuild},
        daemons::DaemonIdentity,
        details::WorkspaceDetails,
        files, template_versions, templates, users, workspaces,
    },
    store::MemoryStore,
    workspace_agent::LifecycleState,
    workspace_build::WorkspaceTransition,
};
use coder_provisioner::{Daemon, DaemonOptions, Provisioner, protocol::PROTOCOL_VERSION};
use coder_server::{
    app_state::AppState,
    config::Config,
    http::router,
    listener,
    password::Argon2Hasher,
    rpc::provisioner_daemon::{Bells, DaemonApi, DaemonSettings},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Between two looks at whether something is done.
const PAUSE: Duration = Duration::from_millis(2);

/// A platform with one user.
#[derive(Debug)]
pub struct Platform {
    /// Where its API answers, if it is served.
    pub url: String,
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
        Self::start_on(provisioner, None).await
    }

    /// The same with an API on this machine, for agents and people.
    ///
    /// # Errors
    /// Those of the use cases, and those of listening.
    pub async fn serve(provisioner: Arc<dyn Provisioner>) -> Result<Self, Error> {
        let listening = TcpListener::bind("127.0.0.1:0").await;
        let listener = listening.map_err(|error| Error::conflict(error.to_string()))?;
        Self::start_on(provisioner, Some(listener)).await
    }

    async fn start_on(
        provisioner: Arc<dyn Provisioner>,
        listener: Option<TcpListener>,
    ) -> Result<Self, Error> {
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
        let stop = CancellationToken::new();
        let url = match listener {
            Some(listener) => serve(&deps, listener, &stop)?,
            None => String::new(),
        };
        let settings = DaemonSettings {
            access_url: url.clone(),
            ..DaemonSettings::default()
        };
        let api = DaemonApi::join(deps.clone(), settings, &Bells::default(), &identity).await?;
        let provisioners = BTreeMap::from([(ProvisionerType::Terraform, provisioner)]);
        let daemon = Daemon::new(DaemonOptions::default(), Arc::new(api), provisioners);
        let stopped = stop.clone();
        tokio::spawn(async move { daemon.run(stopped).await });
        Ok(Self {
            url,
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
            name: "example".to_owned(),
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

    /// Starts, stops or deletes a workspace, and waits until that is done.
    ///
    /// # Errors
    /// Those of the use cases, and why the job failed.
    pub async fn build(&self, id: WorkspaceId, to: WorkspaceTransition) -> Result<(), Error> {
        let builds = Builds::new(self.deps.clone());
        let build = builds.create(&self.subject, id, &NewBuild::of(to)).await?;
        self.finished(build.job_id).await
    }

    /// Waits until all agents of a workspace are ready.
    ///
    /// # Errors
    /// Those of the use cases.
    pub async fn ready(&self, id: WorkspaceId) -> Result<(), Error> {
        loop {
            let details = self.details(id).await?;
            let mut agents = details
                .latest_build
                .resources
                .iter()
                .flat_map(|found| &found.agents);
            if agents.all(|found| found.agent.lifecycle_state == LifecycleState::Ready) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
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
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Ends the daemon.
    pub fn stop(self) {
        drop(self.stop);
    }
}

/// Answers at the listener's address until `stop`.
fn serve(deps: &Deps, listener: TcpListener, stop: &CancellationToken) -> Result<String, Error> {
    let address = listener.local_addr();
    let address = address.map_err(|error| Error::conflict(error.to_string()))?;
    let config = Config::defaults().map_err(|error| Error::conflict(error.to_string()))?;
    let mut state = AppState::new(deps.clone(), config, Default::default())?;
    state.shutdown = stop.clone();
    tokio::spawn(async move { listener::serve(listener, router(state.clone()), &state).await });
    Ok(format!("http://{address}"))
}
