//! Values of parameters are refused by name before anything is queued.

use super::{
    harness::{Answer, Person},
    live::{Live, script},
};
use coder_core::parameter::{
    ParameterOption, ParameterType, RichParameter, ValidationMonotonic as Monotonic,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const TOKEN: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70031";

fn parameter(name: &str, kind: ParameterType, default: &str) -> RichParameter {
    RichParameter {
        name: name.to_owned(),
        kind,
        default_value: default.to_owned(),
        mutable: true,
        ..RichParameter::default()
    }
}

fn with_options(parameter: RichParameter, form: &str, values: &[&str]) -> RichParameter {
    let option = |value: &&str| ParameterOption {
        name: (*value).to_owned(),
        value: (*value).to_owned(),
        ..ParameterOption::default()
    };
    RichParameter {
        form_type: form.to_owned(),
        options: values.iter().map(option).collect(),
        ..parameter
    }
}

/// Parameters of every type, with every kind of restriction.
fn parameters() -> Vec<RichParameter> {
    use ParameterType::{Bool, ListString, Number, String as Text};
    vec![
        RichParameter {
            required: true,
            ..parameter("required", Text, "")
        },
        RichParameter {
            mutable: false,
            ..parameter("fixed", Text, "eu")
        },
        RichParameter {
            ephemeral: true,
            ..parameter("once", Bool, "false")
        },
        RichParameter {
            validation_regex: r"^[\w-]+$".to_owned(),
            validation_error: "Letters, please.".to_owned(),
            ..parameter("text", Text, "a")
        },
        with_options(
            parameter("size", Text, "small"),
            "dropdown",
            &["small", "large"],
        ),
        RichParameter {
            validation_min: Some(1),
            validation_max: Some(9),
            validation_monotonic: Some(Monotonic::Increasing),
            validation_error: "{value} is not from {min} to {max}.".to_owned(),
            ..parameter("disk", Number, "2")
        },
        RichParameter {
            form_type: "slider".to_owned(),
            validation_monotonic: Some(Monotonic::Decreasing),
            ..parameter("ttl", Number, "10")
        },
        parameter("flag", Bool, "true"),
        parameter("tags", ListString, "[]"),
        with_options(
            parameter("several", ListString, "[]"),
            "multi-select",
            &["x", "y"],
        ),
        with_options(
            parameter("list", ListString, r#"["x"]"#),
            "radio",
            &[r#"["x"]"#],
        ),
    ]
}

fn values(pairs: &[(&str, &str)]) -> Value {
    let value = |(name, value): &(&str, &str)| json!({ "name": name, "value": value });
    pairs.iter().map(value).collect()
}

/// What is said of each parameter.
#[track_caller]
fn refused(answer: &Answer) -> BTreeMap<String, String> {
    let body = answer.expect(400);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fields = body["validations"].as_array().unwrap().iter();
    fields
        .map(|one| (text(&one["field"]), text(&one["detail"])))
        .collect()
}

struct Bench {
    live: Live,
    ann: Person,
    template: String,
}

impl Bench {
    async fn new() -> Self {
        let live = Live::new().await;
        let admin = live.server.person("admin", &["owner"]).await;
        let ann = live.server.person("ann", &[]).await;
        let mut script = script(TOKEN);
        script.plan.rich_parameters = parameters();
        let template = live.template(&admin, "parameters", &script).await;
        Self {
            live,
            ann,
            template,
        }
    }

    async fn create(&self, pairs: &[(&str, &str)]) -> Answer {
        let body = json!({
            "name": "dev", "template_id": self.template, "rich_parameter_values": values(pairs),
        });
        let path = "/api/v2/users/me/workspaces";
        self.live.server.post(path, &self.ann, body).await
    }

    async fn build(&self, id: &str, transition: &str, pairs: &[(&str, &str)]) -> Answer {
        let body = json!({ "transition": transition, "rich_parameter_values": values(pairs) });
        let path = format!("/api/v2/workspaces/{id}/builds");
        self.live.server.post(&path, &self.ann, body).await
    }
}

#[tokio::test]
async fn each_refused_value_is_named() {
    let bench = Bench::new().await;
    let answer = bench
        .create(&[
            ("once", "maybe"),
            ("text", "é"),
            ("size", "huge"),
            ("disk", "10"),
            ("ttl", "1.5"),
            ("flag", "yes"),
            ("tags", "a"),
            ("several", r#"["z"]"#),
            ("list", r#"["y"]"#),
            ("unknown", "1"),
            ("fixed", "us"),
            ("fixed", "eu"),
        ])
        .await;
    let found = refused(&answer);
    for (name, detail) in [
        ("disk", "10 is not from 1 to 9."),
        ("fixed", "is given twice"),
        ("flag", r#""yes" is neither "true" nor "false"."#),
        ("required", "needs a value"),
        ("unknown", "is not a parameter of this template version"),
        ("ttl", r#""1.5" is not a whole number."#),
    ] {
        assert_eq!(found[name], detail, "{found:#?}");
    }
    assert!(found["text"].starts_with("Letters, please."), "{found:#?}");
    let names: Vec<_> = found.keys().map(String::as_str).collect();
    let expected = [
        "disk", "fixed", "flag", "list", "once", "required", "several", "size", "tags", "text",
        "ttl", "unknown",
    ];
    assert_eq!(names, expected);
    // Nothing was made, so the name is free.
    bench.create(&[("required", "x")]).await.expect(201);
}

#[tokio::test]
async fn what_was_chosen_before_counts() {
    let bench = Bench::new().await;
    let chosen = [("required", "x"), ("disk", "4"), ("once", "true")];
    let created = bench.create(&chosen).await.expect(201);
    let id = created["id"].as_str().unwrap().to_owned();
    bench.live.until(&bench.ann, &id, "running").await;
    for (name, value, detail) in [
        ("fixed", "us", "is immutable"),
        ("disk", "3", "3 is not from 1 to 9."),
        ("ttl", "11", "may only decrease"),
    ] {
        let found = refused(&bench.build(&id, "start", &[(name, value)]).await);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[name].contains(detail), "{found:#?}");
    }
    // A stop takes what there is, but no bad value either.
    let found = refused(&bench.build(&id, "stop", &[("flag", "?")]).await);
    assert!(found.contains_key("flag"), "{found:#?}");
    let allowed = [("fixed", "eu"), ("disk", "4"), ("ttl", "9")];
    let built = bench.build(&id, "start", &allowed).await.expect(201);
    let path = format!(
        "/api/v2/workspacebuilds/{}/parameters",
        built["id"].as_str().unwrap()
    );
    let kept = bench.live.server.get(&path, &bench.ann).await.expect(200);
    let value = |name: &str| {
        let mut kept = kept.as_array().unwrap().iter();
        kept.find(|one| one["name"] == name).unwrap()["value"].clone()
    };
    assert_eq!(value("required"), "x");
    assert_eq!(value("once"), "false", "ephemeral values are forgotten");
    assert_eq!(value("ttl"), "9");
}
