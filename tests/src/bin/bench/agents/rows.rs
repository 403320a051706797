//! Workspaces with agents, copied in the database: building thousands would measure something else.

use coder_tests::{Deployment, Outcome};
use std::{path::PathBuf, process::Command, thread::sleep, time::Duration};

/// The deployment's database.
pub(crate) struct Rows {
    socket: PathBuf,
}

impl Rows {
    pub(crate) fn new(deployment: &Deployment) -> Self {
        Self {
            socket: deployment.folder().join("server/postgres/run"),
        }
    }

    /// Copies the workspace `dev`; agent number `n` has the token of number `n`.
    pub(crate) fn add_agents(&self, count: usize) {
        let sql = COPY.replace("{count}", &count.to_string());
        drop(self.ask(&sql));
    }

    pub(crate) fn now(&self) -> String {
        self.ask("SELECT clock_timestamp()")
    }

    /// Whether so many agents were noted as connected since.
    pub(crate) fn all_seen_since(&self, since: &str, count: usize) -> Option<()> {
        let sql = format!(
            "SELECT count(*) FROM workspace_agents WHERE name <> 'main' AND disconnected_at IS NULL \
             AND last_connected_at > '{since}'"
        );
        let seen: usize = self.ask(&sql).parse().ok()?;
        (seen >= count).then_some(())
    }

    /// Transactions per second over a while.
    pub(crate) fn statements(&self, time: Duration) -> f64 {
        let count = || -> f64 {
            let sql =
                "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'coder'";
            self.ask(sql).parse().expect("a number")
        };
        let before = count();
        sleep(time);
        (count() - before) / time.as_secs_f64()
    }

    fn ask(&self, sql: &str) -> String {
        let mut psql = Command::new("psql");
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "coder",
            "-d",
            "coder",
        ])
        .arg("-h")
        .arg(&self.socket)
        .args(["-c", sql]);
        let answer = Outcome::of(psql.output()).expect_success("psql");
        answer.trim().to_owned()
    }
}

/// Everything that a current agent hangs on, once more for each number.
const COPY: &str = "
CREATE TEMP TABLE source AS
    SELECT w.id AS workspace, b.id AS build, b.job_id AS job, r.id AS resource, a.id AS agent
    FROM workspaces w JOIN workspace_builds b ON b.workspace_id = w.id
    JOIN workspace_resources r ON r.job_id = b.job_id JOIN workspace_agents a ON a.resource_id = r.id
    WHERE w.name = 'dev' LIMIT 1;
INSERT INTO provisioner_jobs SELECT (jsonb_populate_record(o, jsonb_build_object(
    'id', md5('j' || n)::uuid))).*
    FROM provisioner_jobs o, source s, generate_series(1, {count}) n WHERE o.id = s.job;
INSERT INTO workspaces SELECT (jsonb_populate_record(o, jsonb_build_object(
    'id', md5('w' || n)::uuid, 'name', 'copy-' || n))).*
    FROM workspaces o, source s, generate_series(1, {count}) n WHERE o.id = s.workspace;
INSERT INTO workspace_builds SELECT (jsonb_populate_record(o, jsonb_build_object(
    'id', md5('b' || n)::uuid, 'workspace_id', md5('w' || n)::uuid, 'job_id', md5('j' || n)::uuid))).*
    FROM workspace_builds o, source s, generate_series(1, {count}) n WHERE o.id = s.build;
INSERT INTO workspace_resources SELECT (jsonb_populate_record(o, jsonb_build_object(
    'id', md5('r' || n)::uuid, 'job_id', md5('j' || n)::uuid))).*
    FROM workspace_resources o, source s, generate_series(1, {count}) n WHERE o.id = s.resource;
INSERT INTO workspace_agents SELECT (jsonb_populate_record(o, jsonb_build_object(
    'id', md5('a' || n)::uuid, 'resource_id', md5('r' || n)::uuid, 'name', 'copy',
    'first_connected_at', NULL, 'last_connected_at', NULL, 'disconnected_at', NULL,
    'auth_token_hash', sha256(convert_to('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'), 'UTF8'))))).*
    FROM workspace_agents o, source s, generate_series(1, {count}) n WHERE o.id = s.agent;
ANALYZE;
";
