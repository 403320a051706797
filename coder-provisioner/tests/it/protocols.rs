//! The examples of `docs/PROTOCOLS.md` are what daemons and servers say.

use coder_provisioner::protocol::{
    AcquiredJob, CompletedJob, CompletedJobKind, FailedJob, JobKind, Metadata, UpdateJob,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROTOCOLS.md");

/// The examples with the names of their types.
fn examples() -> Vec<(String, Value)> {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let blocks = text.split("```json ").skip(1);
    let examples = blocks.map(|block| {
        let (name, rest) = block.split_once('\n').unwrap();
        let (json, _) = rest.split_once("```").unwrap();
        let value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name.to_owned(), value)
    });
    examples.collect()
}

/// Reads an example and writes it again: fields that it lacks, or that nobody knows, show.
fn again<T: Serialize + DeserializeOwned>(value: &Value) -> Value {
    let read: T = serde_json::from_value(value.clone()).unwrap();
    serde_json::to_value(read).unwrap()
}

#[test]
fn examples_have_every_field_and_no_other() {
    let mut names = Vec::new();
    for (name, mut example) in examples() {
        // Facts are told once.
        if let Some(metadata) = example.get_mut("metadata") {
            assert_eq!(*metadata, serde_json::json!({}));
            *metadata = serde_json::to_value(Metadata::default()).unwrap();
        }
        let read = match name.as_str() {
            "AcquiredJob" => again::<AcquiredJob>(&example),
            "JobKind" => again::<JobKind>(&example),
            "UpdateJob" => again::<UpdateJob>(&example),
            "CompletedJob" => again::<CompletedJob>(&example),
            "CompletedJobKind" => again::<CompletedJobKind>(&example),
            "FailedJob" => again::<FailedJob>(&example),
            other => panic!("what is {other}?"),
        };
        assert_eq!(read, example, "{name}");
        names.push(name);
    }
    assert_eq!(names.len(), 7, "{names:?}");
}

/// Every list and map has an example of what is in it, but for those whose contents are told elsewhere.
#[test]
fn nothing_is_left_empty() {
    fn walk(path: &str, value: &Value, empty: &mut Vec<String>) {
        match value {
            Value::Array(items) if items.is_empty() => empty.push(path.to_owned()),
            Value::Object(fields) if fields.is_empty() => empty.push(path.to_owned()),
            Value::Array(items) => items.iter().for_each(|item| walk(path, item, empty)),
            Value::Object(fields) => fields
                .iter()
                .for_each(|(name, field)| walk(&format!("{path}.{name}"), field, empty)),
            _ => {}
        }
    }
    let mut empty = Vec::new();
    for (name, example) in examples() {
        walk(&name, &example, &mut empty);
    }
    let container = "CompletedJob.kind.resources.agents.devcontainers";
    let mut expected = [
        "JobKind.metadata".to_owned(),
        "JobKind.metadata".to_owned(),
        format!("{container}.apps"),
        format!("{container}.envs"),
        format!("{container}.scripts"),
        "CompletedJobKind.start_resources".to_owned(),
        "CompletedJobKind.stop_resources".to_owned(),
        "FailedJob.timings".to_owned(),
    ];
    empty.sort();
    expected.sort();
    assert_eq!(empty, expected);
}
