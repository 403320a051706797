//! Daemons in processes of their own, killed at the steps of builds of ten resources. Covers R2.

use super::{
    crashes::{Bench, ORPHANS, RELEASE, RESOURCES, USABLE, number, worst},
    external::{ExternalDaemon, server},
};
use coder_tests::wait_for;
use std::time::Instant;

fn daemon(bench: &Bench) -> ExternalDaemon {
    let deployment = &bench.deployment;
    ExternalDaemon::start(deployment, deployment.command(), &deployment.url())
}

#[test]
fn a_daemon_killed_at_any_step_loses_nothing() {
    let Some(deployment) = server() else {
        return;
    };
    // The template's import needs one already.
    let mut running = ExternalDaemon::start(&deployment, deployment.command(), &deployment.url());
    let bench = Bench::on(deployment);
    let steps: Vec<usize> = match number("CODER_FAULT_RUNS") {
        Some(_) => (1..=RESOURCES.len()).collect(),
        None => vec![1, 5, 9],
    };
    let mut released = Vec::new();
    for step in steps {
        let lane = bench.create(&format!("step{step}"));
        wait_for("the step", USABLE, || {
            (bench.journal(&lane).lines().count() + 1 >= step).then_some(())
        });
        running.signal("-KILL");
        let killed = Instant::now();
        // Its Terraform ends gently, and the next daemon on the machine hands in what was made.
        drop(running);
        running = daemon(&bench);
        let build = bench.ended(&lane, RELEASE);
        released.push(killed.elapsed());
        let status = build["job"]["status"].as_str().unwrap_or_default();
        assert!(["failed", "succeeded"].contains(&status), "{build}");
        wait_for("what it ran to end", ORPHANS, || {
            bench.working().is_empty().then_some(())
        });
        bench.check(&lane, true);
        bench.succeeds(&lane, "start");
        bench.check_whole(&lane);
        bench.succeeds(&lane, "delete");
        assert!(bench.exists(&lane).is_empty());
    }
    eprintln!(
        "{} steps: 0 resources lost, free after at most {} ms",
        released.len(),
        worst(&released)
    );
}
