//! `coder_metadata`.

use crate::attributes::Metadata;
use crate::tfprovider::kind::Resource;
use crate::tfprovider::value::{Object, Value, get};

pub(super) const RESOURCE: Resource = Resource {
    derive: mark_null_items,
    ..Resource::new::<Metadata>(Metadata::TYPE_NAME)
};

/// Text cannot say that it is absent once it has reached the server, so each item says so itself.
fn mark_null_items(metadata: &mut Object) {
    let Some(Value::List(items)) = metadata.get_mut("item") else {
        return;
    };
    for item in items {
        if let Value::Map(item) = item {
            let is_null = match get(item, "value") {
                Value::Unknown => Value::Unknown,
                value => Value::from(value == &Value::Null),
            };
            item.insert("is_null".to_owned(), is_null);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_says_whether_it_is_null() {
        let item = |value: Value| Value::Map([("value".to_owned(), value)].into_iter().collect());
        let items = vec![item(Value::Null), item("".into()), item(Value::Unknown)];
        let mut metadata: Object = [("item".to_owned(), Value::List(items))]
            .into_iter()
            .collect();
        mark_null_items(&mut metadata);
        let marks: Vec<_> = get(&metadata, "item")
            .as_list()
            .iter()
            .map(|item| get(item.as_object().unwrap(), "is_null").clone())
            .collect();
        assert_eq!(marks, [true.into(), false.into(), Value::Unknown]);
    }
}
