//! How much of a start is not Terraform's: a `terraform` that writes down when each command of the real one ran.

use crate::figures::{milliseconds, percentile, row};
use coder_tests::{Deployment, Outcome};
use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

const STARTS: usize = 15;

pub(crate) fn measure(coder: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let path = recorder(folder.path(), &log);
    let deployment = Deployment::start_with(coder, &[("PATH", &path)]);
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    let (mut ours, mut all) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        deployment.must(&["stop", "dev", "--yes"]);
        fs::write(&log, "").expect("written");
        let begin = Instant::now();
        deployment.must(&["start", "dev", "--yes"]);
        let whole = begin.elapsed();
        ours.push(whole.saturating_sub(recorded(&log)));
        all.push(whole);
    }
    let whole = milliseconds(percentile(&mut all, 50));
    let what = format!(
        "our share of a start, median of {STARTS}, ms: all of {whole:.0} ms but Terraform's own processes"
    );
    row(&what, milliseconds(percentile(&mut ours, 50)), 150.0);
    deployment.must(&["delete", "dev", "--yes"]);
}

/// A folder for PATH with the recorder in front. Its time counts as Terraform's but for bash's own start.
fn recorder(folder: &Path, log: &Path) -> String {
    let real = Outcome::of(
        Command::new("sh")
            .args(["-c", "command -v terraform"])
            .output(),
    );
    let real = real.expect_success("finding terraform");
    let text = format!(
        "#!/bin/bash\nbegin=$EPOCHREALTIME\n{} \"$@\"\ncode=$?\necho \"$begin $EPOCHREALTIME\" >>{}\nexit $code\n",
        real.trim(),
        log.display()
    );
    let program = folder.join("terraform");
    fs::write(&program, text).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    format!(
        "{}:{}",
        folder.display(),
        env::var("PATH").unwrap_or_default()
    )
}

fn recorded(log: &Path) -> Duration {
    let text = fs::read_to_string(log).expect("written by the recorder");
    let lines = text.lines().map(|line| {
        let (begin, end) = line.split_once(' ').expect("two times");
        let at = |text: &str| -> f64 { text.parse().expect("a time") };
        Duration::from_secs_f64(at(end) - at(begin))
    });
    lines.sum()
}
