//! The words that members of what is shown can have, as schemas: made from the lists that the words themselves come from.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::report::{Field, UnitStatus, Urgency, Verb};
use crate::weighed::Stage;

fn one_of(words: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
}

/// A schema of some words, under a name.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $words:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                one_of($words)
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

words!(
    /// How pressing a matter is.
    UrgencyLetter,
    Urgency::ALL.map(Urgency::letter)
);
words!(
    /// What is being done about a case.
    StageWord,
    Stage::ALL.map(Stage::word)
);
words!(
    /// Whether a unit can be given work.
    StatusWord,
    UnitStatus::ALL.map(UnitStatus::word)
);
words!(
    /// What can be done with an order.
    VerbWord,
    Verb::ALL.map(Verb::word)
);
words!(
    /// The field of a line that is wrong; `line` for the line as a whole.
    FieldName,
    Field::ALL.map(Field::name)
);
