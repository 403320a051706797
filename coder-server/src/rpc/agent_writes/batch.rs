use std::time::Duration;
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// How long is waited for more.
const PERIOD: Duration = Duration::from_millis(500);
/// How many are written together at most.
const MOST: usize = 2_000;

/// Hands over together what comes within a moment, until `shutdown`; what came before that is not lost.
pub(super) async fn run<T, F>(
    mut queue: Receiver<T>,
    shutdown: CancellationToken,
    mut write: impl FnMut(Vec<T>) -> F,
) where
    F: Future<Output = ()>,
{
    loop {
        let first = tokio::select! {
            first = queue.recv() => first,
            () = shutdown.cancelled() => break,
        };
        let Some(first) = first else { return };
        let deadline = Instant::now() + PERIOD;
        let mut items = vec![first];
        while items.len() < MOST {
            tokio::select! {
                item = timeout_at(deadline, queue.recv()) => match item {
                    Ok(Some(item)) => items.push(item),
                    Ok(None) | Err(_) => break,
                },
                () = shutdown.cancelled() => break,
            }
        }
        write(items).await;
    }
    queue.close();
    let mut items = Vec::new();
    while queue.recv_many(&mut items, MOST).await > 0 {
        write(std::mem::take(&mut items)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tokio::sync::mpsc;

    #[tokio::test(start_paused = true)]
    async fn what_comes_within_a_moment_is_written_together() {
        let (sender, queue) = mpsc::channel(10_000);
        let shutdown = CancellationToken::new();
        let written = Arc::new(Mutex::new(Vec::new()));
        let sizes = Arc::clone(&written);
        let write = move |items: Vec<usize>| {
            sizes.lock().unwrap().push(items.len());
            async {}
        };
        let running = tokio::spawn(run(queue, shutdown.clone(), write));
        for number in 0..5_000 {
            sender.send(number).await.unwrap();
        }
        tokio::time::sleep(PERIOD * 2).await;
        sender.send(1).await.unwrap();
        tokio::time::sleep(PERIOD / 2).await;
        assert_eq!(*written.lock().unwrap(), [2_000, 2_000, 1_000]);
        sender.send(2).await.unwrap();
        shutdown.cancel();
        running.await.unwrap();
        // Both were ready, so the last one may have been taken with the one before or alone.
        let last: usize = written.lock().unwrap().iter().skip(3).sum();
        assert_eq!(last, 2, "nothing is lost");
        assert!(sender.send(3).await.is_err());
    }
}
