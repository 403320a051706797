use super::{Page, StoreResult};
use crate::{
    Timestamp,
    id::UserId,
    user::{User, UserFilter},
};
use async_trait::async_trait;

/// Users. Lookups skip deleted ones, except by id.
#[async_trait]
pub trait UserStore: Send {
    /// Adds one. Conflicts: `users_email_key`, `users_username_key` (both ignoring case).
    async fn insert(&mut self, user: &User) -> StoreResult<()>;
    /// By id, deleted or not.
    async fn get(&mut self, id: UserId) -> StoreResult<Option<User>>;
    /// Several by id, deleted or not, in no order.
    async fn get_many(&mut self, ids: &[UserId]) -> StoreResult<Vec<User>>;
    /// By username, ignoring case.
    async fn by_username(&mut self, username: &str) -> StoreResult<Option<User>>;
    /// By e-mail, ignoring case.
    async fn by_email(&mut self, email: &str) -> StoreResult<Option<User>>;
    /// A part of those that match, by username, and how many match.
    async fn list(&mut self, filter: &UserFilter, page: Page) -> StoreResult<(Vec<User>, u64)>;
    /// How many there are.
    async fn count(&mut self) -> StoreResult<u64>;
    /// Replaces everything but `id` and `created_at`. Conflicts as [`insert`](Self::insert).
    async fn update(&mut self, user: &User) -> StoreResult<()>;
    /// Notes that the user was seen.
    async fn touch(&mut self, id: UserId, seen: Timestamp) -> StoreResult<()>;
}
