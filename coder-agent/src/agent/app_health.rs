//! Whether the template's apps answer.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coder_core::id::WorkspaceAppId;
use futures_util::future::join_all;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::http_client::for_any;
use crate::protocol::{App, AppHealth, AppHealthUpdate, ReportAppHealth};
use crate::{AgentApi, Error, ErrorKind, Result};

/// How often changes are sent.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How much shorter than the interval a check may take.
const MARGIN: Duration = Duration::from_millis(1);

/// More apps than any template has; the rest is left out.
const MAX_APPS: usize = 256;

/// Changes not sent yet.
type Pending = Mutex<BTreeMap<WorkspaceAppId, AppHealth>>;

/// Checks and reports for ever; returns at once when no app wants to be checked.
pub(super) async fn watch(api: &dyn AgentApi, apps: &[App]) -> Result<()> {
    let checked: Vec<&App> = apps
        .iter()
        .filter(|app| wants_check(app))
        .take(MAX_APPS)
        .collect();
    if checked.is_empty() {
        return Ok(());
    }
    // Apps are inside the workspace: no proxy leads there, and where they redirect to is not
    // what was asked for.
    let builder = || {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
    };
    let client = for_any(builder).map_err(|error| {
        Error::new(ErrorKind::Internal, "health checks cannot be set up").with_source(error)
    })?;
    let pending = Pending::default();
    let checks = checked
        .into_iter()
        .map(|app| keep_checking(&client, app, &pending));
    tokio::join!(join_all(checks), keep_reporting(api, &pending));
    Ok(())
}

fn wants_check(app: &App) -> bool {
    let check = &app.healthcheck;
    !check.url.is_empty() && check.interval > 0 && check.threshold > 0
}

async fn keep_checking(client: &reqwest::Client, app: &App, pending: &Pending) {
    let period = Duration::from_secs(app.healthcheck.interval);
    let mut state = HealthState::new(app.health, app.healthcheck.threshold);
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let answer = client
            .get(&app.healthcheck.url)
            .timeout(period - MARGIN)
            .send()
            .await;
        let answers = answer.is_ok_and(|answer| answer.status().as_u16() < 500);
        if let Some(health) = state.on(answers) {
            tracing::info!(app = %app.slug, %health, "health of app changed");
            lock(pending).insert(app.id, health);
        }
    }
}

async fn keep_reporting(api: &dyn AgentApi, pending: &Pending) {
    let mut ticks = interval(REPORT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let changes = std::mem::take(&mut *lock(pending));
        if changes.is_empty() {
            continue;
        }
        let updates = changes
            .iter()
            .map(|(&id, &health)| AppHealthUpdate { id, health });
        let report = ReportAppHealth {
            healths: updates.collect(),
        };
        match api.report_app_health(report).await {
            Err(error) if error.is_temporary() => {
                for (id, health) in changes {
                    lock(pending).entry(id).or_insert(health);
                }
                sleep(REPORT_INTERVAL).await;
            }
            Err(error) => tracing::warn!(%error, "server refused the health of apps"),
            Ok(()) => {}
        }
    }
}

fn lock(pending: &Pending) -> MutexGuard<'_, BTreeMap<WorkspaceAppId, AppHealth>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The health of one app as its checks change it.
#[derive(Debug)]
struct HealthState {
    health: AppHealth,
    failures: u32,
    threshold: u32,
}

impl HealthState {
    const fn new(health: AppHealth, threshold: u32) -> Self {
        Self {
            health,
            failures: 0,
            threshold,
        }
    }

    /// Takes the result of a check and gives the new health when it changed. One answer makes an
    /// app healthy; one failure more than the threshold in a row makes it unhealthy.
    fn on(&mut self, answers: bool) -> Option<AppHealth> {
        self.failures = if answers {
            0
        } else {
            self.failures.saturating_add(1)
        };
        let health = if answers {
            AppHealth::Healthy
        } else if self.failures > self.threshold {
            AppHealth::Unhealthy
        } else {
            self.health
        };
        let changed = health != self.health;
        self.health = health;
        changed.then_some(health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_changes() {
        let mut state = HealthState::new(AppHealth::Initializing, 2);
        assert_eq!(state.on(false), None);
        assert_eq!(state.on(false), None);
        assert_eq!(state.on(false), Some(AppHealth::Unhealthy));
        assert_eq!(state.on(false), None);
        assert_eq!(state.on(true), Some(AppHealth::Healthy));
        assert_eq!(state.on(true), None);
        for _ in 0..2 {
            assert_eq!(state.on(false), None);
        }
        assert_eq!(
            state.on(true),
            None,
            "one answer forgives the failures before it"
        );
        for _ in 0..2 {
            assert_eq!(state.on(false), None);
        }
        assert_eq!(state.on(false), Some(AppHealth::Unhealthy));
    }
}
