//! Server-sent events, and the same over WebSockets.

use crate::{
    app_state::AppState,
    http::{
        extract::Auth,
        follow::{Batch, Source, Then},
    },
};
use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use coder_core::{
    Error,
    event::{Subscription, Topic},
    service::sessions::{self, Session},
};
use futures_util::{Stream, StreamExt as _, stream};
use http::header;
use serde::Serialize;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};

/// How often the source is read without an event; a ping is sent then.
const POLL: Duration = Duration::from_secs(5);

/// What a one-way WebSocket carries.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ServerSentEvent {
    /// `ping`, `data` or `error`.
    #[serde(rename = "type")]
    kind: &'static str,
    data: serde_json::Value,
}

/// A value as the text of a message, wrapped as an event or not.
///
/// # Errors
/// [`Internal`](coder_core::ErrorKind::Internal) when it cannot be written as JSON.
pub(crate) fn text<T: Serialize>(value: &T, wrapped: bool) -> Result<String, Error> {
    let failed = |error| Error::internal("write JSON").with_source(error);
    if !wrapped {
        return serde_json::to_string(value).map_err(failed);
    }
    let data = serde_json::to_value(value).map_err(failed)?;
    serde_json::to_string(&ServerSentEvent { kind: "data", data }).map_err(failed)
}

/// Answers with a stream of `data` events, one per message of `source`, and pings between.
///
/// # Errors
/// [`Unavailable`](coder_core::ErrorKind::Unavailable) when events cannot be subscribed to.
pub(crate) async fn sse(
    state: &AppState,
    auth: &Auth,
    topic: Topic,
    source: impl Source,
) -> Result<Response, Error> {
    let pubsub = &state.deps.pubsub;
    let events = pubsub.subscribe(topic).await?;
    let account = pubsub.subscribe(Topic::User(auth.user_id())).await?;
    let feed = Feed {
        state: state.clone(),
        session: Arc::clone(&auth.0),
        events: stream::select(events, account).boxed(),
        source,
        ready: VecDeque::new(),
        then: Then::More,
    };
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        // Proxies that gather answers would hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(feed.into_stream())).into_response())
}

/// Read only when the client has taken what came before, so a slow client costs nothing.
struct Feed<S> {
    state: AppState,
    session: Arc<Session>,
    events: Subscription,
    source: S,
    ready: VecDeque<Bytes>,
    then: Then,
}

impl<S: Source> Feed<S> {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send {
        stream::unfold(Some(self), |feed| async move {
            let mut feed = feed?;
            match feed.next().await {
                Ok(Some(event)) => Some((Ok(event), Some(feed))),
                Ok(None) => None,
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a stream ended");
                    Some((
                        Ok(event("error", r#"{"message":"The stream ended."}"#)),
                        None,
                    ))
                }
            }
        })
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            match self.then {
                Then::End => return Ok(None),
                Then::More => {}
                Then::Wait => {
                    if !self.wait().await {
                        return Ok(None);
                    }
                    let session = sessions::still_valid(&self.state.deps, &self.session).await?;
                    self.session = Arc::new(session);
                }
            }
            let Batch { messages, then } = self.source.next(&self.session.subject).await?;
            self.ready
                .extend(messages.iter().map(|message| event("data", message)));
            if self.ready.is_empty() && then == Then::Wait {
                self.ready.push_back(event("ping", ""));
            }
            self.then = then;
        }
    }

    /// Waits for a reason to read again; `false` when the server stops.
    async fn wait(&mut self) -> bool {
        let next = sleep_until(Instant::now() + POLL);
        tokio::select! {
            () = self.state.shutdown.cancelled() => false,
            () = next => true,
            signal = self.events.next() => {
                if signal.is_none() {
                    tokio::time::sleep(POLL).await;
                }
                true
            }
        }
    }
}

/// One event. Data is JSON without line ends, so one line holds it.
fn event(kind: &str, data: &str) -> Bytes {
    if data.is_empty() {
        return format!("event: {kind}\n\n").into();
    }
    format!("event: {kind}\ndata: {data}\n\n").into()
}
