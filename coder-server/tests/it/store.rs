//! The store on a real PostgreSQL.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use coder_core::{
    clock::{Clock as _, OsEntropy, SystemClock},
    event::{Event, PubSub as _, Signal, Subscription, Topic},
    file::File,
    git_ssh_key::{GitSshKey, SshKeygenAlgorithm},
    id::{
        FileId, LeaseId, OrganizationId, ProvisionerDaemonId, ProvisionerJobId, TemplateVersionId,
        UserId,
    },
    organization::Organization,
    provisioner_job::{
        JobInput, JobLog, LogLevel, LogSource, NewJob, ProvisionerJob, ProvisionerType, with_scope,
    },
    secret::Secret,
    store::{ClaimJob, Store, StoreError},
    user::{LoginType, User, UserStatus},
};
use coder_server::db::{
    DatabaseOptions, PgPubSub, PgStore, TokenEncryption, migrate, revert, testing::TestDatabase,
};
use futures_util::StreamExt as _;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, postgres::PgConnectOptions};

const DEADLINE: Duration = Duration::from_secs(60);

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

fn user(name: &str) -> User {
    User {
        id: UserId::generate(&OsEntropy),
        email: format!("{name}@example.com"),
        username: name.to_owned(),
        name: String::new(),
        avatar_url: String::new(),
        password_hash: None,
        created_at: now(),
        updated_at: now(),
        last_seen_at: None,
        status: UserStatus::Active,
        login_type: LoginType::Password,
        roles: Vec::new(),
        deleted: false,
    }
}

/// A user, an organization and an archive: what a job needs.
#[derive(Clone, Copy)]
struct Parents {
    user: UserId,
    organization: OrganizationId,
    file: FileId,
}

async fn parents(store: &PgStore) -> Parents {
    let user = user("owner");
    let organization = Organization {
        id: OrganizationId::generate(&OsEntropy),
        name: "coder".to_owned(),
        display_name: String::new(),
        description: String::new(),
        icon: String::new(),
        is_default: true,
        created_at: now(),
        updated_at: now(),
    };
    let file = File {
        id: FileId::generate(&OsEntropy),
        hash: "00".repeat(32),
        created_by: user.id,
        created_at: now(),
        mimetype: coder_core::file::TAR.to_owned(),
        data: vec![0, 1, 2],
    };
    let mut transaction = store.begin().await.unwrap();
    // Children first: references are checked at the end.
    transaction.files().insert(&file).await.unwrap();
    transaction.users().insert(&user).await.unwrap();
    transaction
        .organizations()
        .insert(&organization)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    Parents {
        user: user.id,
        organization: organization.id,
        file: file.id,
    }
}

fn job(parents: Parents, age: i64) -> ProvisionerJob {
    let queued = now() - TimeDelta::seconds(age);
    ProvisionerJob::queued(
        NewJob {
            id: ProvisionerJobId::generate(&OsEntropy),
            organization_id: parents.organization,
            initiator_id: parents.user,
            provisioner: ProvisionerType::Echo,
            file_id: parents.file,
            input: JobInput::TemplateVersionImport {
                template_version_id: TemplateVersionId::generate(&OsEntropy),
                user_variable_values: Vec::new(),
            },
            tags: with_scope(BTreeMap::new(), parents.user),
        },
        queued,
    )
}

fn claim(parents: Parents) -> ClaimJob {
    ClaimJob {
        organization_id: parents.organization,
        provisioners: vec![ProvisionerType::Echo],
        tags: with_scope(BTreeMap::new(), parents.user),
        worker_id: ProvisionerDaemonId::generate(&OsEntropy),
        lease: LeaseId::generate(&OsEntropy),
        now: now(),
    }
}

async fn insert_jobs(store: &PgStore, jobs: &[ProvisionerJob]) {
    let mut transaction = store.begin().await.unwrap();
    for job in jobs {
        transaction.provisioner_jobs().insert(job).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

async fn publish(store: &PgStore, event: Event) {
    let mut transaction = store.begin().await.unwrap();
    transaction.publish(event).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn next(subscription: &mut Subscription) -> Signal {
    let signal = tokio::time::timeout(DEADLINE, subscription.next()).await;
    signal
        .expect("a signal in time")
        .expect("the publisher is there")
}

/// Name and definition of everything in the schema.
async fn schema(options: &PgConnectOptions) -> Vec<String> {
    let mut connection = options.connect().await.unwrap();
    let rows = sqlx::query(
        "SELECT format('%s.%s %s %s', table_name, column_name, data_type, is_nullable) AS line \
         FROM information_schema.columns WHERE table_schema = 'public' \
         UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
         UNION ALL SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint \
         WHERE connamespace = 'public'::regnamespace ORDER BY line",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn migrations_go_up_and_down_and_up_again() {
    let database = TestDatabase::create_empty().await;
    let options = database.options();
    // Two servers that start at once.
    let (first, second) = tokio::join!(migrate(&options), migrate(&options));
    first.unwrap();
    second.unwrap();
    let up = schema(&options).await;
    revert(&options, None).await.unwrap();
    let down = schema(&options).await;
    let left: Vec<_> = down
        .iter()
        .filter(|line| !line.contains("seaql_migrations"))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
    migrate(&options).await.unwrap();
    // One step at a time.
    revert(&options, Some(1)).await.unwrap();
    assert_ne!(schema(&options).await, up);
    migrate(&options).await.unwrap();
    assert_eq!(schema(&options).await, up);
}

#[tokio::test]
async fn interrupted_migration_is_completed_by_the_next_start() {
    let database = TestDatabase::create_empty().await;
    let options = database.options();
    // Whenever it is interrupted, a step is either done or not begun.
    for delay in (0..).step_by(15) {
        let time = Duration::from_millis(delay);
        if tokio::time::timeout(time, migrate(&options)).await.is_ok() {
            break;
        }
    }
    migrate(&options).await.unwrap();
    let reference = TestDatabase::create().await;
    assert_eq!(schema(&options).await, schema(&reference.options()).await);
}

#[tokio::test]
async fn schema_of_a_newer_server_is_refused() {
    let database = TestDatabase::create().await;
    let mut connection = database.options().connect().await.unwrap();
    sqlx::query("INSERT INTO seaql_migrations VALUES ('m29991231235959_future', 1)")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = migrate(&database.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Backend(_)), "{error:?}");
}

#[tokio::test]
async fn no_job_is_claimed_twice() {
    const JOBS: usize = 200;
    let database = TestDatabase::create().await;
    let store = database.store().await;
    let parents = parents(&store).await;
    let jobs: Vec<_> = (0..JOBS).map(|_| job(parents, 0)).collect();
    insert_jobs(&store, &jobs).await;
    let workers = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let mut transaction = store.begin().await.unwrap();
                let job = transaction
                    .provisioner_jobs()
                    .claim(&claim(parents))
                    .await
                    .unwrap();
                transaction.commit().await.unwrap();
                match job {
                    Some(job) => claimed.push(job.id),
                    // Rows held by other claims are skipped, so an empty answer is not the end.
                    None if all_claimed(&store).await => return claimed,
                    None => {}
                }
            }
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(all.len(), JOBS);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), JOBS);
}

async fn all_claimed(store: &PgStore) -> bool {
    let mut transaction = store.begin().await.unwrap();
    let stale = transaction
        .provisioner_jobs()
        .stale(DateTime::UNIX_EPOCH, now() + TimeDelta::days(1), 1)
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    stale.is_empty()
}

#[tokio::test]
async fn claim_does_not_wait_for_another_claim() {
    let database = TestDatabase::create().await;
    let store = database.store().await;
    let parents = parents(&store).await;
    let jobs = [job(parents, 20), job(parents, 10)];
    insert_jobs(&store, &jobs).await;
    let mut first = store.begin().await.unwrap();
    let mut second = store.begin().await.unwrap();
    let oldest = first
        .provisioner_jobs()
        .claim(&claim(parents))
        .await
        .unwrap()
        .unwrap();
    let next = second
        .provisioner_jobs()
        .claim(&claim(parents))
        .await
        .unwrap()
        .unwrap();
    assert_eq!([oldest.id, next.id], [jobs[0].id, jobs[1].id]);
    // What is rolled back can be claimed again.
    first.rollback().await.unwrap();
    second.commit().await.unwrap();
    let mut third = store.begin().await.unwrap();
    let again = third
        .provisioner_jobs()
        .claim(&claim(parents))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.id, jobs[0].id);
    third.rollback().await.unwrap();
}

#[tokio::test]
async fn log_lines_are_numbered_in_the_order_of_their_commit() {
    let database = TestDatabase::create().await;
    let store = database.store().await;
    let parents = parents(&store).await;
    let job = job(parents, 0);
    insert_jobs(&store, std::slice::from_ref(&job)).await;
    let line = |text: &str| JobLog {
        id: 0,
        created_at: now(),
        source: LogSource::Provisioner,
        level: LogLevel::Info,
        stage: "plan".to_owned(),
        output: text.to_owned(),
    };
    let mut first = store.begin().await.unwrap();
    first
        .provisioner_jobs()
        .append_logs(job.id, &[line("first")])
        .await
        .unwrap();
    let (other, id) = (store.clone(), job.id);
    let second_line = line("second");
    let second = tokio::spawn(async move {
        let mut second = other.begin().await.unwrap();
        second
            .provisioner_jobs()
            .append_logs(id, &[second_line])
            .await
            .unwrap();
        second.commit().await.unwrap();
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(
        !second.is_finished(),
        "the second writer must wait for the first"
    );
    first.commit().await.unwrap();
    second.await.unwrap();
    let mut read = store.begin().await.unwrap();
    let lines = read
        .provisioner_jobs()
        .logs(job.id, 0, None, 0)
        .await
        .unwrap();
    read.rollback().await.unwrap();
    assert_eq!(
        lines
            .iter()
            .map(|line| line.output.as_str())
            .collect::<Vec<_>>(),
        ["first", "second"]
    );
}

#[tokio::test]
async fn nul_characters_are_refused_by_name() {
    let database = TestDatabase::create().await;
    let store = database.store().await;
    let mut transaction = store.begin().await.unwrap();
    let refused = transaction.users().insert(&user("nul\0")).await;
    assert!(
        matches!(refused, Err(StoreError::InvalidText { .. })),
        "{refused:?}"
    );
    transaction.rollback().await.unwrap();

    let parents = parents(&store).await;
    let mut job = job(parents, 0);
    job.tags.insert("key".to_owned(), "\0".to_owned());
    let mut transaction = store.begin().await.unwrap();
    let refused = transaction.provisioner_jobs().insert(&job).await;
    assert!(
        matches!(refused, Err(StoreError::InvalidText { .. })),
        "{refused:?}"
    );
    transaction.rollback().await.unwrap();
}

#[tokio::test]
async fn commit_after_a_failed_statement_is_an_error() {
    let database = TestDatabase::create().await;
    let store = database.store().await;
    let mut transaction = store.begin().await.unwrap();
    let first = user("someone");
    transaction.users().insert(&first).await.unwrap();
    let mut second = user("other");
    second.email = first.email.to_uppercase();
    let error = transaction.users().insert(&second).await.unwrap_err();
    assert!(error.is_conflict_with("users_email_key"), "{error:?}");
    assert!(
        transaction.commit().await.is_err(),
        "nothing was kept, and it must say so"
    );
    let mut transaction = store.begin().await.unwrap();
    assert_eq!(transaction.users().get(first.id).await.unwrap(), None);
    transaction.rollback().await.unwrap();
}

#[tokio::test]
async fn exhausted_pool_and_slow_statement_are_unavailable() {
    let database = TestDatabase::create().await;
    let options = DatabaseOptions {
        max_open: 2,
        acquire_timeout: Duration::from_millis(200),
        statement_timeout: Duration::from_millis(300),
        ..DatabaseOptions::new(database.options())
    };
    let store = PgStore::connect(options).await.unwrap();
    let parents = parents(&store).await;
    let job = job(parents, 0);
    insert_jobs(&store, std::slice::from_ref(&job)).await;

    let mut first = store.begin().await.unwrap();
    let mut second = store.begin().await.unwrap();
    let third = store.begin().await.err();
    assert!(
        matches!(third, Some(StoreError::Unavailable(_))),
        "{third:?}"
    );

    first
        .provisioner_jobs()
        .get_for_update(job.id)
        .await
        .unwrap();
    let blocked = second.provisioner_jobs().get_for_update(job.id).await;
    assert!(
        matches!(blocked, Err(StoreError::Unavailable(_))),
        "{blocked:?}"
    );
    second.rollback().await.unwrap();
    first.rollback().await.unwrap();
    store.ping().await.unwrap();
}

#[tokio::test]
async fn abandoned_transaction_gives_its_connection_and_locks_back() {
    const CONNECTIONS: u32 = 10;
    let database = TestDatabase::create().await;
    let options = DatabaseOptions {
        max_open: CONNECTIONS,
        acquire_timeout: DEADLINE,
        ..DatabaseOptions::new(database.options())
    };
    let store = PgStore::connect(options).await.unwrap();
    let parents = parents(&store).await;
    let job = job(parents, 0);
    insert_jobs(&store, std::slice::from_ref(&job)).await;
    // An abandoned query goes on until it gets its lock, which a later holder may get before it:
    // at most one connection per round is still busy when the next begins.
    for _ in 0..5 {
        let mut holder = store.begin().await.unwrap();
        let found = holder.provisioner_jobs().get_for_update(job.id).await;
        assert!(found.unwrap().is_some());
        // A request whose client goes away in the middle of a query.
        let mut waiter = store.begin().await.unwrap();
        let waiting = waiter.provisioner_jobs().get_for_update(job.id);
        let waited = tokio::time::timeout(Duration::from_millis(20), waiting).await;
        assert!(waited.is_err(), "{waited:?}");
        drop(waiter);
        drop(holder);
    }
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        all.push(store.begin().await.unwrap());
    }
    let found = all[0].provisioner_jobs().get_for_update(job.id).await;
    assert!(found.unwrap().is_some());
}

#[tokio::test]
async fn events_are_delivered_at_commit_and_only_then() {
    let database = TestDatabase::create().await;
    let store = database.store().await;
    let pubsub = PgPubSub::start(database.options()).await;
    let job_id = ProvisionerJobId::generate(&OsEntropy);
    let mut subscription = pubsub.subscribe(Topic::Job(job_id)).await.unwrap();
    let event = |wanted: bool| match wanted {
        true => Event::JobLogs { job_id },
        false => Event::JobUpdated { job_id },
    };
    let mut rolled_back = store.begin().await.unwrap();
    rolled_back.publish(event(false)).await.unwrap();
    rolled_back.rollback().await.unwrap();
    let mut open = store.begin().await.unwrap();
    open.publish(event(false)).await.unwrap();
    // Of another job.
    publish(
        &store,
        Event::JobUpdated {
            job_id: ProvisionerJobId::generate(&OsEntropy),
        },
    )
    .await;
    publish(&store, event(true)).await;
    assert_eq!(next(&mut subscription).await, Signal::Event(event(true)));
    open.commit().await.unwrap();
    assert_eq!(next(&mut subscription).await, Signal::Event(event(false)));
}

#[tokio::test]
async fn lost_listener_comes_back_and_says_what_it_missed() {
    let database = TestDatabase::create().await;
    let store = database.store().await;
    let pubsub = PgPubSub::start(database.options()).await;
    let job_id = ProvisionerJobId::generate(&OsEntropy);
    let mut subscription = pubsub.subscribe(Topic::Job(job_id)).await.unwrap();
    let mut admin = database.admin_options().connect().await.unwrap();
    for _ in 0..3 {
        let killed: i64 = sqlx::query_scalar(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND query LIKE 'LISTEN%'",
        )
        .fetch_one(&mut admin)
        .await
        .unwrap();
        assert_eq!(killed, 1);
        assert_eq!(next(&mut subscription).await, Signal::Missed);
        // From the signal on, nothing is lost.
        publish(&store, Event::JobLogs { job_id }).await;
        assert_eq!(
            next(&mut subscription).await,
            Signal::Event(Event::JobLogs { job_id })
        );
    }
    admin.close().await.unwrap();
}

#[tokio::test]
async fn no_token_is_readable_in_a_dump() {
    use coder_core::api_key::{ApiKey, NewKey};
    let database = TestDatabase::create().await;
    let store = database.store().await;
    let owner = user("owner");
    let new = NewKey::generate(&OsEntropy);
    let key = ApiKey {
        id: new.id,
        secret_hash: new.secret_hash,
        user_id: owner.id,
        last_used: now(),
        expires_at: now(),
        created_at: now(),
        updated_at: now(),
        login_type: LoginType::Password,
        lifetime_seconds: 1,
        scopes: vec!["coder:all".to_owned()],
        token_name: String::new(),
    };
    let mut transaction = store.begin().await.unwrap();
    transaction.users().insert(&owner).await.unwrap();
    transaction.api_keys().insert(&key).await.unwrap();
    assert_eq!(
        transaction.api_keys().get(&key.id).await.unwrap().as_ref(),
        Some(&key)
    );
    transaction.commit().await.unwrap();
    let mut connection = database.options().connect().await.unwrap();
    let row: String = sqlx::query_scalar("SELECT k::text FROM api_keys k")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let (_, secret) = new.token.expose().split_once('-').unwrap();
    assert!(row.contains(&key.id) && !row.contains(secret), "{row}");
}

#[tokio::test]
async fn secrets_are_encrypted_with_keys_that_are_not_in_the_database() {
    let database = TestDatabase::create().await;
    let store = async |keys: &[&str]| {
        let keys: Vec<Secret> = keys.iter().map(|key| Secret::new(*key)).collect();
        let options = DatabaseOptions {
            encryption: TokenEncryption::new(&keys).unwrap(),
            acquire_timeout: DEADLINE,
            ..DatabaseOptions::new(database.options())
        };
        PgStore::connect(options).await.unwrap()
    };
    let old = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let new = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let plain = store(&[]).await;
    let owner = parents(&plain).await.user;
    let key = || {
        let algorithm = SshKeygenAlgorithm::Ed25519;
        GitSshKey::generate(owner, algorithm, &OsEntropy, now()).unwrap()
    };
    let read = async |store: &PgStore| {
        let mut transaction = store.begin().await.unwrap();
        let found = transaction.git_ssh_keys().get(owner).await;
        transaction.rollback().await.unwrap();
        found.map(Option::unwrap)
    };
    let update = async |store: &PgStore, key: &GitSshKey| {
        let mut transaction = store.begin().await.unwrap();
        transaction.git_ssh_keys().get_or_insert(key).await.unwrap();
        transaction.git_ssh_keys().update(key).await.unwrap();
        transaction.commit().await.unwrap();
    };
    let first = key();
    update(&plain, &first).await;
    let encrypting = store(&[old]).await;
    assert_eq!(
        read(&encrypting).await.unwrap(),
        first,
        "what was there stays readable"
    );

    let second = GitSshKey {
        created_at: first.created_at,
        ..key()
    };
    update(&encrypting, &second).await;
    let mut admin = database.admin_options().connect().await.unwrap();
    let row = sqlx::query("SELECT row_to_json(k)::text FROM git_ssh_keys k");
    let row: String = row.fetch_one(&mut admin).await.unwrap().get(0);
    assert!(!row.contains("PRIVATE KEY"), "{row}");
    assert_eq!(read(&encrypting).await.unwrap(), second);
    assert_eq!(read(&store(&[new, old]).await).await.unwrap(), second);
    for without in [plain, store(&[new]).await] {
        let error = read(&without).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    }
    admin.close().await.unwrap();
}
