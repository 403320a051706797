//! Empties the two queues into the server.

use std::sync::Arc;
use std::time::Duration;

use coder_core::clock::Entropy;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::outbox::Outbox;
use crate::backoff::{Backoff, jitter};
use crate::script::LogQueue;
use crate::{AgentApi, Error, ErrorKind};

/// How long lines are collected before they are sent together.
const COLLECT: Duration = Duration::from_millis(100);

/// Sends reports in their order for ever. Once `ending`, a server that knows the agent no more is believed.
pub(super) async fn send_reports(
    api: Arc<dyn AgentApi>,
    outbox: Outbox,
    entropy: Arc<dyn Entropy>,
    ending: CancellationToken,
) {
    let mut backoff = Backoff::default();
    loop {
        let report = outbox.first().await;
        match report.send(&*api).await {
            Err(error) if is_worth_another_try(&error, ending.is_cancelled()) => {
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

/// Sends lines in their order until the server takes no more; `ending` as with reports.
pub(super) async fn send_logs(
    api: Arc<dyn AgentApi>,
    logs: LogQueue,
    entropy: Arc<dyn Entropy>,
    ending: CancellationToken,
) {
    let mut backoff = Backoff::default();
    loop {
        logs.filled().await;
        sleep(COLLECT).await;
        while let Some(batch) = logs.take_batch() {
            match api.patch_logs(batch.clone()).await {
                Err(error) if is_worth_another_try(&error, ending.is_cancelled()) => {
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

/// Whether time may change the answer: a refused token may be that of a build which is not recorded yet, but
/// not when the agent is `ending`.
fn is_worth_another_try(error: &Error, ending: bool) -> bool {
    let refused = matches!(
        error.kind(),
        ErrorKind::Unauthenticated | ErrorKind::Forbidden
    );
    error.is_temporary() || (refused && !ending)
}
