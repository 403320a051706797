//! Uploaded archives.

use super::Deps;
use crate::{
    Error,
    file::{File, TAR},
    id::FileId,
    rbac::{Action, Object, ResourceType, Subject},
};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Keeps a tar archive. The same bytes of the same uploader are kept once; says whether they are new.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) without permission.
pub async fn upload(deps: &Deps, subject: &Subject, tar: Vec<u8>) -> Result<(FileId, bool), Error> {
    let own = Object::of(ResourceType::File).owned_by(subject.user_id);
    deps.require(subject, Action::Create, &own)?;
    let hash = hash(&tar);
    let mut tx = deps.begin().await?;
    if let Some(id) = tx.files().find(&hash, subject.user_id).await? {
        tx.commit().await?;
        return Ok((id, false));
    }
    let file = File {
        id: FileId::generate(&*deps.entropy),
        hash,
        created_by: subject.user_id,
        created_at: deps.now(),
        mimetype: TAR.to_owned(),
        data: tar,
    };
    let inserted = tx.files().insert(&file).await;
    match inserted {
        Ok(()) => {
            tx.commit().await?;
            Ok((file.id, true))
        }
        // Another upload of the same bytes was faster.
        Err(error) if error.is_conflict_with("files_hash_created_by_key") => {
            drop(tx);
            let mut tx = deps.begin().await?;
            let found = tx.files().find(&file.hash, file.created_by).await?;
            tx.commit().await?;
            Ok((found.ok_or(error)?, false))
        }
        Err(error) => Err(error.into()),
    }
}

/// Lower-case hexadecimal SHA-256.
pub(super) fn hash(data: &[u8]) -> String {
    let text = String::with_capacity(64);
    Sha256::digest(data).iter().fold(text, |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// An archive that the caller may see.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound).
pub async fn get(deps: &Deps, subject: &Subject, id: FileId) -> Result<File, Error> {
    let mut tx = deps.begin().await?;
    let file = tx.files().get(id).await?;
    tx.commit().await?;
    deps.permitted(subject, Action::Read, file)
}
