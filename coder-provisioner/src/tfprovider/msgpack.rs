//! Values to and from bytes.
//!
//! Terraform writes MessagePack in requests and JSON for stored state; answers are always
//! MessagePack. A value that is not known yet is an extension: type 0 when nothing is known of it,
//! type 12 when something is. Both read as unknown.

use rmpv::Value as Raw;

use super::diagnostics::Diagnostic;
use super::value::{Number, Object, Value};
use super::wire::DynamicValue;

/// How deep values may be nested. The deepest block of the schema has six levels.
const MAX_DEPTH: usize = 64;

/// The extension type of a value of which nothing is known.
const UNKNOWN: i8 = 0;

/// Reads a value in either form; nothing at all reads as null.
///
/// # Errors
/// A diagnostic when the bytes are no value.
pub(super) fn decode(value: Option<&DynamicValue>) -> Result<Value, Diagnostic> {
    match value {
        Some(value) if !value.msgpack.is_empty() => decode_msgpack(&value.msgpack),
        Some(value) if !value.json.is_empty() => decode_json(&value.json),
        _ => Ok(Value::Null),
    }
}

/// Reads JSON, as state is stored.
///
/// # Errors
/// A diagnostic when the bytes are no value.
pub(super) fn decode_json(json: &[u8]) -> Result<Value, Diagnostic> {
    let value = serde_json::from_slice(json)
        .map_err(|error| malformed(format!("The value is not valid JSON: {error}.")))?;
    Ok(from_json(value))
}

/// Writes a value.
pub(super) fn encode(value: &Value) -> DynamicValue {
    let mut msgpack = Vec::new();
    // Writing to memory does not fail.
    let _ = rmpv::encode::write_value(&mut msgpack, &to_raw(value));
    DynamicValue {
        msgpack,
        json: Vec::new(),
    }
}

/// Writes an object.
pub(super) fn encode_object(object: Object) -> DynamicValue {
    encode(&Value::Map(object))
}

fn decode_msgpack(mut bytes: &[u8]) -> Result<Value, Diagnostic> {
    let raw = rmpv::decode::read_value_with_max_depth(&mut bytes, MAX_DEPTH)
        .map_err(|error| malformed(format!("The value is not valid MessagePack: {error}.")))?;
    if !bytes.is_empty() {
        return Err(malformed("The value is followed by more bytes."));
    }
    from_raw(raw)
}

fn from_raw(raw: Raw) -> Result<Value, Diagnostic> {
    Ok(match raw {
        Raw::Nil => Value::Null,
        Raw::Boolean(value) => value.into(),
        Raw::Integer(value) => Value::Number(match value.as_i64() {
            Some(value) => Number::Int(value),
            None => Number::Text(value.to_string()),
        }),
        Raw::F32(value) => Value::Number(Number::Float(f64::from(value))),
        Raw::F64(value) => Value::Number(Number::Float(value)),
        Raw::String(text) => Value::String(
            text.into_str()
                .ok_or_else(|| malformed("A text of the value is not UTF-8."))?,
        ),
        Raw::Array(items) => {
            Value::List(items.into_iter().map(from_raw).collect::<Result<_, _>>()?)
        }
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| match from_raw(key)? {
                    Value::String(key) => Ok((key, from_raw(value)?)),
                    _ => Err(malformed("A key of the value is not text.")),
                })
                .collect::<Result<_, _>>()?,
        ),
        Raw::Ext(..) => Value::Unknown,
        Raw::Binary(_) => return Err(malformed("The value holds raw bytes.")),
    })
}

fn to_raw(value: &Value) -> Raw {
    match value {
        Value::Null => Raw::Nil,
        Value::Unknown => Raw::Ext(UNKNOWN, vec![0]),
        Value::Bool(value) => Raw::Boolean(*value),
        Value::Number(Number::Int(value)) => Raw::from(*value),
        Value::Number(Number::Float(value)) => Raw::F64(*value),
        Value::Number(Number::Text(text)) | Value::String(text) => Raw::from(text.as_str()),
        Value::List(items) => Raw::Array(items.iter().map(to_raw).collect()),
        Value::Map(entries) => Raw::Map(
            entries
                .iter()
                .map(|(key, value)| (Raw::from(key.as_str()), to_raw(value)))
                .collect(),
        ),
    }
}

fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => value.into(),
        serde_json::Value::Number(number) => {
            Value::Number(match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Number::Int(value),
                (None, Some(value)) => Number::Float(value),
                (None, None) => Number::Text(number.to_string()),
            })
        }
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| (key, from_json(value)))
                .collect(),
        ),
    }
}

fn malformed(detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error("Malformed value", detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(msgpack: &[u8]) -> DynamicValue {
        DynamicValue {
            msgpack: msgpack.to_vec(),
            json: Vec::new(),
        }
    }

    #[test]
    fn every_kind_of_unknown_is_unknown() {
        let plain = [0xd4, 0, 0];
        let refined = [0xc7, 3, 12, 0x81, 1, 0xc2];
        assert_eq!(decode(Some(&bytes(&plain))).unwrap(), Value::Unknown);
        assert_eq!(decode(Some(&bytes(&refined))).unwrap(), Value::Unknown);
        assert_eq!(encode(&Value::Unknown).msgpack, plain);
    }

    #[test]
    fn what_is_no_value_is_a_diagnostic() {
        let nested = vec![0x91; 10_000];
        for hostile in [
            &[0xcc][..],
            &[0xdd, 0xff, 0xff, 0xff, 0xff],
            &[0xdb, 0xff, 0xff, 0xff, 0xff, b'a'],
            &[0xa1, 0xff],
            &[0x81, 0x01, 0x01],
            &[0xc4, 1, 0],
            &[0xc0, 0xc0],
            &nested,
        ] {
            let error = decode(Some(&bytes(hostile))).unwrap_err();
            assert_eq!(error.summary, "Malformed value");
        }
        assert!(decode_json(b"{").is_err());
        assert!(decode_json(&vec![b'['; 100_000]).is_err());
    }

    #[test]
    fn nothing_is_null() {
        assert_eq!(decode(None).unwrap(), Value::Null);
        assert_eq!(decode(Some(&bytes(&[]))).unwrap(), Value::Null);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            Just(Value::Unknown),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
                prop::collection::btree_map(".*", inner, 0..8).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in value()) {
            prop_assert_eq!(decode(Some(&encode(&value))).unwrap(), value);
        }

        #[test]
        fn no_bytes_panic(hostile in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = decode(Some(&bytes(&hostile)));
            let _ = decode_json(&hostile);
        }
    }
}
