//! The values of all fields, computed from those that are given.

use std::collections::BTreeMap;

use postlink_format::Origin;

use crate::derivation::order;
use crate::model::{Default, Field, Shape};
use crate::template::Template;
use crate::value::{Problem, Value};

/// A field's value and its origin; no value where that is [`Origin::Unset`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated {
    /// The source of the value.
    pub origin: Origin,
    /// The value.
    pub value: Option<Value>,
}

/// Values that are given, by the position of their field.
pub type Given = BTreeMap<usize, Value>;

impl Shape {
    /// The value of every field: what is given, else the default, computed where it is derived.
    ///
    /// A required field without a value stays unset, and so does what derives from it.
    ///
    /// # Errors
    /// Every value that breaks a limit of its field.
    pub fn evaluate(&self, given: &Given) -> Result<Vec<Evaluated>, Vec<Problem>> {
        let positions = self.positions();
        let mut values = vec![Evaluated { origin: Origin::Unset, value: None }; self.fields.len()];
        let mut problems = BTreeMap::new();
        for position in order(self) {
            let field = &self.fields[position];
            let (origin, value) = match (given.get(&position), &field.default) {
                (Some(value), _) => (Origin::Set, Some(value.clone())),
                (None, Some(Default::Value(value))) => (Origin::Default, Some(value.clone())),
                (None, Some(Default::Derived(templates))) => {
                    let value_of = |name: &str| {
                        let position = *positions.get(name)?;
                        Some((position, values[position].value.as_ref()?))
                    };
                    // Without one of them there is no value, whatever the length of the others.
                    let is_known = field.references().all(|name| value_of(name).is_some());
                    let derive = || {
                        derive(field, templates, |name| {
                            let (position, value) = value_of(name)?;
                            Some(self.fields[position].display(value))
                        })
                    };
                    let value = is_known.then(derive).flatten();
                    (value.as_ref().map_or(Origin::Unset, |_| Origin::Derived), value)
                }
                (None, None) => (Origin::Unset, None),
            };
            if let Some(Err(problem)) = value.as_ref().map(|value| field.check(value)) {
                problems.insert(position, problem);
            }
            values[position] = Evaluated { origin, value };
        }
        if problems.is_empty() { Ok(values) } else { Err(problems.into_values().collect()) }
    }

    /// The problems of fields that have no value after [`Shape::evaluate`].
    #[must_use]
    pub fn missing(&self, evaluated: &[Evaluated]) -> Vec<Problem> {
        let fields = self.fields.iter().zip(evaluated);
        fields
            .filter(|(field, evaluated)| {
                evaluated.origin == Origin::Unset && field.default.is_none()
            })
            .map(|(field, _)| {
                let set = format!("give it with --set {}=VALUE", field.name);
                let from = field.source.as_ref();
                let from = from.map(|from| format!(", or with --from {}={from}", field.name));
                field.problem(
                    "it is required and no value is given",
                    set + &from.unwrap_or_default(),
                )
            })
            .collect()
    }
}

/// The value of a field from its templates; `None` where a field that they refer to has no value.
fn derive(
    field: &Field,
    templates: &[Template],
    value_of: impl Fn(&str) -> Option<String>,
) -> Option<Value> {
    let mut limit = field.capacity as usize;
    let mut texts = Vec::new();
    for template in templates {
        let text = template.expand(limit, &value_of)?;
        // A text that is too long is refused: the rest is not needed for that.
        let is_too_long = text.len() > limit;
        limit = limit.saturating_sub(text.len());
        texts.push(text);
        if is_too_long {
            break;
        }
    }
    Some(if field.ty.is_list() {
        Value::List(texts)
    } else {
        Value::Text(texts.into_iter().next()?)
    })
}
