use std::path::Path;

use bytes::Bytes;
use tokio::io::AsyncReadExt;

use super::limits::MAX_MOTD_BYTES;
use super::{User, WorkspaceSettings};

/// What a login shell's user sees first: announcements, then the message of the day unless
/// `~/.hushlogin` exists.
pub(super) async fn text(settings: &WorkspaceSettings, user: &User) -> Bytes {
    let mut text = String::new();
    for banner in settings
        .announcement_banners
        .iter()
        .filter(|banner| !banner.trim().is_empty())
    {
        text.push_str(banner.trim_end());
        text.push('\n');
    }
    if let Some(path) = &settings.motd_file
        && !user.home.join(".hushlogin").exists()
    {
        text.push_str(&read(path).await);
    }
    Bytes::from(for_terminal(&text))
}

/// The file's beginning; nothing if there is none.
async fn read(path: &Path) -> String {
    let mut bytes = Vec::new();
    // A device or a pipe in its place could keep the login waiting for ever.
    let is_file = tokio::fs::metadata(path)
        .await
        .is_ok_and(|file| file.is_file());
    if is_file && let Ok(file) = tokio::fs::File::open(path).await {
        // What was read before an error is shown.
        drop(file.take(MAX_MOTD_BYTES).read_to_end(&mut bytes).await);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Ends each line as a terminal in raw mode wants it.
fn for_terminal(text: &str) -> String {
    text.lines().flat_map(|line| [line, "\r\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn banners_and_message_of_the_day() {
        let home = tempfile::tempdir().unwrap();
        let motd = home.path().join("motd");
        std::fs::write(&motd, "hello\nworld").unwrap();
        let user = User {
            name: "alice".into(),
            home: home.path().to_owned(),
            shell: "/bin/sh".into(),
        };
        let settings = WorkspaceSettings {
            motd_file: Some(motd),
            announcement_banners: vec!["maintenance at noon\n".into(), "  ".into()],
            ..WorkspaceSettings::default()
        };
        assert_eq!(
            text(&settings, &user).await,
            "maintenance at noon\r\nhello\r\nworld\r\n"
        );
        std::fs::write(home.path().join(".hushlogin"), "").unwrap();
        assert_eq!(text(&settings, &user).await, "maintenance at noon\r\n");
        let missing = WorkspaceSettings {
            motd_file: Some("/dev/tty".into()),
            ..WorkspaceSettings::default()
        };
        assert_eq!(text(&missing, &user).await, "");
    }
}
