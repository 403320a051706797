//! Empties the two queues into the server.

use std::sync::Arc;
use std::time::Duration;

use coder_core::clock::Entropy;
use tokio::time::sleep;

use super::outbox::Outbox;
use crate::backoff::{Backoff, jitter};
use crate::script::LogQueue;
use crate::{AgentApi, Error, ErrorKind};

/// How long lines are collected before they are sent together.
const COLLECT: Duration = Duration::from_millis(100);

/// Sends reports in their order for ever.
pub(super) async fn send_reports(
    api: Arc<dyn AgentApi>,
    outbox: Outbox,
    entropy: Arc<dyn Entropy>,
) {
    let mut backoff = Backoff::default();
    loop {
        let report = outbox.first().await;
        match report.send(&*api).await {
            Err(error) if is_worth_another_try(&error) => {
                sleep(backoff.next(jitter(&*entropy))).await;
                continue;
            }
            Err(error) => tracing::warn!(?report, %error, "server refused a report"),
            Ok(()) => {}
        }
        backoff.reset();
        outbox.pop(&report);
    }
}

/// Sends lines in their order until the server takes no more.
pub(super) async fn send_logs(api: Arc<dyn AgentApi>, logs: LogQueue, entropy: Arc<dyn Entropy>) {
    let mut backoff = Backoff::default();
    loop {
        logs.filled().await;
        sleep(COLLECT).await;
        while let Some(batch) = logs.take_batch() {
            match api.patch_logs(batch.clone()).await {
                Err(error) if is_worth_another_try(&error) => {
                    logs.give_back(batch);
                    sleep(backoff.next(jitter(&*entropy))).await;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::TooLarge => {
                    tracing::warn!("server's log of this agent is full, no more is sent");
                    logs.close();
                    return;
                }
                Err(error) => tracing::warn!(%error, "server refused log lines"),
                Ok(()) => {}
            }
            backoff.reset();
            logs.sent();
        }
    }
}

/// Whether time, or a new token behind a restarted server, may change the answer.
fn is_worth_another_try(error: &Error) -> bool {
    error.is_temporary()
        || matches!(
            error.kind(),
            ErrorKind::Unauthenticated | ErrorKind::Forbidden
        )
}
