//! A serde serializer that turns any type of openmls into a `Value`.

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use zeroize::Zeroizing;

use super::Value;
use crate::error::StorageError;

type Built = Result<Value<'static>, StorageError>;

/// The tree of a value.
pub(crate) fn to_value<T: Serialize + ?Sized>(value: &T) -> Built {
    value.serialize(Builder)
}

struct Builder;

fn variant(name: &'static str, value: Value<'static>) -> Value<'static> {
    Value::Map(vec![(Value::Text(name.into()), value)])
}

impl Serializer for Builder {
    type Ok = Value<'static>;
    type Error = StorageError;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = Variant<List>;
    type SerializeMap = Map;
    type SerializeStruct = Map;
    type SerializeStructVariant = Variant<Map>;

    fn serialize_bool(self, truth: bool) -> Built {
        Ok(Value::Bool(truth))
    }

    fn serialize_i8(self, number: i8) -> Built {
        Ok(Value::Int(number.into()))
    }

    fn serialize_i16(self, number: i16) -> Built {
        Ok(Value::Int(number.into()))
    }

    fn serialize_i32(self, number: i32) -> Built {
        Ok(Value::Int(number.into()))
    }

    fn serialize_i64(self, number: i64) -> Built {
        Ok(Value::Int(number.into()))
    }

    fn serialize_u8(self, number: u8) -> Built {
        Ok(Value::Int(number.into()))
    }

    fn serialize_u16(self, number: u16) -> Built {
        Ok(Value::Int(number.into()))
    }

    fn serialize_u32(self, number: u32) -> Built {
        Ok(Value::Int(number.into()))
    }

    fn serialize_u64(self, number: u64) -> Built {
        Ok(Value::Int(number.into()))
    }

    fn serialize_f32(self, _: f32) -> Built {
        Err(StorageError::custom("floating point numbers are not stored"))
    }

    fn serialize_f64(self, _: f64) -> Built {
        Err(StorageError::custom("floating point numbers are not stored"))
    }

    fn serialize_char(self, letter: char) -> Built {
        Ok(Value::Text(letter.to_string().into()))
    }

    fn serialize_str(self, text: &str) -> Built {
        Ok(Value::Text(text.to_owned().into()))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Built {
        Ok(Value::Bytes(bytes.to_vec().into()))
    }

    fn serialize_none(self) -> Built {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Built {
        to_value(value)
    }

    fn serialize_unit(self) -> Built {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Built {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Built {
        Ok(Value::Text(name.into()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Built {
        to_value(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Built {
        Ok(variant(name, to_value(value)?))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<List, StorageError> {
        Ok(List { length: length.unwrap_or(0), ..List::default() })
    }

    fn serialize_tuple(self, length: usize) -> Result<List, StorageError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List, StorageError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Variant<List>, StorageError> {
        Ok(Variant { name, content: self.serialize_seq(Some(length))? })
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Map, StorageError> {
        Ok(Map { fields: Vec::with_capacity(length.unwrap_or(0)) })
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Map, StorageError> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Variant<Map>, StorageError> {
        Ok(Variant { name, content: self.serialize_map(Some(length))? })
    }
}

/// A list, which stays bytes as long as all its items are bytes.
#[derive(Default)]
struct List {
    length: usize,
    bytes: Zeroizing<Vec<u8>>,
    items: Vec<Value<'static>>,
}

impl List {
    fn push(&mut self, item: Value<'static>) {
        if self.items.is_empty()
            && let Value::Int(number) = &item
            && let Ok(byte) = u8::try_from(*number)
        {
            if self.bytes.is_empty() {
                // If it moved while it grows, copies of secrets would stay behind.
                self.bytes.reserve_exact(self.length);
            }
            self.bytes.push(byte);
            return;
        }
        self.items.extend(self.bytes.drain(..).map(|byte| Value::Int(byte.into())));
        self.items.push(item);
    }

    fn build(self) -> Value<'static> {
        if self.items.is_empty() { Value::Bytes(self.bytes) } else { Value::List(self.items) }
    }
}

struct Map {
    fields: Vec<(Value<'static>, Value<'static>)>,
}

struct Variant<C> {
    name: &'static str,
    content: C,
}

macro_rules! list {
    ($($Trait:ident $push:ident;)*) => { $(
        impl $Trait for List {
            type Ok = Value<'static>;
            type Error = StorageError;

            fn $push<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), StorageError> {
                self.push(to_value(item)?);
                Ok(())
            }

            fn end(self) -> Built {
                Ok(self.build())
            }
        }
    )* };
}

list! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
}

impl SerializeTupleVariant for Variant<List> {
    type Ok = Value<'static>;
    type Error = StorageError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), StorageError> {
        self.content.push(to_value(item)?);
        Ok(())
    }

    fn end(self) -> Built {
        Ok(variant(self.name, self.content.build()))
    }
}

impl SerializeMap for Map {
    type Ok = Value<'static>;
    type Error = StorageError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), StorageError> {
        self.fields.push((to_value(key)?, Value::Null));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StorageError> {
        let (_, field) =
            self.fields.last_mut().ok_or_else(|| StorageError::custom("a value without a key"))?;
        *field = to_value(value)?;
        Ok(())
    }

    fn end(self) -> Built {
        Ok(Value::Map(self.fields))
    }
}

impl SerializeStruct for Map {
    type Ok = Value<'static>;
    type Error = StorageError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), StorageError> {
        self.fields.push((Value::Text(name.into()), to_value(value)?));
        Ok(())
    }

    fn end(self) -> Built {
        Ok(Value::Map(self.fields))
    }
}

impl SerializeStructVariant for Variant<Map> {
    type Ok = Value<'static>;
    type Error = StorageError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), StorageError> {
        SerializeStruct::serialize_field(&mut self.content, name, value)
    }

    fn end(self) -> Built {
        Ok(variant(self.name, Value::Map(self.content.fields)))
    }
}
