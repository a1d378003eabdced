//! Lists in replies: what is more than anyone could want is refused as it is read. A list of nothings is two bytes an item on the wire
//! and a hundred in memory, so a reply that is within its limit could take gigabytes.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// Most bytes of a value that is read whole although it should be small: an error, a word about how far something is.
const SMALL_BYTES: usize = 64 << 10;

/// A list of at most `MOST`.
#[derive(Debug)]
pub(super) struct Few<T, const MOST: usize>(pub(super) Vec<T>);

impl<T, const MOST: usize> IntoIterator for Few<T, MOST> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for FewVisitor<T, MOST> {
    type Value = Few<T, MOST>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a list of at most {MOST}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut few = Vec::new();
        while let Some(item) = items.next_element()? {
            if few.len() == MOST {
                return Err(A::Error::custom("the list is too long"));
            }
            few.push(item);
        }
        Ok(Few(few))
    }
}

/// One text, a list of texts, or anything else. Of a list as `Kept` makes it.
pub(super) enum Texts<'a, Kept> {
    /// One.
    One(Cow<'a, str>),
    /// Several.
    Many(Kept),
    /// Anything else.
    Other,
}

/// What becomes of the texts of a list, one after the other.
pub(super) trait Keep<'a>: Default {
    /// Takes the next one; false: it is too much.
    fn keep(&mut self, text: Cow<'a, str>) -> bool;
}

/// All texts as one: no more memory than the reply itself.
impl<'a> Keep<'a> for String {
    fn keep(&mut self, text: Cow<'a, str>) -> bool {
        self.push_str(&text);
        true
    }
}

impl<'a, const MOST: usize> Keep<'a> for Few<Cow<'a, str>, MOST> {
    fn keep(&mut self, text: Cow<'a, str>) -> bool {
        self.0.push(text);
        self.0.len() <= MOST
    }
}

impl<T, const MOST: usize> Default for Few<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de: 'a, 'a, Kept: Keep<'a>> Deserialize<'de> for Texts<'a, Kept> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor(PhantomData))
    }
}

struct TextsVisitor<'a, Kept>(PhantomData<(&'a str, Kept)>);

impl<'de: 'a, 'a, Kept: Keep<'a>> Visitor<'de> for TextsVisitor<'a, Kept> {
    type Value = Texts<'a, Kept>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a list of texts")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Texts::One(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Texts::One(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Texts::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Texts::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Texts::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Texts::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Texts::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut kept = Kept::default();
        while let Some(text) = items.next_element_seed(OneText)? {
            if !kept.keep(text) {
                return Err(A::Error::custom("the list is too long"));
            }
        }
        Ok(Texts::Many(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Texts::Other)
    }
}

/// A text, borrowed from the reply where it can be: `Cow` by itself is read as owned.
struct OneText;

impl<'de> DeserializeSeed<'de> for OneText {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        #[derive(Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
        Text::deserialize(deserializer).map(|Text(text)| text)
    }
}

/// Reads a value that should be small; nothing when it is not, or not what it should be.
pub(super) fn small<'a, T: Deserialize<'a>>(value: Option<&'a serde_json::value::RawValue>) -> Option<T> {
    let text = value?.get();
    if text.len() > SMALL_BYTES { None } else { serde_json::from_str(text).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_where_it_may() {
        let few = |text: &str| serde_json::from_str::<Few<u8, 3>>(text).map(|few| few.0).ok();
        assert_eq!(few("[1,2,3]"), Some(vec![1, 2, 3]));
        assert_eq!(few("[1,2,3,4]"), None);
        let texts = |text: &str| match serde_json::from_str::<Texts<'_, Few<Cow<'_, str>, 2>>>(text) {
            Ok(Texts::One(text)) => format!("one {text}"),
            Ok(Texts::Many(texts)) => format!("many {}", texts.0.join("+")),
            Ok(Texts::Other) => "other".to_owned(),
            Err(_) => "error".to_owned(),
        };
        for (text, read) in [
            (r#""a""#, "one a"),
            (r#""\u0061\n""#, "one a\n"),
            (r#"["a","b"]"#, "many a+b"),
            (r#"["a","b","c"]"#, "error"),
            ("[]", "many "),
            ("[[]]", "error"),
            ("7", "other"),
            ("null", "other"),
            (r#"{"a":[1,{"b":2}]}"#, "other"),
        ] {
            assert_eq!(texts(text), read, "{text}");
        }
        let said = serde_json::from_str::<Texts<'_, String>>(r#"["a"," sea"]"#);
        assert!(matches!(said, Ok(Texts::Many(text)) if text == "a sea"));
    }
}
