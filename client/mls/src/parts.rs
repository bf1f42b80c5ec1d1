//! Splits values into parts, so that a message changes little of what is stored.
//!
//! openmls writes the secrets of all epochs as one value whenever it uses a single key. Here, each
//! past epoch is stored as a part of its own, and so is each group of keys of skipped messages.
//! Splitting looks for fields by their names in openmls, and leaves a value whole where it does not
//! find them. Joining does not depend on names. So a different version of openmls may write more,
//! which tests notice, but nothing is lost.

use super::error::StorageError;
use super::value::Value;

/// How many generations of a ratchet share a part. A full one takes 1.8 KB, less than half a page
/// of the store.
const GROUP: u64 = 32;

/// A key and the part that is stored under it.
pub(crate) type Part<'a> = (String, Value<'a>);

/// Splits a value. The keys of its parts begin with the value's own key; the last part is what
/// remains of the value.
pub(crate) fn split<'a>(key: &str, mut value: Value<'a>) -> Vec<Part<'a>> {
    let mut parts = vec![];
    Splitter { key, ratchets: 0, parts: &mut parts }.visit(&mut value);
    parts.push((key.to_owned(), value));
    parts
}

/// Puts all parts back into a value. `part` looks up the part under a key.
pub(crate) fn join<'a>(
    key: &str,
    value: &mut Value<'a>,
    part: &impl Fn(&str) -> Result<Value<'a>, StorageError>,
) -> Result<(), StorageError> {
    match value {
        Value::Map(fields) => fields.iter_mut().try_for_each(|(_, value)| join(key, value, part)),
        Value::List(items) => {
            let mut joined = Vec::with_capacity(items.len());
            for mut item in std::mem::take(items) {
                let Value::Part(suffix) = &item else {
                    join(key, &mut item, part)?;
                    joined.push(item);
                    continue;
                };
                let key = format!("{key}{suffix}");
                let mut run = part(&key)?;
                join(&key, &mut run, part)?;
                match run {
                    Value::List(run) => joined.extend(run),
                    other => joined.push(other),
                }
            }

            *items = joined;
            Ok(())
        }
        _ => Ok(()),
    }
}

struct Splitter<'s, 'a> {
    key: &'s str,
    /// How many ratchets were found in this value.
    ratchets: u32,
    parts: &'s mut Vec<Part<'a>>,
}

impl<'a> Splitter<'_, 'a> {
    fn visit(&mut self, value: &mut Value<'a>) {
        let head = value.field("ratchet_head").and_then(|head| head.field("generation")?.as_u64());
        match value {
            Value::List(items) => items.iter_mut().for_each(|item| self.visit(item)),
            Value::Map(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::List(epochs) if name.is_text("past_epoch_trees") => {
                            self.split_epochs(epochs);
                        }
                        Value::List(keys) if name.is_text("past_secrets") => {
                            self.split_ratchet(keys, head);
                        }
                        value => self.visit(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// Moves a run of a list's items into a part, and returns what stands in the list instead.
    fn part(&mut self, suffix: String, items: Vec<Value<'a>>) -> Value<'a> {
        self.parts.extend(split(&format!("{}{suffix}", self.key), Value::List(items)));
        Value::Part(suffix.into())
    }

    fn split_epochs(&mut self, epochs: &mut [Value<'a>]) {
        for tree in epochs {
            if let Some(epoch) = tree.field("epoch").and_then(Value::as_u64) {
                let whole = std::mem::replace(tree, Value::Null);
                *tree = self.part(format!("/{epoch}"), vec![whole]);
            }
        }
    }

    /// The first key is the newest, of the generation before the head's. A key that was used is
    /// null; where all of a group were used, there is no part.
    fn split_ratchet(&mut self, keys: &mut Vec<Value<'a>>, head: Option<u64>) {
        let Some(mut newest) = head.filter(|head| keys.len() as u64 <= *head) else { return };
        let ratchet = self.ratchets;
        self.ratchets += 1;

        let mut left = std::mem::take(keys).into_iter().peekable();
        while left.peek().is_some() {
            newest -= 1;
            let group = newest / GROUP;
            let run: Vec<_> = left.by_ref().take((newest % GROUP) as usize + 1).collect();
            newest = group * GROUP;
            if run.iter().all(Value::is_null) {
                keys.extend(run);
            } else {
                keys.push(self.part(format!("/r{ratchet}.{group}"), run));
            }
        }
    }
}
