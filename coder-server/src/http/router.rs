//! Every route and every middleware, in one place.

use super::{ApiError, middleware as mw, openapi};
use crate::{api, app_state::AppState};
use axum::{Router, middleware::from_fn, middleware::from_fn_with_state, response::IntoResponse};
use coder_core::Error;
use http::{StatusCode, header};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

/// The operations below `/api/v2` with their OpenAPI document.
pub fn api() -> OpenApiRouter<AppState> {
    let base = OpenApiRouter::with_openapi(openapi::Base::openapi());
    let mut router = base.nest("/api/v2", api::routes());
    openapi::complete(router.get_openapi_mut());
    router
}

/// Everything the server answers. The listener gives each connection's address as
/// [`ConnectInfo`](axum::extract::ConnectInfo) of a [`SocketAddr`](std::net::SocketAddr).
pub fn router(state: AppState) -> Router {
    let (operations, _) = api().split_for_parts();
    let operations = operations
        .method_not_allowed_fallback(|| async { wrong_method() })
        // From here on inwards: who asks is known before it is counted.
        .layer(from_fn_with_state(state.clone(), mw::limit_rate))
        .layer(from_fn_with_state(state.clone(), mw::authenticate))
        .layer(from_fn_with_state(state.clone(), mw::refuse_cross_site))
        .layer(from_fn(mw::api_headers));
    Router::new()
        .merge(operations)
        .merge(api::root_routes())
        .fallback(|| async { no_route() })
        // A handler that panics answers 500, and so does nobody else's request.
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .layer(from_fn_with_state(state.clone(), mw::bound_requests))
        .layer(from_fn(mw::common_headers))
        // Outermost: it sees what the client sees.
        .layer(from_fn_with_state(state.clone(), mw::observe))
        .with_state(state)
}

fn no_route() -> ApiError {
    Error::not_found().into()
}

fn wrong_method() -> ApiError {
    let message = "This path does not know this method.";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

fn panicked() -> axum::response::Response {
    let mut response = ApiError::from(Error::internal("a handler panicked")).into_response();
    response.headers_mut().remove(header::CONNECTION);
    response
}
