//! Which listening ports of a workspace are offered to its users.

use crate::workspace_app::WorkspaceApp;
use url::Url;

/// Ports below this stand for the agent's own services.
const FIRST_PORT: u16 = 9;

/// Well-known ports of what browsers do not speak: files, shells, mail, names, directories, databases.
const OTHER_PROTOCOLS: [u16; 24] = [
    20, 21, 22, 23, 25, 53, 110, 143, 179, 389, 465, 587, 636, 989, 990, 993, 995, 3306, 3389,
    5432, 27017, 27018, 27019, 28017,
];

/// Whether a port on which something listens is offered: it is likely HTTP, and not offered already by one
/// of the agent's `apps`.
#[must_use]
pub fn is_offered(port: u16, apps: &[WorkspaceApp]) -> bool {
    port >= FIRST_PORT
        && !OTHER_PROTOCOLS.contains(&port)
        && !apps.iter().any(|app| app_port(app) == Some(port))
}

/// The port of the workspace that an app is at.
fn app_port(app: &WorkspaceApp) -> Option<u16> {
    if app.external {
        return None;
    }
    Url::parse(&app.url).ok()?.port_or_known_default()
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests {
    use super::*;
    use crate::store::conformance::fixture;

    #[test]
    fn likely_http_is_offered() {
        for port in [9, 80, 443, 3000, 8080, 65535] {
            assert!(is_offered(port, &[]), "{port}");
        }
        for port in [0, 1, 8, 22, 53, 5432, 27018] {
            assert!(!is_offered(port, &[]), "{port}");
        }
    }

    #[test]
    fn ports_of_apps_are_not_offered_again() {
        let hidden = |url: &str, external| {
            let mut app = fixture::app(1, fixture::id(2), "app");
            url.clone_into(&mut app.url);
            app.external = external;
            let offered = |port: &u16| is_offered(*port, std::slice::from_ref(&app));
            [80, 443, 8080].into_iter().find(|port| !offered(port))
        };
        assert_eq!(hidden("http://localhost:8080/path", false), Some(8080));
        assert_eq!(hidden("https://127.0.0.1:8080", false), Some(8080));
        assert_eq!(hidden("http://localhost/", false), Some(80));
        for (url, external) in [
            ("https://example.com:8080", true),
            ("", false),
            ("no url", false),
            ("vscode://open", false),
        ] {
            assert_eq!(hidden(url, external), None, "{url}");
        }
    }
}
