//! Scripts over the lives of an agent: schedules, kills, restarts.

use std::time::{Duration, Instant};

use coder_agent::protocol::{
    LifecycleState as S, LogLevel, Manifest, Script, ScriptStage, ScriptStatus,
};
use coder_agent::testing::FakeAgentApi;
use tokio::process::{Child, Command};

use crate::agent::{Running, is_alive};
use crate::binary::{agent, signal};
use crate::support::{TestServer, manifest, script, soon, until};

/// Agents whose token is used in turn on one machine, and their server.
struct Machine {
    server: TestServer,
    home: tempfile::TempDir,
}

impl Machine {
    async fn with(scripts: Vec<Script>) -> Self {
        let manifest = Manifest {
            scripts,
            ..manifest()
        };
        Self {
            server: TestServer::start(FakeAgentApi::new(manifest)).await,
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn start(&self) -> Child {
        agent(&self.server, self.home.path()).spawn().unwrap()
    }

    /// Starts the agent again and again, as a service manager does.
    fn supervise(&self) -> Child {
        let agent = agent(&self.server, self.home.path());
        let agent = agent.as_std();
        let mut shell = Command::new("sh");
        shell
            .args([
                "-c",
                "while :; do \"$@\" & echo $! > $HOME/pid; wait $!; done",
                "sh",
            ])
            .arg(agent.get_program())
            .args(agent.get_args())
            .kill_on_drop(true);
        for (name, value) in agent.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.spawn().unwrap()
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path().join(name)).unwrap_or_default()
    }

    async fn reaches(&self, state: S) {
        until(&format!("{state}"), || {
            self.server.api().states().contains(&state)
        })
        .await;
    }

    /// Whether some line of the log contains a text.
    fn said(&self, text: &str) -> bool {
        self.server
            .api()
            .lines()
            .iter()
            .any(|line| line.contains(text))
    }
}

fn every_second(number: u128, text: &str) -> Script {
    Script {
        cron: "* * * * * *".into(),
        run_on_start: false,
        ..script(number, text)
    }
}

#[tokio::test]
async fn scripts_run_by_their_schedule_when_the_start_is_over_one_at_a_time() {
    let mut manifest = manifest();
    let slow = "mkdir lock && sleep 1.5 && rmdir lock && echo slow";
    manifest.scripts = vec![
        script(1, "sleep 1.2; echo started"),
        every_second(2, "echo tick"),
        every_second(3, slow),
        every_second(4, "echo trouble >&2; exit 9"),
        Script {
            cron: "61 * * * * *".into(),
            ..every_second(5, "echo never")
        },
        Script {
            cron: "TZ=Middle/Earth * * * * * *".into(),
            ..every_second(6, "echo never")
        },
    ];
    let running = Running::start(manifest).await;
    let count = |text: &str| {
        let lines = running.server.api().lines();
        lines.iter().filter(|line| *line == text).count()
    };
    until("runs", || count("tick") >= 4 && count("slow") >= 2).await;
    let lines = running.server.api().lines();
    assert_eq!(lines.first().unwrap(), "started");
    for wrong in [
        "is wrong: \"61\" is no second",
        "is wrong: the time zone \"Middle/Earth\"",
    ] {
        assert!(lines.iter().any(|line| line.contains(wrong)), "{lines:?}");
    }
    assert_eq!(count("never"), 0);
    let runs = running.server.api().recorded().scripts;
    let of = |number: u128| {
        let id = script(number, "").id;
        runs.iter().filter(move |run| run.script_id == id)
    };
    assert!(of(2).all(|run| run.stage == ScriptStage::Cron && run.status == ScriptStatus::Ok));
    let starts: Vec<_> = of(2).map(|run| run.start.timestamp()).collect();
    assert!(
        starts.is_sorted_by(|one, next| one < next),
        "once a second: {starts:?}"
    );
    assert!(of(3).all(|run| run.exit_code == 0), "never two at a time");
    let failed = of(4).next().unwrap();
    assert_eq!(
        (failed.exit_code, failed.last_lines.as_str()),
        (9, "trouble")
    );
    assert!(
        running.server.api().states().contains(&S::Ready),
        "their failures change no state"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_killed_agent_comes_back_and_runs_nothing_again() {
    let machine = Machine::with(vec![
        script(
            1,
            "echo once >> ~/runs; sleep 1000 > /dev/null 2>&1 & echo $! > ~/daemon",
        ),
        script(2, "exit 3"),
        every_second(3, "echo tick"),
    ])
    .await;
    let mut supervisor = machine.supervise();
    machine.reaches(S::StartError).await;
    let mut tunnel = machine.server.tunnel().await;
    let daemon: i32 = machine.file("daemon").trim().parse().unwrap();
    for _ in 0..3 {
        let killed = Instant::now();
        let pid = machine.file("pid");
        kill("KILL", pid.trim());
        soon(tunnel.closed()).await;
        tunnel = machine.server.tunnel().await;
        tunnel.ping().await.unwrap();
        assert!(
            killed.elapsed() < Duration::from_secs(5),
            "{:?}",
            killed.elapsed()
        );
        let before = machine.server.api().lines().len();
        until("it goes on", || machine.server.api().lines().len() > before).await;
    }
    assert_eq!(machine.file("runs"), "once\n");
    assert!(is_alive(daemon));
    let recorded = machine.server.api().recorded();
    assert_eq!(recorded.lifecycle.len(), 2, "{:?}", recorded.lifecycle);
    let starts = recorded.scripts.iter();
    assert_eq!(
        starts.filter(|run| run.stage == ScriptStage::Start).count(),
        2
    );
    let runs = recorded.startups.iter().map(|startup| startup.run_id);
    assert_eq!(runs.collect::<std::collections::BTreeSet<_>>().len(), 1);
    supervisor.kill().await.unwrap();
    kill("KILL", machine.file("pid").trim());
    kill("KILL", &daemon.to_string());
}

#[tokio::test]
async fn a_script_whose_agent_is_killed_is_waited_for_and_not_run_again() {
    let mut endless = script(2, "echo $$ > ~/endless; exec sleep 1000");
    endless.timeout = 4;
    let machine = Machine::with(vec![
        script(1, "echo begin >> ~/runs; sleep 3; echo end >> ~/runs"),
        endless,
        script(3, "echo done"),
    ])
    .await;
    let mut first = machine.start();
    let record = format!("coder-script-data/{}/start.json", manifest().agent_id);
    until(
        "two run and one has ended, as far as the agent knows",
        || {
            let record = machine.file(&record);
            record.matches("\"born\":").count() == 3 && record.contains("\"completed\":{")
        },
    )
    .await;
    machine.reaches(S::Starting).await;
    first.kill().await.unwrap();
    let mut second = machine.start();
    machine.reaches(S::StartError).await;
    assert_eq!(machine.file("runs"), "begin\nend\n");
    until("the results", || {
        machine.server.api().recorded().scripts.len() == 3
    })
    .await;
    let of = |number: u128| {
        let scripts = machine.server.api().recorded().scripts;
        let id = script(number, "").id;
        scripts.into_iter().find(|run| run.script_id == id).unwrap()
    };
    assert_eq!(
        (of(1).status, of(1).exit_code),
        (ScriptStatus::ExitFailure, 255)
    );
    assert!(
        (of(1).end - of(1).start).num_milliseconds() >= 2_900,
        "it was waited for"
    );
    assert_eq!(of(2).status, ScriptStatus::TimedOut);
    assert_eq!(of(3).status, ScriptStatus::Ok);
    assert!(!is_alive(machine.file("endless").trim().parse().unwrap()));
    assert!(machine.said("how it ended is not known"));
    let lines = machine.server.api().recorded().logs;
    let told = lines.iter().filter(|(_, log)| log.level == LogLevel::Error);
    assert_eq!(
        told.count(),
        2,
        "one for each script whose end is not known or came too late"
    );
    signal(&second, "TERM");
    assert!(soon(second.wait()).await.unwrap().success());
}

#[tokio::test]
async fn an_agent_that_ended_in_good_order_begins_anew() {
    let machine = Machine::with(vec![script(1, "echo run >> ~/runs")]).await;
    for _ in 0..2 {
        let mut child = machine.start();
        machine.server.tunnel().await.ping().await.unwrap();
        let ready = || {
            let states = machine.server.api().recorded();
            let states = states
                .lifecycle
                .get(states.states_before_run..)
                .unwrap()
                .to_vec();
            states.last().is_some_and(|last| last.state == S::Ready)
        };
        until("ready", ready).await;
        signal(&child, "TERM");
        assert!(soon(child.wait()).await.unwrap().success());
    }
    assert_eq!(machine.file("runs"), "run\nrun\n");
    assert_eq!(
        machine.server.api().states(),
        [S::Starting, S::Ready, S::ShuttingDown, S::Off].repeat(2)
    );
}

fn kill(signal: &str, pid: &str) {
    let sent = std::process::Command::new("kill")
        .args([&format!("-{signal}"), pid])
        .status();
    assert!(sent.unwrap().success());
}
