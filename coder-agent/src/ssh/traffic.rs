use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what sessions and forwarded streams move. Keep-alives and handshakes do not count, so
/// that an open connection that nobody uses adds nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic(Arc<Bytes>);

#[derive(Debug, Default)]
struct Bytes {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Traffic {
    pub(super) fn received(&self, bytes: usize) {
        self.0.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.0.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Received and sent bytes.
    pub(super) fn totals(&self) -> (u64, u64) {
        (
            self.0.received.load(Ordering::Relaxed),
            self.0.sent.load(Ordering::Relaxed),
        )
    }
}
