//! Cancels at any moment of a build, against PostgreSQL and a daemon at work. Covers R4.

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::{
    id::ProvisionerKeyId,
    provisioner_job::{JobStatus, ProvisionerType, Tags, with_scope},
    rbac::Subject,
    service::{
        Deps,
        builds::{Builds, NewBuild},
        daemons::DaemonIdentity,
        workspaces::{NewWorkspace, Workspaces},
    },
    store::conformance::{Backend, World},
    workspace::Workspace,
    workspace_build::{WorkspaceBuild, WorkspaceTransition},
};
use coder_provisioner::{
    Daemon, DaemonOptions, Error, LogSink, Provisioner, Result, Session, StateSink,
    protocol::{
        ApplyComplete, ApplyFailed, ApplyRequest, Config, ParseComplete, PlanComplete, PlanHandle,
        PlanRequest,
    },
};
use coder_server::{
    db::{PgPubSub, testing::TestDatabase},
    rpc::provisioner_daemon::{Bells, DaemonApi, DaemonSettings},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Resources of one workspace.
const RESOURCES: u8 = 4;
/// Workspaces whose builds run beside each other.
const LANES: usize = 8;
/// The longest one build may take from its cancel to its end.
const STUCK: Duration = Duration::from_secs(45);

/// What exists: pairs of a workspace's name and a resource.
type Reality = Arc<Mutex<BTreeSet<(String, u8)>>>;

/// Makes and destroys resources one by one, a little later than asked.
struct Maker(Reality);

struct Making {
    reality: Reality,
    state: Vec<u8>,
}

#[async_trait]
impl Provisioner for Maker {
    async fn session(&self, _: Config, _: Arc<dyn LogSink>) -> Result<Box<dyn Session>> {
        Ok(Box::new(Making {
            reality: Arc::clone(&self.0),
            state: Vec::new(),
        }))
    }
}

#[async_trait]
impl Session for Making {
    async fn parse(&mut self, _: &CancellationToken) -> Result<ParseComplete> {
        Ok(ParseComplete::default())
    }

    async fn plan(
        &mut self,
        plan: PlanRequest,
        cancel: &CancellationToken,
    ) -> Result<PlanComplete> {
        self.state = plan.state.to_vec();
        pause(cancel).await?;
        Ok(PlanComplete {
            resources: Vec::new(),
            rich_parameters: Vec::new(),
            presets: Vec::new(),
            external_auth_providers: Vec::new(),
            timings: Vec::new(),
            handle: PlanHandle::new(()),
        })
    }

    async fn apply(
        &mut self,
        _: PlanHandle,
        request: ApplyRequest,
        sink: Arc<dyn StateSink>,
        cancel: &CancellationToken,
    ) -> Result<ApplyComplete, ApplyFailed> {
        let destroy = request.metadata.workspace_transition == WorkspaceTransition::Delete;
        let name = request.metadata.workspace_name;
        for resource in 0..RESOURCES {
            if let Err(error) = pause(cancel).await {
                let state = Some(Bytes::from(self.state.clone()));
                return Err(ApplyFailed {
                    error,
                    state,
                    timings: Vec::new(),
                });
            }
            let mut reality = self.reality.lock().unwrap();
            if destroy {
                reality.remove(&(name.clone(), resource));
                self.state.retain(|known| *known != resource);
            } else if !self.state.contains(&resource) {
                assert!(reality.insert((name.clone(), resource)), "made twice");
                self.state.push(resource);
            }
            drop(reality);
            sink.snapshot(self.state.clone().into());
        }
        Ok(ApplyComplete {
            state: self.state.clone().into(),
            resources: Vec::new(),
            timings: Vec::new(),
        })
    }
}

async fn pause(cancel: &CancellationToken) -> Result<()> {
    tokio::select! {
        () = sleep(Duration::from_millis(2)) => Ok(()),
        () = cancel.cancelled() => Err(Error::canceled()),
    }
}

/// Random enough, and the same again for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

struct Place {
    deps: Deps,
    world: World,
    reality: Reality,
    ann: Subject,
}

impl Place {
    async fn build(
        &self,
        workspace: &Workspace,
        transition: WorkspaceTransition,
    ) -> WorkspaceBuild {
        let builds = Builds::new(self.deps.clone());
        let request = NewBuild::of(transition);
        builds
            .create(&self.ann, workspace.id, &request)
            .await
            .unwrap()
    }

    async fn ended(&self, build: &WorkspaceBuild) -> JobStatus {
        let begun = Instant::now();
        loop {
            let mut tx = self.deps.begin().await.unwrap();
            let job = tx
                .provisioner_jobs()
                .get(build.job_id)
                .await
                .unwrap()
                .unwrap();
            tx.rollback().await.unwrap();
            if job.completed_at.is_some() {
                return job.status();
            }
            assert!(begun.elapsed() < STUCK, "stuck: {:?}", job.status());
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Checks that the state of the newest build is what exists.
    async fn check(&self, workspace: &Workspace, build: &WorkspaceBuild) {
        let mut tx = self.deps.begin().await.unwrap();
        let state = tx.workspace_builds().state(build.id).await.unwrap();
        tx.rollback().await.unwrap();
        let reality = self.reality.lock().unwrap();
        let exist = reality.iter().filter(|(name, _)| *name == workspace.name);
        let exist: BTreeSet<u8> = exist.map(|(_, resource)| *resource).collect();
        assert_eq!(exist, state.into_iter().collect(), "of {}", workspace.name);
    }

    /// One workspace whose builds are cancelled again and again; answers how they ended.
    async fn lane(&self, lane: usize, runs: usize, dice: &mut Dice) -> (usize, usize) {
        let (mut canceled, mut succeeded) = (0, 0);
        let request = NewWorkspace::of(
            self.world.user.id,
            self.world.template.id,
            format!("lane{lane}"),
        );
        let workspaces = Workspaces::new(self.deps.clone());
        let workspace = workspaces.create(&self.ann, &request).await.unwrap();
        let mut tx = self.deps.begin().await.unwrap();
        let first = tx.workspace_builds().latest(workspace.id).await.unwrap();
        tx.rollback().await.unwrap();
        let mut build = first.unwrap();
        let builds = Builds::new(self.deps.clone());
        for run in 0..runs {
            // From before the claim to after the end.
            sleep(Duration::from_micros(dice.below(70_000))).await;
            // It may have ended by itself.
            let _ = builds.cancel(&self.ann, build.id, None).await;
            match self.ended(&build).await {
                JobStatus::Canceled => canceled += 1,
                JobStatus::Succeeded => succeeded += 1,
                other => panic!("run {run} of lane {lane} ended as {other:?}"),
            }
            self.check(&workspace, &build).await;
            let transition = match dice.below(3) {
                0 => WorkspaceTransition::Stop,
                _ => WorkspaceTransition::Start,
            };
            build = self.build(&workspace, transition).await;
        }
        self.ended(&build).await;
        let last = self.build(&workspace, WorkspaceTransition::Delete).await;
        assert_eq!(self.ended(&last).await, JobStatus::Succeeded);
        self.check(&workspace, &last).await;
        (canceled, succeeded)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_at_any_moment_leaves_nothing_behind() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let runs = number("CODER_CANCEL_RUNS").unwrap_or(400);
    let seed = number("CODER_FAULT_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("CODER_FAULT_SEED={seed} CODER_CANCEL_RUNS={runs}");
    let database = TestDatabase::create().await;
    let backend = Backend {
        store: Arc::new(database.store().await),
        pubsub: Arc::new(PgPubSub::start(database.options()).await),
    };
    let world = World::create(&backend).await.unwrap();
    let deps = Deps::new(backend.store, backend.pubsub);
    let reality = Reality::default();
    let stop = CancellationToken::new();
    let _stops = stop.clone().drop_guard();
    let identity = DaemonIdentity {
        organization_id: world.organization.id,
        key_id: ProvisionerKeyId::BUILT_IN,
        name: "maker".to_owned(),
        version: "v1".to_owned(),
        api_version: "1.0".to_owned(),
        provisioners: vec![ProvisionerType::Echo],
        tags: with_scope(Tags::new(), world.user.id),
    };
    let bells = Bells::default();
    let api = DaemonApi::join(deps.clone(), DaemonSettings::default(), &bells, &identity);
    let options = DaemonOptions {
        max_jobs: 4,
        update_interval: Duration::from_millis(10),
        ..DaemonOptions::default()
    };
    let maker: Arc<dyn Provisioner> = Arc::new(Maker(Arc::clone(&reality)));
    let provisioners = BTreeMap::from([(ProvisionerType::Echo, maker)]);
    let daemon = Daemon::new(options, Arc::new(api.await.unwrap()), provisioners);
    tokio::spawn(async move { daemon.run(stop).await });
    let organizations = BTreeMap::from([(world.organization.id, Vec::new())]);
    let roles = vec!["owner".to_owned()];
    let place = Place {
        ann: Subject::user(world.user.id, roles, organizations),
        deps,
        world,
        reality,
    };
    let lanes = (0..LANES).map(|lane| {
        let mut dice = Dice((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (lane as u64 + 1));
        let (place, runs) = (&place, runs as usize / LANES);
        async move { place.lane(lane, runs, &mut dice).await }
    });
    let ends = futures_util::future::join_all(lanes).await;
    let (canceled, succeeded) = ends.iter().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    eprintln!("{canceled} canceled, {succeeded} succeeded, 0 orphans, 0 stuck");
    assert!(place.reality.lock().unwrap().is_empty());
    assert!(canceled > 0 && succeeded > 0);
}
