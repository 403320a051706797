use super::StoreResult;
use crate::{git_ssh_key::GitSshKey, id::UserId};
use async_trait::async_trait;

/// Key pairs for Git hosts, at most one per user.
#[async_trait]
pub trait GitSshKeyStore: Send {
    /// That of a user.
    async fn get(&mut self, user: UserId) -> StoreResult<Option<GitSshKey>>;
    /// The user's pair; `key` becomes it when there is none. Of several at once all answer the same.
    async fn get_or_insert(&mut self, key: &GitSshKey) -> StoreResult<GitSshKey>;
    /// Replaces `private_key`, `public_key` and `updated_at` of the user's pair.
    async fn update(&mut self, key: &GitSshKey) -> StoreResult<()>;
    /// Removes a user's pair.
    async fn delete(&mut self, user: UserId) -> StoreResult<()>;
}
