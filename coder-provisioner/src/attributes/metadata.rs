//! `coder_metadata`.

use super::schema::{computed, default, list, optional, required};
use super::{DefaultValue, Rule};

attributes! {
    /// What the user interface shows of another resource.
    Metadata = "coder_metadata" {
        /// The identity of the metadata.
        id: String = computed();
        /// The id of the resource that it describes; one of these per resource.
        resource_id: String = required();
        /// Whether the resource is left out.
        hide: bool = optional();
        /// The URL or path of a picture.
        icon: String = optional().rules(&[Rule::Url]);
        /// What the resource costs per day, in the smallest unit of the currency.
        daily_cost: i64 = optional();
    } blocks {
        /// One line of text.
        item: MetadataItem = list().unique(&["key"]);
    }
}

attributes! {
    /// One line of text about a resource.
    MetadataItem {
        /// The name of the value.
        key: String = required();
        /// The value, in Markdown.
        value: String = optional();
        /// Whether the value is hidden until asked for.
        sensitive: bool = default(DefaultValue::Bool(false));
        /// Whether the value was null.
        is_null: bool = computed();
    }
}
