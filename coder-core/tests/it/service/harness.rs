//! A small deployment with services over it.

use coder_core::{
    Timestamp,
    clock::{Clock as _, ManualClock},
    id::UserId,
    parameter::{ParameterValue, RichParameter},
    provisioner_daemon::ProvisionerDaemon,
    rbac::Subject,
    resource_monitor::{MonitorState, ResourceMonitor},
    secret::TokenHash,
    service::{
        Deps,
        agents::Agents,
        builds::{Builds, NewBuild},
        jobs::{
            AcquiredJob, BuildResult, Claim, FoundAgent, FoundResource, FoundScript, JobResult,
            Jobs,
        },
        workspaces::{NewWorkspace, Workspaces},
    },
    store::{
        MemoryStore, Transaction,
        conformance::{Backend, World, fixture},
    },
    template_version::TemplateVersion,
    user::User,
    workspace::Workspace,
    workspace_agent::AgentAuth,
    workspace_build::{WorkspaceBuild, WorkspaceTransition},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(super) struct Harness {
    pub(super) deps: Deps,
    pub(super) clock: Arc<ManualClock>,
    pub(super) world: World,
    pub(super) builds: Builds,
    pub(super) workspaces: Workspaces,
    pub(super) jobs: Jobs,
    pub(super) agents: Agents,
}

impl Harness {
    pub(super) async fn new() -> Self {
        let store = MemoryStore::new();
        let backend = Backend {
            store: Arc::new(store.clone()),
            pubsub: Arc::new(store),
        };
        let world = World::create(&backend).await.expect("world");
        let clock = Arc::new(ManualClock::new(fixture::at(1_000)));
        let mut deps = Deps::new(backend.store, backend.pubsub);
        deps.clock = clock.clone();
        Self {
            builds: Builds::new(deps.clone()),
            workspaces: Workspaces::new(deps.clone()),
            jobs: Jobs::new(deps.clone()),
            agents: Agents::new(deps.clone()),
            deps,
            clock,
            world,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The member who owns the world.
    pub(super) fn ann(&self) -> Subject {
        self.member(self.world.user.id, &[])
    }

    pub(super) fn member(&self, user: UserId, roles: &[&str]) -> Subject {
        let organizations = BTreeMap::from([(self.world.organization.id, Vec::new())]);
        let roles = roles.iter().map(|&role| role.to_owned()).collect();
        Subject::user(user, roles, organizations)
    }

    /// Another member, stored.
    pub(super) async fn bob(&self) -> (User, Subject) {
        let bob = fixture::user(2, "bob");
        let member = fixture::member(&self.world.organization, &bob);
        self.write(async |tx| {
            tx.users().insert(&bob).await.expect("user");
            tx.organizations()
                .insert_member(&member)
                .await
                .expect("member");
        })
        .await;
        let subject = self.member(bob.id, &[]);
        (bob, subject)
    }

    pub(super) async fn write<T>(&self, work: impl AsyncFnOnce(&mut dyn Transaction) -> T) -> T {
        let mut tx = self.deps.begin().await.expect("begin");
        let value = work(&mut *tx).await;
        tx.commit().await.expect("commit");
        value
    }

    pub(super) async fn set_parameters(&self, parameters: &[RichParameter]) {
        let version = self.world.version.id;
        self.write(async |tx| {
            tx.template_versions()
                .set_parameters(version, parameters)
                .await
                .expect("parameters");
        })
        .await;
    }

    pub(super) fn new_workspace(&self, name: &str) -> NewWorkspace {
        NewWorkspace::of(self.world.user.id, self.world.template.id, name)
    }

    pub(super) async fn create(&self, name: &str) -> Workspace {
        let request = self.new_workspace(name);
        self.workspaces
            .create(&self.ann(), &request)
            .await
            .expect("created")
    }

    pub(super) async fn build(
        &self,
        workspace: &Workspace,
        transition: WorkspaceTransition,
    ) -> WorkspaceBuild {
        let request = NewBuild::of(transition);
        self.builds
            .create(&self.ann(), workspace.id, &request)
            .await
            .expect("queued")
    }

    pub(super) fn daemon(&self) -> ProvisionerDaemon {
        fixture::daemon(1, self.world.organization.id, "builtin")
    }

    pub(super) async fn acquire(&self) -> (AcquiredJob, Claim) {
        let acquired = self
            .jobs
            .acquire(&self.daemon())
            .await
            .expect("acquire")
            .expect("a job");
        let claim = Claim {
            job_id: acquired.job.id,
            lease: acquired.lease,
        };
        (acquired, claim)
    }

    /// Runs the one job that waits, making `resources`.
    pub(super) async fn finish(&self, state: &str, resources: Vec<FoundResource>) -> Claim {
        let (_, claim) = self.acquire().await;
        let result = build_result(state, resources);
        self.jobs.complete(claim, &result).await.expect("completed");
        claim
    }

    /// A workspace that runs, with an agent that has this token.
    pub(super) async fn running(&self, name: &str, token: &str) -> Workspace {
        let workspace = self.create(name).await;
        self.finish("state", vec![found(token)]).await;
        workspace
    }

    pub(super) async fn latest(&self, workspace: &Workspace) -> WorkspaceBuild {
        let id = workspace.id;
        self.write(async |tx| tx.workspace_builds().latest(id).await.expect("latest"))
            .await
            .expect("a build")
    }

    pub(super) async fn state_of(&self, build: &WorkspaceBuild) -> Vec<u8> {
        let id = build.id;
        self.write(async |tx| tx.workspace_builds().state(id).await.expect("state"))
            .await
    }

    /// A second version of the template, imported well.
    pub(super) async fn version(&self, number: u128, name: &str) -> TemplateVersion {
        let template = self.world.template.id;
        self.write(async |tx| {
            let version = self
                .world
                .add_version(tx, number, name)
                .await
                .expect("version");
            let version = TemplateVersion {
                template_id: Some(template),
                ..version
            };
            tx.template_versions()
                .update(&version)
                .await
                .expect("linked");
            version
        })
        .await
    }
}

pub(super) fn build_result(state: &str, resources: Vec<FoundResource>) -> JobResult {
    JobResult::Build(BuildResult {
        state: state.as_bytes().to_vec(),
        resources,
        timings: Vec::new(),
    })
}

/// A resource with an agent that has this token, a script, an app and a metadatum.
pub(super) fn found(token: &str) -> FoundResource {
    let resource = fixture::resource(70, fixture::id(70), "main");
    let mut agent = fixture::agent(71, &resource, "main");
    agent.auth = AgentAuth::Token(TokenHash::of(token));
    let source = fixture::log_source(72, agent.id, "Startup");
    FoundResource {
        agents: vec![FoundAgent {
            apps: vec![fixture::app(73, agent.id, "web")],
            scripts: vec![FoundScript {
                script: fixture::script(74, &source),
                icon: "/icon.svg".to_owned(),
            }],
            metadata: vec![fixture::metadatum(agent.id, "cpu", 0)],
            devcontainers: Vec::new(),
            monitors: vec![ResourceMonitor {
                agent_id: agent.id,
                volume: None,
                enabled: true,
                threshold: 80,
                state: MonitorState::Ok,
                debounced_until: None,
                created_at: fixture::at(0),
                updated_at: fixture::at(0),
            }],
            agent,
        }],
        resource,
    }
}

pub(super) fn value(name: &str, value: &str) -> ParameterValue {
    ParameterValue {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}
