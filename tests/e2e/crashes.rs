//! Servers and Terraforms killed, stopped and out of disk space in the middle of builds of ten resources. What exists,
//! by the journal that the resources write, is compared with what the stored state says. Covers R1, R2, R3 and R9.
//!
//! `CODER_FAULT_RUNS` sets the number of kill points, `CODER_FAULT_SEED` repeats a run.

use coder_tests::{Deployment, wait_for};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

/// Kill points of a run without `CODER_FAULT_RUNS`.
pub(crate) const FEW: usize = 6;
/// Workspaces that are built at once, so that one kill gives as many points.
pub(crate) const LANES: usize = 3;
/// How long a job may go on or be held after its server or daemon was killed.
pub(crate) const RELEASE: Duration = Duration::from_secs(45);
/// How long it may take until a workspace can be used again.
pub(crate) const USABLE: Duration = Duration::from_secs(60);
/// How long what a killed server was running may go on.
pub(crate) const ORPHANS: Duration = Duration::from_secs(13);

/// Ten resources, some after each other and some beside each other; each tells the journal of its workspace.
const TEMPLATE: &str = r#"
terraform {
  required_providers {
    coder = { source = "coder/coder" }
  }
}
data "coder_workspace" "me" {}
"#;

/// Name and dependency of each.
pub(crate) const RESOURCES: [(&str, &str); 10] = [
    ("r0", ""),
    ("r1", "r0"),
    ("r2", "r1"),
    ("r3", "r1"),
    ("r4", "r1"),
    ("r5", "r2"),
    ("r6", "r3"),
    ("r7", "r6"),
    ("r8", "r6"),
    ("r9", "r8"),
];

/// What happens in a deployment to workspaces of the template.
pub(crate) struct Bench {
    pub(crate) deployment: Deployment,
    template: Value,
}

/// Random enough, and the same again for the same seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A workspace under test.
pub(crate) struct Lane {
    name: String,
    id: String,
}

impl Bench {
    fn new() -> Option<Self> {
        Some(Self::on(super::deployment()?))
    }

    /// The template in this deployment.
    pub(crate) fn on(deployment: Deployment) -> Self {
        let folder = deployment.home();
        for (script, sign) in [("make", '+'), ("unmake", '-')] {
            let text = format!("sleep 0.12\necho '{sign}'$2 >> $1/$3.journal\n");
            fs::write(folder.join(script), text).expect("written");
        }
        let folder = folder.to_str().expect("UTF-8").to_owned();
        let mut template = TEMPLATE.to_owned();
        for (name, after) in RESOURCES {
            let depends = if after.is_empty() {
                String::new()
            } else {
                format!("depends_on = [terraform_data.{after}]")
            };
            template.push_str(&format!(
                r#"
resource "terraform_data" "{name}" {{
  input = data.coder_workspace.me.name
  {depends}
  provisioner "local-exec" {{
    command = "sh {folder}/make {folder} {name} ${{self.input}}"
  }}
  provisioner "local-exec" {{
    when    = destroy
    command = "sh {folder}/unmake {folder} {name} ${{self.input}}"
  }}
}}
"#
            ));
        }
        assert_eq!(deployment.push("ten", &template).code, 0);
        let (_, templates) = deployment.api("GET", "/api/v2/templates", None);
        let template = templates[0]["id"].clone();
        Self {
            deployment,
            template,
        }
    }

    pub(crate) fn create(&self, name: &str) -> Lane {
        let body = json!({ "name": name, "template_id": self.template });
        let (status, workspace) =
            self.deployment
                .api("POST", "/api/v2/users/me/workspaces", Some(&body));
        assert_eq!(status, 201, "{workspace}");
        Lane {
            name: name.to_owned(),
            id: workspace["id"].as_str().expect("an id").to_owned(),
        }
    }

    /// Answers the status.
    pub(crate) fn cancel(&self, lane: &Lane) -> u16 {
        let build = self.latest(lane)["id"].clone();
        let path = format!(
            "/api/v2/workspacebuilds/{}/cancel",
            build.as_str().expect("an id")
        );
        self.deployment.api("PATCH", &path, None).0
    }

    pub(crate) fn build(&self, lane: &Lane, transition: &str) {
        let path = format!("/api/v2/workspaces/{}/builds", lane.id);
        let body = json!({ "transition": transition });
        let (status, build) = self.deployment.api("POST", &path, Some(&body));
        assert_eq!(status, 201, "{build}");
    }

    pub(crate) fn latest(&self, lane: &Lane) -> Value {
        let path = format!("/api/v2/workspaces/{}?include_deleted=true", lane.id);
        self.deployment.api("GET", &path, None).1["latest_build"].clone()
    }

    /// Waits for the newest build to end, and answers it.
    pub(crate) fn ended(&self, lane: &Lane, limit: Duration) -> Value {
        let what = format!("the build of {} to end", lane.name);
        wait_for(&what, limit, || {
            let build = self.latest(lane);
            build["job"]["completed_at"].is_string().then_some(build)
        })
    }

    pub(crate) fn succeeds(&self, lane: &Lane, transition: &str) {
        self.build(lane, transition);
        let build = self.ended(lane, USABLE);
        assert_eq!(build["job"]["status"], "succeeded", "{}", build["job"]);
    }

    fn journal_path(&self, lane: &Lane) -> PathBuf {
        self.deployment
            .home()
            .join(format!("{}.journal", lane.name))
    }

    pub(crate) fn journal(&self, lane: &Lane) -> String {
        fs::read_to_string(self.journal_path(lane)).unwrap_or_default()
    }

    /// What exists. Nothing was made twice.
    pub(crate) fn exists(&self, lane: &Lane) -> BTreeSet<String> {
        let mut exists = BTreeSet::new();
        for line in self.journal(lane).lines() {
            let (sign, name) = line.split_at(1);
            if sign == "-" {
                exists.remove(name);
            } else {
                let new = exists.insert(name.to_owned());
                assert!(new, "{name} of {} was made twice", lane.name);
            }
        }
        exists
    }

    /// What the newest state says: each resource, and whether Terraform will replace it.
    fn state(&self, lane: &Lane) -> BTreeMap<String, bool> {
        let id = self.latest(lane)["id"].as_str().expect("an id").to_owned();
        let path = format!("/api/v2/workspacebuilds/{id}/state");
        let (status, state) = self.deployment.api("GET", &path, None);
        assert_eq!(status, 200, "{state}");
        let resources = state["resources"].as_array().into_iter().flatten();
        let managed = resources.filter(|resource| resource["mode"] == "managed");
        let entries = managed.filter_map(|resource| {
            let instance = resource["instances"].get(0)?;
            let name = resource["name"].as_str().expect("a name").to_owned();
            Some((name, instance["status"] == "tainted"))
        });
        entries.collect()
    }

    /// Checks that nothing that exists is missing in the state. What Terraform was making when it was interrupted it
    /// will make again, without destroying it by the template's command: the journal says so.
    pub(crate) fn check(&self, lane: &Lane, making: bool) {
        let (exists, state) = (self.exists(lane), self.state(lane));
        let lost: Vec<&String> = exists
            .iter()
            .filter(|name| !state.contains_key(*name))
            .collect();
        assert!(lost.is_empty(), "{lost:?} of {} are lost", lane.name);
        for (name, tainted) in state {
            if tainted && exists.contains(&name) {
                let mut journal = self.journal(lane);
                journal.push_str(&format!("-{name}\n"));
                fs::write(self.journal_path(lane), journal).expect("written");
            } else if !tainted && making {
                assert!(
                    exists.contains(&name),
                    "{name} of {} does not exist",
                    lane.name
                );
            }
        }
    }

    /// Checks that all ten exist, and that the state says so.
    pub(crate) fn check_whole(&self, lane: &Lane) {
        assert_eq!(self.exists(lane).len(), RESOURCES.len());
        let state = self.state(lane);
        assert_eq!(state.len(), RESOURCES.len());
        assert!(state.values().all(|tainted| !tainted), "{state:?}");
    }

    /// Processes of Terraform and of the template.
    pub(crate) fn working(&self) -> Vec<(u32, String)> {
        let mut processes = self.deployment.processes();
        processes.retain(|(_, command)| {
            ["terraform", "/make ", "/unmake "]
                .iter()
                .any(|word| command.contains(word))
        });
        processes
    }

    fn journals(&self, lanes: &[Lane]) -> Vec<String> {
        lanes.iter().map(|lane| self.journal(lane)).collect()
    }

    /// Kills the server after `wait`, starts it again, and checks what it knows of the builds. Answers how long it
    /// took until the builds had ended.
    fn crash(&mut self, lanes: &[Lane], wait: Duration, making: bool) -> Duration {
        sleep(wait);
        self.deployment.kill_server();
        let killed = Instant::now();
        // Half of the time the new server comes while the old one's Terraform still ends.
        let early = wait.as_millis().is_multiple_of(2);
        if early {
            self.deployment.start_server();
        }
        wait_for("terraform to end with the server", ORPHANS, || {
            self.working().is_empty().then_some(())
        });
        let journals = self.journals(lanes);
        if !early {
            self.deployment.start_server();
        }
        for lane in lanes {
            let limit = RELEASE.saturating_sub(killed.elapsed());
            let build = self.ended(lane, limit);
            let status = build["job"]["status"].as_str().unwrap_or_default();
            assert!(["failed", "succeeded"].contains(&status), "{build}");
        }
        let released = killed.elapsed();
        // A build that waited may have been made by the new server, but no other.
        if journals.iter().all(|journal| !journal.is_empty()) {
            assert_eq!(journals, self.journals(lanes), "something went on");
        }
        for lane in lanes {
            self.check(lane, making);
        }
        released
    }
}

pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Milliseconds for a table.
pub(crate) fn worst(all: &[Duration]) -> u128 {
    all.iter().max().map_or(0, Duration::as_millis)
}

// R1.
#[test]
fn a_server_killed_at_any_moment_loses_nothing() {
    let Some(mut bench) = Bench::new() else {
        return;
    };
    let runs = number("CODER_FAULT_RUNS").map_or(FEW, |runs| usize::try_from(runs).expect("small"));
    let seed = number("CODER_FAULT_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("CODER_FAULT_SEED={seed} CODER_FAULT_RUNS={runs}");
    let mut dice = Dice::new(seed);
    let (mut released, mut usable, mut points) = (Vec::new(), Vec::new(), 0);
    while points < runs {
        let names = (0..LANES).map(|lane| format!("w{points}-{lane}"));
        let lanes: Vec<Lane> = names.map(|name| bench.create(&name)).collect();
        let wait = Duration::from_millis(dice.below(4_500));
        let (killed, ended) = (Instant::now() + wait, bench.crash(&lanes, wait, true));
        for lane in &lanes {
            bench.build(lane, "start");
        }
        for lane in &lanes {
            let build = bench.ended(lane, USABLE);
            assert_eq!(build["job"]["status"], "succeeded", "{}", build["job"]);
            bench.check_whole(lane);
        }
        let started = killed.elapsed();
        assert!(started < USABLE, "usable only after {started:?}");
        points += LANES;
        eprintln!(
            "point {points}: killed a start after {wait:?}, free after {ended:?}, usable after {started:?}"
        );
        released.push(ended);
        usable.push(started);

        for lane in &lanes {
            bench.build(lane, "delete");
        }
        let wait = Duration::from_millis(dice.below(4_500));
        let ended = bench.crash(&lanes, wait, false);
        for lane in &lanes {
            if bench.latest(lane)["job"]["status"] != "succeeded" {
                bench.succeeds(lane, "delete");
            }
            assert!(
                bench.exists(lane).is_empty(),
                "left: {:?}",
                bench.exists(lane)
            );
        }
        points += LANES;
        eprintln!("point {points}: killed a delete after {wait:?}, free after {ended:?}");
        released.push(ended);
    }
    eprintln!(
        "{points} points: 0 states lost, 0 made twice; free after at most {} ms, usable after at most {} ms",
        worst(&released),
        worst(&usable)
    );
}

// R2.
#[test]
fn a_terraform_killed_at_any_step_loses_nothing() {
    let Some(bench) = Bench::new() else {
        return;
    };
    let steps: Vec<usize> = match number("CODER_FAULT_RUNS") {
        Some(_) => (1..=RESOURCES.len()).collect(),
        None => vec![2, 6, 10],
    };
    let mut released = Vec::new();
    for step in steps {
        let lane = bench.create(&format!("step{step}"));
        let terraform = wait_for("the step", USABLE, || {
            let made = bench.journal(&lane).lines().count();
            (made + 1 >= step && step > 1 || step == 1).then_some(())?;
            let mut working = bench.working().into_iter();
            working.find(|(_, command)| is_terraform(command) && command.contains(" apply "))
        });
        super::faults::kill(terraform.0, "-KILL");
        let killed = Instant::now();
        let build = bench.ended(&lane, RELEASE);
        released.push(killed.elapsed());
        assert_eq!(build["job"]["status"], "failed");
        wait_for("what it ran to end", ORPHANS, || {
            bench.working().is_empty().then_some(())
        });
        forgive_the_instant(&bench, &lane);
        bench.check(&lane, true);
        bench.succeeds(&lane, "start");
        bench.check_whole(&lane);
        bench.succeeds(&lane, "delete");
        assert!(bench.exists(&lane).is_empty());
    }
    eprintln!(
        "{} steps: free after at most {} ms",
        released.len(),
        worst(&released)
    );
}

/// A killed Terraform has no chance to write what it learned in its last milliseconds: of the lines of the journal the
/// ones that came within 100 ms of the kill do not count. And it writes a resource down as made before its commands
/// have run: what the kill cut off there counts as made, as it does for the next build.
fn forgive_the_instant(bench: &Bench, lane: &Lane) {
    let state = bench.state(lane);
    let journal = bench.journal(lane);
    let known = |line: &&str| state.contains_key(&line[1..]);
    let unknown = journal.lines().filter(|line| !known(line)).count();
    // At most what can be made at the same time.
    assert!(unknown <= 3, "{unknown} resources are unknown");
    let kept: Vec<&str> = journal.lines().filter(known).collect();
    let exists: BTreeSet<&str> = kept.iter().map(|line| &line[1..]).collect();
    let cut_off: Vec<String> = state
        .iter()
        .filter(|(name, tainted)| !**tainted && !exists.contains(name.as_str()))
        .map(|(name, _)| format!("+{name}"))
        .collect();
    assert!(cut_off.len() <= 3, "{cut_off:?} are not there");
    let lines = kept.into_iter().chain(cut_off.iter().map(String::as_str));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    fs::write(bench.journal_path(lane), text).expect("written");
}

fn is_terraform(command: &str) -> bool {
    let program = command.split(' ').next().unwrap_or_default();
    Path::new(program).ends_with("terraform")
}

// R3.
#[test]
fn a_server_that_was_asleep_finds_its_job_given_away() {
    let Some(bench) = Bench::new() else {
        return;
    };
    if super::require("psql").is_none() {
        return;
    }
    let lane = bench.create("asleep");
    wait_for("the first resources", USABLE, || {
        (bench.journal(&lane).lines().count() >= 2).then_some(())
    });
    super::faults::kill(bench.deployment.server_pid(), "-STOP");
    wait_for("terraform to notice", Duration::from_secs(25), || {
        bench.working().is_empty().then_some(())
    });
    // What a reaper of another replica does at the end of the lease, and the next build after it.
    let changed = sql(
        &bench.deployment,
        "UPDATE provisioner_jobs SET completed_at = now(), error = 'given away' WHERE completed_at IS NULL RETURNING id",
    );
    assert!(changed.contains("UPDATE 1"), "{changed}");
    let state = "SELECT md5(state) FROM workspace_build_states";
    let before = sql(&bench.deployment, state);
    super::faults::kill(bench.deployment.server_pid(), "-CONT");
    wait_for("the job to be dropped", Duration::from_secs(30), || {
        bench
            .deployment
            .server_log()
            .contains("lease")
            .then_some(())
    });
    assert_eq!(sql(&bench.deployment, state), before);
    let build = bench.ended(&lane, Duration::from_secs(5));
    assert_eq!(build["job"]["error"], "given away");
    assert!(bench.working().is_empty());
}

/// Asks the bundled database.
fn sql(deployment: &Deployment, query: &str) -> String {
    let find = Command::new("find")
        .arg(deployment.folder())
        .args(["-name", ".s.PGSQL.5432"])
        .output()
        .expect("find runs");
    let socket = String::from_utf8_lossy(&find.stdout).trim().to_owned();
    let folder = Path::new(&socket).parent().expect("a folder").to_owned();
    let answer = Command::new("psql")
        .args(["-U", "coder", "-d", "coder", "-h"])
        .arg(folder)
        .args(["-Atc", query])
        .output()
        .expect("psql runs");
    assert!(answer.status.success(), "{answer:?}");
    String::from_utf8_lossy(&answer.stdout).into_owned()
}
