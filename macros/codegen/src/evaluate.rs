//! From the values that are given to the values of all fields.

use std::collections::BTreeMap;

use postlink_format::Origin;

use crate::model::{Default, Field, Shape};
use crate::value::{Problem, Value};

/// A field's value and where it is from; no value where the origin is [`Origin::Unset`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated {
    /// Where the value is from.
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
        let mut evaluation = Evaluation {
            shape: self,
            given,
            done: vec![None; self.fields.len()],
            problems: Vec::new(),
        };
        for position in 0..self.fields.len() {
            evaluation.field(position);
        }
        if !evaluation.problems.is_empty() {
            return Err(evaluation.problems);
        }
        let unset = Evaluated { origin: Origin::Unset, value: None };
        let done = evaluation.done.into_iter();
        Ok(done.map(|field| field.unwrap_or_else(|| unset.clone())).collect())
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
                field.problem(
                    "it is required and no value is given",
                    format!("give it with --set {}=VALUE", field.name),
                )
            })
            .collect()
    }
}

struct Evaluation<'a> {
    shape: &'a Shape,
    given: &'a Given,
    done: Vec<Option<Evaluated>>,
    problems: Vec<Problem>,
}

impl Evaluation<'_> {
    /// The value of a field as text. Derivations have no cycles: [`crate::derivation`] was asked when the
    /// shape was read; a field that is being computed counts as unset all the same.
    fn field(&mut self, position: usize) -> Option<String> {
        let field = &self.shape.fields[position];
        if self.done[position].is_none() {
            self.done[position] = Some(Evaluated { origin: Origin::Unset, value: None });
            let (origin, value) = match (self.given.get(&position), &field.default) {
                (Some(value), _) => (Origin::Set, Some(value.clone())),
                (None, Some(Default::Value(value))) => (Origin::Default, Some(value.clone())),
                (None, Some(Default::Derived(_))) => {
                    let value = self.derive(field);
                    (value.as_ref().map_or(Origin::Unset, |_| Origin::Derived), value)
                }
                (None, None) => (Origin::Unset, None),
            };
            if let Some(problem) = value.as_ref().and_then(|value| field.check(value).err()) {
                self.problems.push(problem);
            }
            self.done[position] = Some(Evaluated { origin, value });
        }
        let value = self.done[position].as_ref()?.value.as_ref()?;
        Some(field.display(value))
    }

    fn derive(&mut self, field: &Field) -> Option<Value> {
        let Some(Default::Derived(templates)) = &field.default else {
            return None;
        };
        let mut limit = field.capacity as usize;
        let mut texts = Vec::new();
        for template in templates {
            let text = template.expand(limit, |name| self.field(self.shape.position(name)?))?;
            // Once it is too long that is what is told, and no more is needed.
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
}
