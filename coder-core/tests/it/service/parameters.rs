//! What is asked of parameters is checked before a job is queued: every type with every form.

use super::harness::{Harness, value};
use coder_core::{
    ErrorKind,
    parameter::{
        ParameterOption,
        ParameterType::{self, Bool, ListString, Number, String as Text},
        RichParameter, ValidationMonotonic,
    },
    service::{builds::NewBuild, workspaces::NewWorkspace},
    workspace_build::WorkspaceTransition,
};

const FORMS: [&str; 9] = [
    "radio",
    "slider",
    "input",
    "dropdown",
    "checkbox",
    "switch",
    "multi-select",
    "tag-select",
    "textarea",
];

/// A type, the forms that it may have, its options, values that are allowed, values that are not.
type Row = (
    ParameterType,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

/// The rows of the provider's documentation.
const ROWS: &[Row] = &[
    (
        Text,
        &["input", "textarea"],
        &[],
        &["", "a", "two\nlines", "1", "[\"a\"]"],
        &["a\0b"],
    ),
    (
        Text,
        &["radio", "dropdown"],
        &["a", "b"],
        &["a", "b"],
        &["", "c", "A", "a,b"],
    ),
    (
        Number,
        &["input", "slider"],
        &[],
        &["0", "-3", "1.5", "1e3"],
        &["", "one", "inf", "NaN", "1,5"],
    ),
    (
        Number,
        &["radio", "dropdown"],
        &["1", "2"],
        &["1", "2"],
        &["", "3", "1.0"],
    ),
    (
        Bool,
        &["checkbox", "switch"],
        &[],
        &["true", "false"],
        &["", "True", "1", "yes"],
    ),
    (
        Bool,
        &["radio", "dropdown"],
        &["true"],
        &["true"],
        &["false", "", "TRUE"],
    ),
    (
        ListString,
        &["tag-select"],
        &[],
        &["[]", "[\"a\",\"b\"]", "[\"a\",\"a\"]"],
        &["", "a", "[1]", "{}", "[\"a\""],
    ),
    (
        ListString,
        &["radio"],
        &["[\"a\"]", "[\"a\",\"b\"]"],
        &["[\"a\"]", "[\"a\",\"b\"]"],
        &["", "[]", "[\"b\"]", "a"],
    ),
    (
        ListString,
        &["multi-select"],
        &["a", "b"],
        &["[]", "[\"a\"]", "[\"b\",\"a\"]"],
        &["", "a", "[\"a\",\"c\"]", "[1]"],
    ),
];

fn options(values: &[&str]) -> Vec<ParameterOption> {
    let option = |value: &&str| ParameterOption {
        name: format!("option {value}"),
        value: (*value).to_owned(),
        ..ParameterOption::default()
    };
    values.iter().map(option).collect()
}

fn parameter(kind: ParameterType) -> RichParameter {
    RichParameter {
        name: "p".to_owned(),
        kind,
        mutable: true,
        required: true,
        ..RichParameter::default()
    }
}

/// Asks for a workspace with this value. The answer to a refusal is the detail of its only field.
async fn ask(harness: &Harness, name: &str, text: Option<&str>) -> Result<(), String> {
    let request = NewWorkspace {
        parameters: text.map(|text| value("p", text)).into_iter().collect(),
        ..harness.new_workspace(name)
    };
    let created = harness.workspaces.create(&harness.ann(), &request).await;
    created.map(drop).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let [refused] = error.fields() else {
            unreachable!("not one field: {error}")
        };
        assert_eq!(refused.field, "p");
        refused.detail.clone()
    })
}

#[tokio::test]
async fn every_type_has_its_forms_and_its_values() {
    let harness = Harness::new().await;
    let mut number = 0;
    for &(kind, forms, choices, good, bad) in ROWS {
        for form in FORMS {
            let parameter = RichParameter {
                form_type: form.to_owned(),
                options: options(choices),
                ..parameter(kind)
            };
            let fits = parameter.validate().is_ok();
            // Lists with options have two forms, whose options differ: each row looks at its own.
            let other_row = kind == ListString && matches!(form, "radio" | "multi-select");
            if forms.contains(&form) || !other_row || choices.is_empty() {
                assert_eq!(fits, forms.contains(&form), "{kind} {choices:?} {form}");
            }
            if !forms.contains(&form) {
                continue;
            }
            harness.set_parameters(&[parameter]).await;
            for text in good {
                number += 1;
                let asked = ask(&harness, &format!("w{number}"), Some(text)).await;
                assert_eq!(asked, Ok(()), "{kind} {form} {text:?}");
            }
            for text in bad {
                let asked = ask(&harness, "refused", Some(text)).await;
                assert!(asked.is_err(), "{kind} {form} {text:?}");
            }
            let asked = ask(&harness, "refused", None).await;
            assert_eq!(asked, Err("needs a value".to_owned()), "{kind} {form}");
        }
    }
}

#[tokio::test]
async fn validations_say_what_their_author_wrote() {
    let harness = Harness::new().await;
    let bounded = RichParameter {
        validation_min: Some(2),
        validation_max: Some(8),
        validation_error: "{value} is not between {min} and {max}".to_owned(),
        ..parameter(Number)
    };
    let increasing = RichParameter {
        validation_monotonic: Some(ValidationMonotonic::Increasing),
        ..parameter(Number)
    };
    let lower_case = RichParameter {
        validation_regex: "^[a-z]+$".to_owned(),
        validation_error: "Use lower-case letters, not {value}.".to_owned(),
        ..parameter(Text)
    };
    harness.set_parameters(&[bounded]).await;
    assert_eq!(ask(&harness, "a", Some("2")).await, Ok(()));
    let refused = ask(&harness, "b", Some("9")).await;
    assert_eq!(refused, Err("9 is not between 2 and 8".to_owned()));
    assert!(ask(&harness, "b", Some("2.5")).await.is_err());
    harness.set_parameters(&[increasing]).await;
    assert_eq!(ask(&harness, "b", Some("-5")).await, Ok(()));
    harness.set_parameters(&[lower_case]).await;
    assert_eq!(ask(&harness, "c", Some("abc")).await, Ok(()));
    let refused = ask(&harness, "d", Some("ABC")).await.expect_err("capitals");
    assert!(
        refused.starts_with("Use lower-case letters, not {value}."),
        "{refused}"
    );
}

#[tokio::test]
async fn what_was_chosen_before_binds_later_builds() {
    let harness = Harness::new().await;
    let named = |name: &str, kind| RichParameter {
        name: name.to_owned(),
        ..parameter(kind)
    };
    let increasing = RichParameter {
        validation_monotonic: Some(ValidationMonotonic::Increasing),
        ..named("disk", Number)
    };
    let fixed = RichParameter {
        mutable: false,
        ..named("region", Text)
    };
    let once = RichParameter {
        ephemeral: true,
        required: false,
        default_value: "false".to_owned(),
        ..named("repair", Bool)
    };
    harness.set_parameters(&[increasing, fixed, once]).await;
    let request = NewWorkspace {
        parameters: vec![
            value("disk", "10"),
            value("region", "eu"),
            value("repair", "true"),
        ],
        ..harness.new_workspace("dev")
    };
    let created = harness.workspaces.create(&harness.ann(), &request).await;
    let workspace = created.expect("created");
    harness.finish("state", Vec::new()).await;
    for (name, text, allowed) in [
        ("disk", "9", false),
        ("region", "us", false),
        ("unknown", "x", false),
        ("disk", "10", true),
        ("region", "eu", true),
        ("disk", "20", true),
    ] {
        let request = NewBuild {
            parameters: vec![value(name, text)],
            ..NewBuild::of(WorkspaceTransition::Start)
        };
        let built = harness
            .builds
            .create(&harness.ann(), workspace.id, &request)
            .await;
        if !allowed {
            let error = built.expect_err(name);
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.fields()[0].field, name);
            continue;
        }
        let build = built.expect(name);
        let values = harness
            .write(async |tx| tx.workspace_builds().parameters(build.id).await)
            .await
            .expect("values");
        assert!(values.contains(&value("repair", "false")), "{values:?}");
        assert!(values.contains(&value(name, text)), "{values:?}");
        harness.finish("state", Vec::new()).await;
    }
}
