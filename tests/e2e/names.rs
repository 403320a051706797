//! Names and credentials that are refused.

use serde_json::json;

#[test]
fn wrong_credentials_and_names_are_refused_clearly() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    for (path, body, status) in [
        (
            "/api/v2/users/login",
            json!({ "email": "admin@example.com", "password": "wrong" }),
            401,
        ),
        (
            "/api/v2/users/login",
            json!({ "email": "nobody@example.com", "password": "wrong" }),
            401,
        ),
        (
            "/api/v2/users/first",
            json!({ "email": "b@example.com", "username": "b", "password": "another-long-one" }),
            409,
        ),
        (
            "/api/v2/users",
            json!({ "email": "b@example.com", "username": "-b", "password": "x" }),
            400,
        ),
    ] {
        let (found, answer) = deployment.api("POST", path, Some(&body));
        assert_eq!(found, status, "{path}: {answer}");
        assert!(answer["message"].is_string());
    }
    let outcome = deployment
        .command()
        .env("CODER_SESSION_TOKEN", "0123456789-0123456789012345678901")
        .arg("list")
        .output();
    let outcome = coder_tests::Outcome::of(outcome);
    assert!(
        outcome.code == 1 && outcome.stderr.contains("coder login"),
        "{}",
        outcome.stderr
    );
    let log = deployment.server_log();
    assert!(
        !log.contains(&deployment.token()) && !log.contains("correct-horse"),
        "a secret is in the log"
    );
}
