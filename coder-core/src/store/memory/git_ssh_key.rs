use super::{MemoryTransaction, text};
use crate::{
    git_ssh_key::GitSshKey,
    id::UserId,
    store::{GitSshKeyStore, StoreResult},
};
use async_trait::async_trait;

#[async_trait]
impl GitSshKeyStore for MemoryTransaction {
    async fn get(&mut self, user: UserId) -> StoreResult<Option<GitSshKey>> {
        Ok(self.data.git_ssh_keys.get(&user).cloned())
    }

    async fn get_or_insert(&mut self, key: &GitSshKey) -> StoreResult<GitSshKey> {
        check(key)?;
        if let Some(present) = self.data.git_ssh_keys.get(&key.user_id) {
            return Ok(present.clone());
        }
        self.data.git_ssh_keys.put(key.user_id, key.clone());
        Ok(key.clone())
    }

    async fn update(&mut self, key: &GitSshKey) -> StoreResult<()> {
        check(key)?;
        if let Some(row) = self.data.git_ssh_keys.update(&key.user_id) {
            row.private_key = key.private_key.clone();
            row.public_key.clone_from(&key.public_key);
            row.updated_at = key.updated_at;
        }
        Ok(())
    }

    async fn delete(&mut self, user: UserId) -> StoreResult<()> {
        self.data.git_ssh_keys.remove(&user);
        Ok(())
    }
}

fn check(key: &GitSshKey) -> StoreResult<()> {
    text::check([
        ("private_key", key.private_key.expose()),
        ("public_key", key.public_key.as_str()),
    ])
}
