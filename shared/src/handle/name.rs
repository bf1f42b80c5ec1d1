//! A handle's name: its one canonical form, the texts that are refused, and the skeleton by which
//! names that look alike are the same. What is claimed where is not known here.

use std::fmt;
use std::str::FromStr;

use precis_core::profile::PrecisFastInvocation;
use precis_profiles::UsernameCaseMapped;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection};

use crate::limits::{HANDLE_CHARS, MAX_HANDLE_TEXT};

/// Combining marks in a row: written languages have up to three.
const MAX_MARKS: usize = 3;

/// A name in its canonical form: RFC 8265's `UsernameCaseMapped`, and stricter.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HandleName(String);

/// A name tells whom its holder looks for, so it never prints.
impl fmt::Debug for HandleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandleName(…)")
    }
}

/// Why a text cannot be a handle's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text has too few or too many characters.
    #[error("a handle has {} to {} characters", HANDLE_CHARS.start(), HANDLE_CHARS.end())]
    Length,
    /// Invisible, acting or forbidden characters, or letters of both directions.
    #[error("a handle has letters and digits of one direction, with nothing invisible")]
    Characters,
    /// Punctuation that is not allowed, or at an end of the name.
    #[error("of ASCII a handle has letters, digits, and between them “.”, “-” and “_”")]
    Punctuation,
    /// Scripts that are not written together.
    #[error("a handle's letters are of one script: others can be mistaken for them")]
    Scripts,
}

impl FromStr for HandleName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() > MAX_HANDLE_TEXT {
            return Err(NameError::Length);
        }
        let name =
            UsernameCaseMapped::enforce(text).map_err(|_| NameError::Characters)?.into_owned();
        if !HANDLE_CHARS.contains(&name.chars().count()) {
            return Err(NameError::Length);
        }
        refuse_punctuation(&name)?;
        refuse_heaps_of_marks(&name)?;
        if !name.as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive) {
            return Err(NameError::Scripts);
        }
        Ok(Self(name))
    }
}

/// Refuses characters with a meaning elsewhere: `@` and `/` in an address, a leading `-` in a
/// command.
fn refuse_punctuation(name: &str) -> Result<(), NameError> {
    let plain = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric();
    let inside = name.chars().all(|c| plain(c) || matches!(c, '.' | '-' | '_'));
    let ends = name.starts_with(plain) && name.ends_with(plain);
    if inside && ends { Ok(()) } else { Err(NameError::Punctuation) }
}

/// Refuses marks without a letter before them, and more than [`MAX_MARKS`] on one letter.
fn refuse_heaps_of_marks(name: &str) -> Result<(), NameError> {
    let longest = name.split(|c| !is_combining_mark(c)).map(|run| run.chars().count()).max();
    let heap = name.starts_with(is_combining_mark) || longest.unwrap_or(0) > MAX_MARKS;
    if heap { Err(NameError::Characters) } else { Ok(()) }
}

impl HandleName {
    /// The canonical form, for display.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that all names that look alike share ([UTS
    /// 39](https://www.unicode.org/reports/tr39/)), so that only one of them can be claimed. `l`,
    /// `i` and `1` count as one letter. Not for display.
    #[must_use]
    pub fn skeleton(&self) -> String {
        let folded: String = self.0.nfkc().collect();
        let alike = folded.chars().flat_map(prototype);
        alike.map(|c| if matches!(c, 'i' | 'ı') { 'l' } else { c }).nfd().collect()
    }
}

/// The letter that a small letter looks like, in its small or its capital form: a capital `в` looks
/// like `B`.
fn prototype(c: char) -> Vec<char> {
    let small: String = unicode_security::skeleton(c.encode_utf8(&mut [0; 4])).collect();
    let capital: String = unicode_security::skeleton(&c.to_uppercase().to_string()).collect();
    let drawn = if !small.is_ascii() && capital.is_ascii() { capital } else { small };
    drawn.to_lowercase().chars().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Result<String, NameError> {
        text.parse().map(|HandleName(name)| name)
    }

    #[test]
    fn case_width_and_normal_form_do_not_make_a_new_name() {
        for text in ["Zoë", "ZOË", "Zoe\u{308}", "ｚｏë"] {
            assert_eq!(name(text).as_deref(), Ok("zoë"), "{text}");
        }
        assert_eq!(name("Вера").as_deref(), Ok("вера"));
        assert_eq!(name("bob.b-b_2").as_deref(), Ok("bob.b-b_2"));
        assert_eq!(name("たなか").as_deref(), Ok("たなか"));
    }

    #[test]
    fn invisible_control_and_bidirectional_names_are_refused() {
        for text in [
            "ali\u{200b}ce",
            "ali\u{200d}ce",
            "ali\u{202e}ce",
            "ali\u{2066}ce",
            "\u{feff}alice",
            "ali\u{ad}ce",
            "ali ce",
            "ali\u{a0}ce",
            "ali\0ce",
            "ali\nce",
            "alice\u{3164}",
            "aliceשלום",
            "😀😀😀",
            "\u{301}abc",
            "ab\u{5b0}\u{5b1}\u{5b2}\u{5b3}",
        ] {
            assert!(name(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn mixed_scripts_are_refused() {
        for text in ["\u{430}lice", "аliсе", "bοb", "вeра"] {
            assert_eq!(name(text), Err(NameError::Scripts), "{text}");
        }
    }

    #[test]
    fn punctuation_with_another_meaning_is_refused() {
        for text in ["a@b", "a/bc", "-abc", "abc.", "..a", "a:b", "<b>", "a\"b", "a%40b"] {
            assert_eq!(name(text), Err(NameError::Punctuation), "{text}");
        }
        assert_eq!(name("ab"), Err(NameError::Length));
        assert_eq!(name(&"x".repeat(33)), Err(NameError::Length));
        assert_eq!(name(&"x".repeat(1_000_000)), Err(NameError::Length));
    }

    #[test]
    fn look_alikes_have_one_skeleton() {
        let skeleton = |text: &str| text.parse::<HandleName>().unwrap().skeleton();
        for (one, other) in [
            ("paypal", "раураӏ"),
            ("bill", "bi11"),
            ("mary", "rnary"),
            ("b0b", "bob"),
            ("cop", "сор"),
        ] {
            assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
        }
        for (one, other) in [("alice", "alicia"), ("ann", "anne"), ("eva", "éva"), ("вера", "бера")]
        {
            assert_ne!(skeleton(one), skeleton(other), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_name_is_its_own_canonical_form(text in "\\PC{0,40}") {
            if let Ok(canonical) = name(&text) {
                prop_assert_eq!(name(&canonical), Ok(canonical));
            }
        }
    }
}
