use super::{MemoryTransaction, table::unique, text};
use crate::{
    Timestamp,
    id::UserId,
    store::{Page, StoreResult, UserStore},
    user::{User, UserFilter},
};
use async_trait::async_trait;

impl MemoryTransaction {
    fn live_user(&self, matches: impl Fn(&User) -> bool) -> Option<User> {
        let found = self.data.users.find(|user| !user.deleted && matches(user));
        found.cloned()
    }

    fn check_user(&self, user: &User) -> StoreResult<()> {
        text::check([
            ("email", user.email.as_str()),
            ("username", &user.username),
            ("name", &user.name),
            ("avatar_url", &user.avatar_url),
        ])?;
        let taken = |same: &dyn Fn(&User) -> bool| {
            let other = |other: &User| other.id != user.id && !other.deleted && same(other);
            !user.deleted && self.data.users.any(other)
        };
        let email = taken(&|other| text::same(&other.email, &user.email));
        unique("users_email_key", !email)?;
        let username = taken(&|other| text::same(&other.username, &user.username));
        unique("users_username_key", !username)
    }
}

#[async_trait]
impl UserStore for MemoryTransaction {
    async fn insert(&mut self, user: &User) -> StoreResult<()> {
        self.check_user(user)?;
        self.data.users.insert("users_pkey", user.id, user.clone())
    }

    async fn get(&mut self, id: UserId) -> StoreResult<Option<User>> {
        Ok(self.data.users.get(&id).cloned())
    }

    async fn get_many(&mut self, ids: &[UserId]) -> StoreResult<Vec<User>> {
        Ok(self.data.users.get_many(ids))
    }

    async fn by_username(&mut self, username: &str) -> StoreResult<Option<User>> {
        Ok(self.live_user(|user| text::same(&user.username, username)))
    }

    async fn by_email(&mut self, email: &str) -> StoreResult<Option<User>> {
        Ok(self.live_user(|user| text::same(&user.email, email)))
    }

    async fn list(&mut self, filter: &UserFilter, page: Page) -> StoreResult<(Vec<User>, u64)> {
        let users = self.data.users.values();
        let mut found: Vec<&User> = users.filter(|user| matches(filter, user)).collect();
        found.sort_by_cached_key(|user| user.username.to_lowercase());
        let count = found.len() as u64;
        Ok((page.apply(found.into_iter().cloned()), count))
    }

    async fn count(&mut self) -> StoreResult<u64> {
        let live = self.data.users.values().filter(|user| !user.deleted);
        Ok(live.count() as u64)
    }

    async fn update(&mut self, user: &User) -> StoreResult<()> {
        self.check_user(user)?;
        if let Some(row) = self.data.users.update(&user.id) {
            let created_at = row.created_at;
            row.clone_from(user);
            row.created_at = created_at;
        }
        Ok(())
    }

    async fn touch(&mut self, id: UserId, seen: Timestamp) -> StoreResult<()> {
        if let Some(row) = self.data.users.update(&id) {
            row.last_seen_at = Some(seen);
        }
        Ok(())
    }
}

fn matches(filter: &UserFilter, user: &User) -> bool {
    let texts = [&user.username, &user.email, &user.name];
    let found = |part: &String| texts.iter().any(|text| text::holds(text, part));
    let holds = |role: &String| role == "member" || user.roles.contains(role);
    !user.deleted
        && filter.search.as_ref().is_none_or(found)
        && (filter.status.is_empty() || filter.status.contains(&user.status))
        && (filter.roles.is_empty() || filter.roles.iter().any(holds))
}
