//! `GET /appearance`.

use crate::http::extract::Json;

/// How the dashboard presents itself.
#[derive(Debug, Default, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct AppearanceConfig {
    application_name: String,
    logo_url: String,
    docs_url: String,
    service_banner: BannerConfig,
    announcement_banners: Vec<BannerConfig>,
}

/// A line above every page.
#[derive(Debug, Default, serde::Serialize, utoipa::ToSchema)]
struct BannerConfig {
    enabled: bool,
}

/// How the dashboard presents itself
///
/// The sign-in page asks before there is a session.
#[utoipa::path(
    get, path = "/appearance", tag = "Enterprise",
    security(()), extensions(("x-permission" = json!("none"))),
    responses((status = OK, body = AppearanceConfig)),
)]
pub(crate) async fn appearance() -> Json<AppearanceConfig> {
    Json(AppearanceConfig::default())
}
