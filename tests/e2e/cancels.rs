//! Builds of ten resources, canceled at random moments from before the claim to after the end. Covers R4 with real
//! Terraform; coder-server's own tests do the same with the echo provisioner a thousand times.

use super::crashes::{Bench, Dice, FEW, LANES, Lane, RELEASE, USABLE, number, worst};
use std::{
    collections::BTreeMap,
    thread::sleep,
    time::{Duration, Instant},
};

/// What came of the cancels.
#[derive(Default)]
struct Tally {
    ends: BTreeMap<String, usize>,
    late: Vec<Duration>,
}

impl Tally {
    /// Cancels the newest builds of these after `wait`, and checks how they end.
    fn cancel(&mut self, bench: &Bench, lanes: &[Lane], wait: Duration, making: bool) {
        sleep(wait);
        let asked = Instant::now();
        for lane in lanes {
            // 400 when the build has ended already.
            let status = bench.cancel(lane);
            assert!([200, 400].contains(&status), "the cancel answered {status}");
        }
        for lane in lanes {
            let build = bench.ended(lane, RELEASE);
            let status = build["job"]["status"].as_str().unwrap_or_default();
            assert!(["canceled", "succeeded"].contains(&status), "{build}");
            *self.ends.entry(status.to_owned()).or_default() += 1;
            bench.check(lane, making);
        }
        self.late.push(asked.elapsed());
    }
}

#[test]
fn a_build_canceled_at_any_moment_leaves_no_orphan() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    let bench = Bench::on(deployment);
    let runs = number("CODER_FAULT_RUNS").map_or(FEW, |runs| usize::try_from(runs).expect("small"));
    let seed = number("CODER_FAULT_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("CODER_FAULT_SEED={seed} CODER_FAULT_RUNS={runs}");
    let mut dice = Dice::new(seed);
    let (mut tally, mut points) = (Tally::default(), 0);
    while points < runs {
        let names = (0..LANES).map(|lane| format!("c{points}-{lane}"));
        let lanes: Vec<Lane> = names.map(|name| bench.create(&name)).collect();
        let wait = Duration::from_millis(dice.below(3_500));
        tally.cancel(&bench, &lanes, wait, true);
        eprintln!("point {points}: canceled a start after {wait:?}");
        for lane in &lanes {
            bench.build(lane, "start");
        }
        for lane in &lanes {
            let build = bench.ended(lane, USABLE);
            assert_eq!(build["job"]["status"], "succeeded", "{}", build["job"]);
            bench.check_whole(lane);
        }

        for lane in &lanes {
            bench.build(lane, "delete");
        }
        let wait = Duration::from_millis(dice.below(3_500));
        tally.cancel(&bench, &lanes, wait, false);
        eprintln!("point {points}: canceled a delete after {wait:?}");
        for lane in &lanes {
            if bench.latest(lane)["job"]["status"] != "succeeded" {
                bench.succeeds(lane, "delete");
            }
            let left = bench.exists(lane);
            assert!(left.is_empty(), "left: {left:?}");
        }
        points += 2 * LANES;
    }
    eprintln!(
        "{points} points: {:?}, 0 orphans; ended at most {} ms after the cancel",
        tally.ends,
        worst(&tally.late)
    );
}
