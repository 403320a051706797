//! A unit of work on one connection.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use coder_core::{
    event::Event,
    store::{
        AgentIdentityStore, ApiKeyStore, ConnectionLogStore, DevcontainerStore, FileStore,
        GitSshKeyStore, OrganizationStore, ProvisionerDaemonStore, ProvisionerJobStore,
        ProvisionerKeyStore, SettingStore, StoreError, StoreResult, TemplateStore,
        TemplateVersionStore, Transaction, UserStore, WorkspaceAgentStatsStore,
        WorkspaceAgentStore, WorkspaceAppStore, WorkspaceBuildStore, WorkspaceResourceStore,
        WorkspaceStore,
    },
};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait as _, DatabaseTransaction, DbErr, EntityTrait,
    FromQueryResult as _, IntoActiveModel, Iterable as _, QueryFilter as _, QueryResult, Select,
    TryGetable, sea_query::IntoCondition,
};

use super::{
    convert::{FromRow, to_json},
    encryption::TokenEncryption,
    error::database_error,
    pubsub::CHANNEL,
    query::Query,
};

/// PostgreSQL's bound on the values of one statement.
const VALUES_LIMIT: usize = 65_535;

/// A transaction at the isolation level READ COMMITTED. It implements the traits of all aggregates
/// itself, each in a file of `db/store/`.
pub(super) struct PgTransaction {
    connection: DatabaseTransaction,
    /// Whether a statement failed. PostgreSQL then only rolls back, and says nothing when asked to
    /// commit.
    failed: AtomicBool,
    encryption: TokenEncryption,
}

impl PgTransaction {
    pub(super) fn new(connection: DatabaseTransaction, encryption: TokenEncryption) -> Self {
        Self {
            connection,
            failed: AtomicBool::new(false),
            encryption,
        }
    }

    pub(super) const fn encryption(&self) -> &TokenEncryption {
        &self.encryption
    }

    /// Translates the error of a statement, and remembers that there was one.
    pub(super) fn failed(&self, error: DbErr) -> StoreError {
        self.failed.store(true, Ordering::Relaxed);
        database_error(error)
    }

    /// Inserts one row.
    pub(super) async fn insert_row<A>(&self, row: impl IntoActiveModel<A>) -> StoreResult<()>
    where
        A: ActiveModelTrait + Send,
    {
        A::Entity::insert(row.into_active_model())
            .exec_without_returning(&self.connection)
            .await
            .map(|_| ())
            .map_err(|error| self.failed(error))
    }

    /// Inserts rows, in as few statements as possible.
    pub(super) async fn insert_rows<A>(&self, rows: Vec<impl IntoActiveModel<A>>) -> StoreResult<()>
    where
        A: ActiveModelTrait + Send,
    {
        let columns = <A::Entity as EntityTrait>::Column::iter().count();
        let rows: Vec<A> = rows
            .into_iter()
            .map(IntoActiveModel::into_active_model)
            .collect();
        for batch in rows.chunks((VALUES_LIMIT / columns.max(1)).max(1)) {
            A::Entity::insert_many(batch.to_vec())
                .exec_without_returning(&self.connection)
                .await
                .map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Inserts the rows whose primary key is new, and leaves the others as they are.
    pub(super) async fn insert_new_rows<A>(
        &self,
        rows: Vec<impl IntoActiveModel<A>>,
    ) -> StoreResult<()>
    where
        A: ActiveModelTrait + Send,
    {
        let rows: Vec<A> = rows
            .into_iter()
            .map(IntoActiveModel::into_active_model)
            .collect();
        A::Entity::insert_many(rows)
            .on_conflict_do_nothing()
            .exec_without_returning(&self.connection)
            .await
            .map(|_| ())
            .map_err(|error| self.failed(error))
    }

    /// Sets the columns that have a value in the rows that fit.
    pub(super) async fn update_rows<A>(
        &self,
        values: A,
        rows: impl IntoCondition,
    ) -> StoreResult<()>
    where
        A: ActiveModelTrait,
    {
        A::Entity::update_many()
            .set(values)
            .filter(rows)
            .exec(&self.connection)
            .await
            .map(|_| ())
            .map_err(|error| self.failed(error))
    }

    /// Finds at most one row.
    pub(super) async fn find_one<T, E>(&self, select: Select<E>) -> StoreResult<Option<T>>
    where
        T: FromRow,
        E: EntityTrait<Model = T::Row>,
    {
        let row = select
            .one(&self.connection)
            .await
            .map_err(|error| self.failed(error))?;
        row.map(T::from_row).transpose()
    }

    /// Finds rows.
    pub(super) async fn find_all<T, E>(&self, select: Select<E>) -> StoreResult<Vec<T>>
    where
        T: FromRow,
        E: EntityTrait<Model = T::Row>,
    {
        let rows = select
            .all(&self.connection)
            .await
            .map_err(|error| self.failed(error))?;
        rows.into_iter().map(T::from_row).collect()
    }

    /// Finds at most one row by SQL.
    pub(super) async fn query_one<T: FromRow>(&self, query: &Query) -> StoreResult<Option<T>> {
        let row = T::Row::find_by_statement(query.statement())
            .one(&self.connection)
            .await
            .map_err(|error| self.failed(error))?;
        row.map(T::from_row).transpose()
    }

    /// Finds rows by SQL.
    pub(super) async fn query_all<T: FromRow>(&self, query: &Query) -> StoreResult<Vec<T>> {
        let rows = T::Row::find_by_statement(query.statement())
            .all(&self.connection)
            .await
            .map_err(|error| self.failed(error))?;
        rows.into_iter().map(T::from_row).collect()
    }

    /// Reads rows of another shape.
    pub(super) async fn query_rows(&self, query: &Query) -> StoreResult<Vec<QueryResult>> {
        self.connection
            .query_all_raw(query.statement())
            .await
            .map_err(|error| self.failed(error))
    }

    /// Reads the first column of the only row.
    pub(super) async fn query_value<V: TryGetable>(&self, query: &Query) -> StoreResult<Option<V>> {
        let row = self
            .connection
            .query_one_raw(query.statement())
            .await
            .map_err(|error| self.failed(error))?;
        row.map(|row| self.column(&row, 0)).transpose()
    }

    /// A column of a row of another shape.
    pub(super) fn column<V: TryGetable>(&self, row: &QueryResult, index: usize) -> StoreResult<V> {
        row.try_get_by_index(index)
            .map_err(|error| self.failed(error))
    }

    /// Counts rows by SQL that answers their number.
    pub(super) async fn query_count(&self, query: &Query) -> StoreResult<u64> {
        let count: Option<i64> = self.query_value(query).await?;
        Ok(count
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or_default())
    }

    /// Runs SQL; answers how many rows it changed.
    pub(super) async fn execute(&self, query: &Query) -> StoreResult<u64> {
        self.connection
            .execute_raw(query.statement())
            .await
            .map(|result| result.rows_affected())
            .map_err(|error| self.failed(error))
    }
}

impl std::fmt::Debug for PgTransaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgTransaction").finish_non_exhaustive()
    }
}

#[async_trait]
impl Transaction for PgTransaction {
    fn users(&mut self) -> &mut dyn UserStore {
        self
    }

    fn organizations(&mut self) -> &mut dyn OrganizationStore {
        self
    }

    fn api_keys(&mut self) -> &mut dyn ApiKeyStore {
        self
    }

    fn git_ssh_keys(&mut self) -> &mut dyn GitSshKeyStore {
        self
    }

    fn files(&mut self) -> &mut dyn FileStore {
        self
    }

    fn templates(&mut self) -> &mut dyn TemplateStore {
        self
    }

    fn template_versions(&mut self) -> &mut dyn TemplateVersionStore {
        self
    }

    fn workspaces(&mut self) -> &mut dyn WorkspaceStore {
        self
    }

    fn workspace_builds(&mut self) -> &mut dyn WorkspaceBuildStore {
        self
    }

    fn provisioner_jobs(&mut self) -> &mut dyn ProvisionerJobStore {
        self
    }

    fn provisioner_daemons(&mut self) -> &mut dyn ProvisionerDaemonStore {
        self
    }

    fn provisioner_keys(&mut self) -> &mut dyn ProvisionerKeyStore {
        self
    }

    fn workspace_resources(&mut self) -> &mut dyn WorkspaceResourceStore {
        self
    }

    fn workspace_agents(&mut self) -> &mut dyn WorkspaceAgentStore {
        self
    }

    fn devcontainers(&mut self) -> &mut dyn DevcontainerStore {
        self
    }

    fn agent_identities(&mut self) -> &mut dyn AgentIdentityStore {
        self
    }

    fn workspace_agent_stats(&mut self) -> &mut dyn WorkspaceAgentStatsStore {
        self
    }

    fn connection_logs(&mut self) -> &mut dyn ConnectionLogStore {
        self
    }

    fn workspace_apps(&mut self) -> &mut dyn WorkspaceAppStore {
        self
    }

    fn settings(&mut self) -> &mut dyn SettingStore {
        self
    }

    async fn publish(&mut self, event: Event) -> StoreResult<()> {
        // PostgreSQL delivers it when the transaction commits, and never otherwise.
        let payload = to_json(&event)?.to_string();
        let mut notify = Query::new("SELECT pg_notify(");
        notify.bind(CHANNEL).push(", ").bind(payload).push(")");
        self.execute(&notify).await.map(|_| ())
    }

    async fn publish_all(&mut self, events: Vec<Event>) -> StoreResult<()> {
        let payloads = events.iter().map(|event| Ok(to_json(event)?.to_string()));
        let payloads = payloads.collect::<StoreResult<Vec<_>>>()?;
        let mut notify = Query::new("SELECT pg_notify(");
        notify
            .bind(CHANNEL)
            .push(", payload) FROM unnest(")
            .bind(payloads)
            .push("::text[]) AS e (payload)");
        self.execute(&notify).await.map(|_| ())
    }

    async fn commit(self: Box<Self>) -> StoreResult<()> {
        if self.failed.load(Ordering::Relaxed) {
            self.connection.rollback().await.map_err(database_error)?;
            let text = "commit of a transaction of which a statement had failed";
            return Err(StoreError::Backend(text.into()));
        }
        self.connection.commit().await.map_err(database_error)
    }

    async fn rollback(self: Box<Self>) -> StoreResult<()> {
        self.connection.rollback().await.map_err(database_error)
    }
}
