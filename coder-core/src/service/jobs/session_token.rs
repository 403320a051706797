//! The API key that a running workspace holds for its owner.

use crate::{
    Result, Timestamp,
    api_key::{ApiKey, NewKey},
    clock::Entropy,
    rbac::SCOPE_ALL,
    secret::Secret,
    store::Transaction,
    user::LoginType,
    workspace::Workspace,
};

/// How long a key lives at most: as long as a token may. It is removed when the workspace stops.
const LIFETIME_SECONDS: i64 = 876_600 * 3_600;

/// Replaces the workspace's key by a new one.
pub(super) async fn renew(
    tx: &mut dyn Transaction,
    entropy: &dyn Entropy,
    workspace: &Workspace,
    now: Timestamp,
) -> Result<Secret> {
    revoke(tx, workspace).await?;
    let new = NewKey::generate(entropy);
    let key = ApiKey {
        id: new.id,
        secret_hash: new.secret_hash,
        user_id: workspace.owner_id,
        last_used: now,
        expires_at: now + chrono::TimeDelta::seconds(LIFETIME_SECONDS),
        created_at: now,
        updated_at: now,
        login_type: LoginType::Token,
        lifetime_seconds: LIFETIME_SECONDS,
        scopes: vec![SCOPE_ALL.to_owned()],
        token_name: token_name(workspace),
    };
    tx.api_keys().insert(&key).await?;
    Ok(new.token)
}

/// Removes the workspace's key.
pub(super) async fn revoke(tx: &mut dyn Transaction, workspace: &Workspace) -> Result<()> {
    let name = token_name(workspace);
    if let Some(key) = tx.api_keys().by_name(workspace.owner_id, &name).await? {
        tx.api_keys().delete(&key.id).await?;
    }
    Ok(())
}

fn token_name(workspace: &Workspace) -> String {
    format!("{}_session_token", workspace.id)
}
