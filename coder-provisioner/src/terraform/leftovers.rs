//! What sessions of killed daemons left behind.
//!
//! The newest state of such a session may be nowhere but in its directory: it is the daemon that hands each version to
//! the server. So the next daemon with the same work directory looks for directories that nobody holds, and hands in
//! what is there under the lease of that time. When the job has been given up meanwhile, the server takes nothing: then
//! the directory is kept for a while, for an administrator.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use coder_core::id::{LeaseId, ProvisionerJobId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::state::{Found, STATE_FILE, StateFile};
use super::workdir;
use crate::{Error, Leftover, Result};

/// Whose a session's directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) job_id: ProvisionerJobId,
    pub(super) lease: LeaseId,
}

/// The abandoned sessions below `parent`. Blocks.
pub(super) fn find(parent: &Path) -> Vec<Leftover> {
    let roots = workdir::sessions(parent);
    roots.into_iter().filter_map(|root| take(&root)).collect()
}

fn take(root: &Path) -> Option<Leftover> {
    let control = root.join(workdir::CONTROL);
    let owner = fs::read(control.join(workdir::OWNER)).ok()?;
    let owner: Owner = serde_json::from_slice(&owner).ok()?;
    let lock = File::open(control.join(workdir::LOCK)).ok()?;
    // Held for as long as the daemon or a Terraform of the session lives.
    lock.try_lock().ok()?;
    let state = state(root, &control);
    let (root, kept) = (root.to_owned(), state.is_some());
    Some(Leftover::new(
        owner.job_id,
        owner.lease,
        state,
        move |taken| {
            settle(&root, owner, taken || !kept);
            drop(lock);
        },
    ))
}

/// The state, if it may have changed.
fn state(root: &Path, control: &Path) -> Option<Bytes> {
    if !control.join(workdir::APPLYING).exists() {
        return None;
    }
    match StateFile::new(&root.join(workdir::TEMPLATE)).read_blocking() {
        Found::Whole(state) => Some(state),
        Found::Nothing | Found::Broken => None,
    }
}

fn settle(root: &Path, owner: Owner, remove: bool) {
    let done = if remove {
        fs::remove_dir_all(root)
    } else {
        say_kept(owner.job_id, root);
        fs::remove_file(root.join(workdir::CONTROL).join(workdir::OWNER))
    };
    if let Err(error) = done {
        tracing::warn!(path = %root.display(), %error, "an abandoned work directory stays behind");
    }
}

fn say_kept(job_id: ProvisionerJobId, root: &Path) {
    tracing::error!(
        %job_id, path = %root.display(),
        "the job was given up before its state could be handed in; the state is kept here for a week: \
         compare it with `coder state pull`, and hand it in with `coder state push`"
    );
}

/// Keeps a state that the server did not take, in a directory like that of a session. Blocks.
pub(super) fn keep(parent: &Path, id: Uuid, job_id: ProvisionerJobId, state: &[u8]) -> Result<()> {
    let root = workdir::root(parent, id);
    let template = root.join(workdir::TEMPLATE);
    let written = workdir::create_private(&template)
        .and_then(|()| fs::write(template.join(STATE_FILE), state));
    written.map_err(|error| Error::internal(format!("write to {}", root.display()), error))?;
    say_kept(job_id, &root);
    Ok(())
}

/// Says whose a session's directory is, in one step.
pub(super) fn note(control: &Path, owner: Owner) -> std::io::Result<()> {
    let path: PathBuf = control.join(workdir::OWNER);
    let new = path.with_extension("new");
    fs::write(&new, serde_json::to_vec(&owner)?)?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::super::workdir::WorkDirectory;
    use super::*;

    const STATE: &str = "{\"version\":4,\"serial\":1}";

    fn owner() -> Owner {
        Owner {
            job_id: ProvisionerJobId(Uuid::from_u128(1)),
            lease: LeaseId(Uuid::from_u128(2)),
        }
    }

    fn session(parent: &Path) -> WorkDirectory {
        let directory = WorkDirectory::create(parent, Uuid::from_u128(7), owner()).unwrap();
        fs::write(directory.template().join("terraform.tfstate"), STATE).unwrap();
        directory
    }

    /// Ends a session as a kill would: the lock is gone, the files are not.
    fn kill(directory: WorkDirectory) {
        directory.abandon();
    }

    // Covers R1.
    #[test]
    fn a_killed_session_is_found_once_nobody_holds_it() {
        let parent = tempfile::tempdir().unwrap();
        let directory = session(parent.path());
        directory.begin_apply().unwrap();
        assert!(find(parent.path()).is_empty());
        kill(directory);
        let found = find(parent.path());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].state.as_deref(), Some(STATE.as_bytes()));
        assert_eq!(
            (found[0].job_id, found[0].lease),
            (owner().job_id, owner().lease)
        );
        // Another daemon looks at the same time.
        assert!(find(parent.path()).is_empty());
        drop(found);
        // The server could not be asked: the next look finds it again.
        let found = find(parent.path());
        found.into_iter().for_each(|leftover| leftover.settle(true));
        assert!(workdir::sessions(parent.path()).is_empty());
    }

    #[test]
    fn what_the_server_does_not_take_is_kept_and_not_offered_again() {
        let parent = tempfile::tempdir().unwrap();
        let directory = session(parent.path());
        directory.begin_apply().unwrap();
        kill(directory);
        find(parent.path())
            .into_iter()
            .for_each(|leftover| leftover.settle(false));
        assert!(find(parent.path()).is_empty());
        let [root] = &workdir::sessions(parent.path())[..] else {
            panic!("it is kept")
        };
        assert!(root.join("template/terraform.tfstate").exists());
    }

    #[test]
    fn an_apply_that_is_cut_off_leaves_its_state() {
        let parent = tempfile::tempdir().unwrap();
        let directory = session(parent.path());
        directory.begin_apply().unwrap();
        directory.end_apply();
        drop(directory);
        assert!(workdir::sessions(parent.path()).is_empty());
        let directory = session(parent.path());
        directory.begin_apply().unwrap();
        drop(directory);
        assert_eq!(find(parent.path()).len(), 1);
    }

    #[test]
    fn a_state_that_was_not_taken_is_kept_for_people() {
        let parent = tempfile::tempdir().unwrap();
        keep(
            parent.path(),
            Uuid::from_u128(3),
            owner().job_id,
            STATE.as_bytes(),
        )
        .unwrap();
        assert!(find(parent.path()).is_empty());
        let [root] = &workdir::sessions(parent.path())[..] else {
            panic!("it is kept")
        };
        let kept = fs::read_to_string(root.join("template/terraform.tfstate"));
        assert_eq!(kept.unwrap(), STATE);
    }

    #[test]
    fn before_an_apply_there_is_no_state_to_keep() {
        let parent = tempfile::tempdir().unwrap();
        kill(session(parent.path()));
        let found = find(parent.path());
        assert_eq!(found[0].state, None);
        found
            .into_iter()
            .for_each(|leftover| leftover.settle(false));
        assert!(workdir::sessions(parent.path()).is_empty());
    }
}
