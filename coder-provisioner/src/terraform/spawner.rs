//! Starts child processes from one thread that lives as long as this process.
//!
//! The kernel's "kill when the parent ends" means the parent *thread*. The threads of an
//! asynchronous runtime come and go, and would take Terraform with them.

use std::io;
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Request {
    command: Command,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Requests that may wait; starting a process takes about a millisecond.
const QUEUE: usize = 16;

/// Starts a process.
pub(super) async fn spawn(command: Command) -> io::Result<Child> {
    static THREAD: OnceLock<SyncSender<Request>> = OnceLock::new();
    let sender = match THREAD.get() {
        Some(sender) => sender.clone(),
        None => {
            let sender = start()?;
            THREAD.get_or_init(|| sender).clone()
        }
    };
    let (reply, child) = oneshot::channel();
    let request = Request {
        command,
        runtime: Handle::current(),
        reply,
    };
    let gone = || io::Error::other("the thread that starts processes has ended");
    // A full queue blocks; that is better done on a thread for blocking work.
    tokio::task::spawn_blocking(move || sender.send(request).is_ok())
        .await
        .map_err(io::Error::other)?
        .then_some(())
        .ok_or_else(gone)?;
    child.await.map_err(|_| gone())?
}

fn start() -> io::Result<SyncSender<Request>> {
    let (sender, requests) = sync_channel::<Request>(QUEUE);
    thread::Builder::new()
        .name("terraform-spawner".to_owned())
        .spawn(move || {
            for Request {
                mut command,
                runtime,
                reply,
            } in requests
            {
                let entered = runtime.enter();
                let child = command.spawn();
                drop(entered);
                // Nobody waits any more: the child is dropped, and killed as it is set to be.
                let _ = reply.send(child);
            }
        })?;
    Ok(sender)
}
