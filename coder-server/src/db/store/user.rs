//! Users.

use async_trait::async_trait;
use coder_core::{
    Timestamp,
    id::UserId,
    secret::Secret,
    store::{Page, StoreResult, UserStore},
    user::{User, UserFilter},
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::NotSet, IntoActiveModel as _, entity::prelude::*,
};

use crate::db::{
    convert::{FromRow, uuids, word},
    entity::user,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "users";

#[async_trait]
impl UserStore for PgTransaction {
    async fn insert(&mut self, user: &User) -> StoreResult<()> {
        self.insert_row(row(user)).await
    }

    async fn get(&mut self, id: UserId) -> StoreResult<Option<User>> {
        self.find_one(user::Entity::find_by_id(id.0)).await
    }

    async fn get_many(&mut self, ids: &[UserId]) -> StoreResult<Vec<User>> {
        self.find_all(user::Entity::find().filter(user::Column::Id.eq_any(uuids(ids))))
            .await
    }

    async fn by_username(&mut self, username: &str) -> StoreResult<Option<User>> {
        let mut query =
            Query::new("SELECT * FROM users WHERE NOT deleted AND lower(username) = lower(");
        query.bind(username).push(")");
        self.query_one(&query).await
    }

    async fn by_email(&mut self, email: &str) -> StoreResult<Option<User>> {
        let mut query =
            Query::new("SELECT * FROM users WHERE NOT deleted AND lower(email) = lower(");
        query.bind(email).push(")");
        self.query_one(&query).await
    }

    async fn list(&mut self, filter: &UserFilter, page: Page) -> StoreResult<(Vec<User>, u64)> {
        let conditions = conditions(filter);
        let count = self
            .query_count(&conditions.with_prefix("SELECT count(*)"))
            .await?;
        let mut query = conditions.with_prefix("SELECT *");
        query
            .push(" ORDER BY lower(username) COLLATE \"C\", id")
            .page(page);
        Ok((self.query_all(&query).await?, count))
    }

    async fn count(&mut self) -> StoreResult<u64> {
        self.query_count(&Query::new("SELECT count(*) FROM users WHERE NOT deleted"))
            .await
    }

    async fn update(&mut self, user: &User) -> StoreResult<()> {
        let mut values = row(user).into_active_model().reset_all();
        values.id = NotSet;
        values.created_at = NotSet;
        self.update_rows(values, user::Column::Id.eq(user.id.0))
            .await
    }

    async fn touch(&mut self, id: UserId, seen: Timestamp) -> StoreResult<()> {
        let mut query = Query::new("UPDATE users SET last_seen_at = ");
        query.bind(seen).push(" WHERE id = ").bind(id.0);
        self.execute(&query).await.map(|_| ())
    }
}

fn conditions(filter: &UserFilter) -> Query {
    let mut query = Query::new(" FROM users WHERE NOT deleted");
    if let Some(search) = &filter.search {
        // Not LIKE: the text may hold its special characters.
        query.push(" AND strpos(lower(concat_ws(chr(10), username, email, name)), lower(");
        query.bind(search).push(")) > 0");
    }
    if !filter.status.is_empty() {
        let status: Vec<String> = filter.status.iter().map(ToString::to_string).collect();
        query.push(" AND status = ANY(").bind(status).push(")");
    }
    // Everyone is a member.
    if !filter.roles.is_empty() && !filter.roles.iter().any(|role| role == "member") {
        query.push(" AND roles && ").bind(filter.roles.clone());
    }
    query
}

fn row(user: &User) -> user::Model {
    user::Model {
        id: user.id.0,
        email: user.email.clone(),
        username: user.username.clone(),
        name: user.name.clone(),
        avatar_url: user.avatar_url.clone(),
        password_hash: user
            .password_hash
            .as_ref()
            .map(|hash| hash.expose().to_owned()),
        created_at: user.created_at,
        updated_at: user.updated_at,
        last_seen_at: user.last_seen_at,
        status: user.status.to_string(),
        login_type: user.login_type.to_string(),
        roles: user.roles.clone(),
        deleted: user.deleted,
    }
}

impl FromRow for User {
    type Row = user::Model;

    fn from_row(row: user::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            email: row.email,
            username: row.username,
            name: row.name,
            avatar_url: row.avatar_url,
            password_hash: row.password_hash.map(Secret::new),
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_seen_at: row.last_seen_at,
            status: word(TABLE, &row.status)?,
            login_type: word(TABLE, &row.login_type)?,
            roles: row.roles,
            deleted: row.deleted,
        })
    }
}
