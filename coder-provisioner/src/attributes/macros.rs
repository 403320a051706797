//! The declaration of one shape.

/// Declares a struct together with its [`Shape`](super::Shape).
///
/// `Name = "type"` names a resource or data source, `Name` alone a nested block. `name: Type =
/// attribute;` is an attribute; below `blocks`, `name: Struct = block;` is a nested block. The doc
/// comments become the descriptions in the schema. Values are not part of the `Debug` text, as some
/// are secret.
macro_rules! attributes {
    (
        $(#[doc = $doc:literal])+
        $name:ident $( = $type_name:literal )? {
            $( $(#[doc = $field_doc:literal])+ $field:ident : $ty:ty = $attribute:expr; )*
        } $( blocks {
            $( $(#[doc = $block_doc:literal])+ $block:ident : $block_ty:ty = $nested:expr; )*
        } )?
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Default, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $( $(#[doc = $field_doc])+ pub $field: Option<$ty>, )*
            $( $( $(#[doc = $block_doc])+ pub $block: Vec<$block_ty>, )* )?
        }

        $( impl $name {
            /// The name of the type in templates.
            pub const TYPE_NAME: &'static str = $type_name;
        } )?

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }

        impl $crate::attributes::Shape for $name {
            const BLOCK: $crate::attributes::Block = $crate::attributes::Block {
                description: concat!($($doc),+),
                attributes: &[ $( $attribute.declared(
                    stringify!($field),
                    concat!($($field_doc),+),
                    <$ty as $crate::attributes::AttributeType>::TYPE,
                ), )* ],
                blocks: &[ $( $( $nested.declared(
                    stringify!($block),
                    concat!($($block_doc),+),
                    <$block_ty as $crate::attributes::Shape>::BLOCK,
                ), )* )? ],
            };
        }
    };
}
