//! A generic tree for openmls's private types, built through serde, so that long lists can be split
//! and keys stored as bytes. Encoded as CBOR; no I/O.

mod deserialize;
mod serialize;

use std::borrow::Cow;
use std::convert::Infallible;

use minicbor::data::{Int, Tag, Type};
use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder};
use zeroize::Zeroizing;

pub(crate) use serialize::to_value;

/// The number of a text. The names of fields and variants repeat, and each is written once.
const TEXT: Tag = Tag::new(6);
/// [`Value::Part`]
const PART: Tag = Tag::new(7);
/// The length of a run of nulls in a list, which is what remains of used keys.
const NULLS: Tag = Tag::new(8);

/// A node of a tree.
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Text(Cow<'a, str>),
    /// A list of numbers below 256. Most of them are secrets.
    Bytes(Zeroizing<Vec<u8>>),
    List(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// Stands in a list for a run of its items that is stored under a key of its own: the key's
    /// end.
    Part(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// Reads what [`Value::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Result<Self, decode::Error> {
        let mut from = Decoder::new(bytes);
        from.array()?;
        let texts = from.array_iter::<&str>()?.collect::<Result<Vec<_>, _>>()?;
        read(&mut from, &texts)
    }

    /// Writes CBOR: the texts, then the tree.
    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, encode::Error<Infallible>> {
        let (mut texts, mut tree) = (vec![], Zeroizing::new(vec![]));
        write(&mut Encoder::new(&mut *tree), self, &mut texts)?;

        let mut bytes = Zeroizing::new(Vec::with_capacity(tree.len() + 512));
        Encoder::new(&mut *bytes).array(2)?.encode(texts)?;
        bytes.extend_from_slice(&tree);
        Ok(bytes)
    }

    /// A field of a map.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        let Self::Map(fields) = self else { return None };
        fields.iter().find(|(key, _)| key.is_text(name)).map(|(_, value)| value)
    }

    pub(crate) fn is_text(&self, text: &str) -> bool {
        matches!(self, Self::Text(own) if own == text)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }
}

fn read<'a>(from: &mut Decoder<'a>, texts: &[&'a str]) -> Result<Value<'a>, decode::Error> {
    Ok(match from.datatype()? {
        Type::Null => {
            from.null()?;
            Value::Null
        }
        Type::Bool => Value::Bool(from.bool()?),
        Type::Bytes => Value::Bytes(from.bytes()?.to_vec().into()),
        Type::Array => {
            let mut items = vec![];
            for _ in 0..from.array()?.unwrap_or(0) {
                if from.datatype()? == Type::Tag && from.probe().tag()? == NULLS {
                    from.tag()?;
                    items.extend((0..from.u32()?).map(|_| Value::Null));
                } else {
                    items.push(read(from, texts)?);
                }
            }
            Value::List(items)
        }
        Type::Map => {
            let fields = 0..from.map()?.unwrap_or(0);
            Value::Map(
                fields
                    .map(|_| Ok((read(from, texts)?, read(from, texts)?)))
                    .collect::<Result<_, _>>()?,
            )
        }
        Type::Tag => match from.tag()? {
            TEXT => {
                let text = texts.get(usize::from(from.u16()?));
                Value::Text(
                    (*text.ok_or_else(|| decode::Error::message("a text is missing"))?).into(),
                )
            }
            PART => Value::Part(from.str()?.into()),
            other => return Err(decode::Error::tag_mismatch(other)),
        },
        _ => Value::Int(from.int()?.into()),
    })
}

type Written = Result<(), encode::Error<Infallible>>;

fn write<'v>(
    to: &mut Encoder<&mut Vec<u8>>,
    value: &'v Value,
    texts: &mut Vec<&'v str>,
) -> Written {
    match value {
        Value::Null => to.null()?.ok(),
        Value::Bool(truth) => to.bool(*truth)?.ok(),
        Value::Int(number) => to.int(Int::try_from(*number).map_err(encode::Error::message)?)?.ok(),
        Value::Text(text) => to.tag(TEXT)?.u64(number(texts, text) as u64)?.ok(),
        Value::Bytes(bytes) => to.bytes(bytes)?.ok(),
        Value::List(items) => {
            let runs = || items.chunk_by(|one, next| one.is_null() && next.is_null());
            to.array(runs().count() as u64)?;
            runs().try_for_each(|run| match run {
                [item] => write(to, item, texts),
                nulls => to.tag(NULLS)?.u64(nulls.len() as u64)?.ok(),
            })
        }
        Value::Map(fields) => {
            to.map(fields.len() as u64)?;
            fields.iter().try_for_each(|(name, value)| {
                write(to, name, texts)?;
                write(to, value, texts)
            })
        }
        Value::Part(place) => to.tag(PART)?.str(place)?.ok(),
    }
}

fn number<'v>(texts: &mut Vec<&'v str>, text: &'v str) -> usize {
    texts.iter().position(|known| *known == text).unwrap_or_else(|| {
        texts.push(text);
        texts.len() - 1
    })
}
