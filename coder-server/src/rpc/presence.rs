//! Who is connected: what thousands of agents ask for and say at once, in few statements.

use super::batch::Batch;
use coder_core::{
    Error, ErrorKind, Result, Timestamp,
    id::WorkspaceAgentId,
    secret::TokenHash,
    service::{Deps, agents::Agents},
    store::AgentOwner,
    workspace_agent::AgentAuth,
};
use futures_util::FutureExt as _;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// How long a sign of life may wait for others: nobody sees it sooner than a heartbeat later anyway.
const LINGER: Duration = Duration::from_millis(250);
/// How long a new connection may wait for others to be noted.
const SHORT_LINGER: Duration = Duration::from_millis(10);

/// Tells agents by their tokens and notes their connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Presence {
    agents: Agents,
    tokens: Batch<TokenHash, Result<Option<AgentOwner>>>,
    connected: Batch<AgentOwner, Result<Timestamp>>,
    seen: Batch<WorkspaceAgentId, Result<Option<Timestamp>>>,
    may_stay: Batch<WorkspaceAgentId, Result<bool>>,
}

impl Presence {
    /// Over `deps`.
    #[must_use]
    pub fn new(deps: Deps) -> Self {
        let agents = Agents::new(deps);
        Self {
            tokens: {
                let agents = agents.clone();
                Batch::new(Duration::ZERO, move |tokens| {
                    by_tokens(agents.clone(), tokens).boxed()
                })
            },
            connected: {
                let agents = agents.clone();
                Batch::new(SHORT_LINGER, move |owners| {
                    connected(agents.clone(), owners).boxed()
                })
            },
            seen: {
                let agents = agents.clone();
                Batch::new(LINGER, move |ids| seen(agents.clone(), ids).boxed())
            },
            may_stay: {
                let agents = agents.clone();
                Batch::new(Duration::ZERO, move |ids| {
                    may_stay(agents.clone(), ids).boxed()
                })
            },
            agents,
        }
    }

    /// See [`Agents::authenticate`].
    ///
    /// # Errors
    /// As there.
    pub async fn authenticate(&self, token: &str) -> Result<AgentOwner> {
        match self.tokens.ask(TokenHash::of(token)).await {
            Some(Ok(Some(owner))) => Ok(owner),
            Some(Ok(None)) => self.agents.authenticate(token).await,
            Some(Err(error)) => Err(error),
            None => Err(overloaded()),
        }
    }

    /// See [`Agents::connected`].
    ///
    /// # Errors
    /// As there.
    pub async fn connected(&self, owner: &Arc<AgentOwner>) -> Result<Timestamp> {
        let noted = self.connected.ask(AgentOwner::clone(owner)).await;
        noted.unwrap_or_else(|| Err(overloaded()))
    }

    /// See [`Agents::seen`].
    ///
    /// # Errors
    /// As there.
    pub async fn seen(&self, agent: WorkspaceAgentId) -> Result<Option<Timestamp>> {
        match self.seen.ask(agent).await {
            Some(Ok(None)) => self.agents.seen(agent).await,
            Some(answer) => answer,
            None => Err(overloaded()),
        }
    }

    /// See [`Agents::may_stay`].
    ///
    /// # Errors
    /// As there.
    pub async fn may_stay(&self, agent: WorkspaceAgentId) -> Result<bool> {
        match self.may_stay.ask(agent).await {
            Some(Ok(false)) => self.agents.may_stay(agent).await,
            Some(answer) => answer,
            None => Err(overloaded()),
        }
    }
}

async fn by_tokens(agents: Agents, tokens: Vec<TokenHash>) -> Vec<Result<Option<AgentOwner>>> {
    let found = match agents.authenticate_many(&tokens).await {
        Ok(found) => found,
        Err(error) => return tokens.iter().map(|_| Err(again(&error))).collect(),
    };
    let found: HashMap<_, _> = found
        .into_iter()
        .filter_map(|owner| match owner.agent.auth {
            AgentAuth::Token(hash) => Some((hash.0, owner)),
            AgentAuth::InstanceId(_) => None,
        })
        .collect();
    // The same agent may ask twice at once.
    let answer = |token: &TokenHash| Ok(found.get(&token.0).cloned());
    tokens.iter().map(answer).collect()
}

async fn connected(agents: Agents, owners: Vec<AgentOwner>) -> Vec<Result<Timestamp>> {
    let noted = agents.connected_many(&owners).await;
    owners
        .iter()
        .map(|_| noted.as_ref().copied().map_err(again))
        .collect()
}

async fn seen(agents: Agents, ids: Vec<WorkspaceAgentId>) -> Vec<Result<Option<Timestamp>>> {
    let noted = agents.seen_many(&ids).await;
    let answer = |id: &WorkspaceAgentId| match &noted {
        Ok((current, at)) => Ok(current.contains(id).then_some(*at)),
        Err(error) => Err(again(error)),
    };
    ids.iter().map(answer).collect()
}

async fn may_stay(agents: Agents, ids: Vec<WorkspaceAgentId>) -> Vec<Result<bool>> {
    let current = agents.may_stay_many(&ids).await;
    let answer = |id: &WorkspaceAgentId| match &current {
        Ok(current) => Ok(current.contains(id)),
        Err(error) => Err(again(error)),
    };
    ids.iter().map(answer).collect()
}

/// The same error for one more of those who asked.
fn again(error: &Error) -> Error {
    Error::new(error.kind(), error.to_string())
}

fn overloaded() -> Error {
    let message = "The server has too much to do right now, try again.";
    Error::new(ErrorKind::Unavailable, message)
}
