//! Names: which texts may be one, how a peer's name is made safe, and which two look alike.

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use unicode_normalization::UnicodeNormalization;

use crate::limits::MAX_NAME;

use super::characters::{MAX_MARKS, acts, is_mark};

/// What somebody is called whose own name has nothing to show.
const UNNAMED: &str = "unnamed";

/// So many hex digits stand for the contact whose id begins with them.
pub const LEAST_ID: usize = 8;

/// A name that a person typed, tidied: trimmed, single spaces, Unicode form NFC.
///
/// # Errors
/// Says in a sentence why it cannot be a name.
pub fn check_name(name: &str) -> Result<String, String> {
    if name.len() > 4 * MAX_NAME {
        return Err(too_long());
    }

    if let Some(c) = name.chars().find(|&c| !c.is_whitespace() && !may_be_in_a_name(c)) {
        return Err(format!(
            "a name cannot hold the character U+{:04X}: it acts or cannot be seen",
            u32::from(c)
        ));
    }

    if let Some(c) = name.trim().chars().find(|&c| c.is_control() || acts(c)) {
        return Err(format!("a name is one line of text: it cannot hold U+{:04X}", u32::from(c)));
    }

    let tidy = tidy(name.chars());
    if tidy.len() > MAX_NAME {
        return Err(too_long());
    }

    refuse_unfit(&tidy)?;

    Ok(tidy)
}

fn too_long() -> String {
    format!("a name has at most {MAX_NAME} bytes")
}

fn refuse_unfit(tidy: &str) -> Result<(), String> {
    if tidy.is_empty() {
        return Err("a name cannot be empty".to_owned());
    }

    if tidy.chars().all(|c| c == '.') {
        return Err("a name cannot be dots alone".to_owned());
    }

    if tidy.len() >= LEAST_ID && tidy.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(
            "a name cannot look like an id: add a letter that is not a hex digit".to_owned()
        );
    }

    if tidy.split(' ').any(|word| word.starts_with(is_mark)) {
        return Err("a word of a name cannot begin with a combining mark".to_owned());
    }

    if longest_run_of_marks(tidy) > MAX_MARKS {
        return Err(format!("a name cannot have more than {MAX_MARKS} combining marks in a row"));
    }

    Ok(())
}

/// A peer's own name made safe to show and to use: what cannot be in a name is left out, and the
/// rest is cut to the length of a name. Never empty.
#[must_use]
pub fn safe_name(name: &str) -> String {
    let mut marks = MAX_MARKS;

    // A peer's name may be megabytes long: no more is read than could matter.
    let kept = name.chars().take(16 * MAX_NAME).filter(|&c| {
        if is_mark(c) {
            marks += 1;
        } else if c.is_whitespace() {
            marks = MAX_MARKS;
        } else if may_be_in_a_name(c) {
            marks = 0;
        }
        c.is_whitespace() || (may_be_in_a_name(c) && marks <= MAX_MARKS)
    });
    let mut safe = tidy(kept);
    while safe.len() > MAX_NAME {
        safe.pop();
    }

    let safe = tidy(safe.trim_end().chars());
    if refuse_unfit(&safe).is_ok() { safe } else { UNNAMED.to_owned() }
}

/// Two names look alike when their skeletons are equal: the same but for case, width, spaces, and
/// letters that look the same in other scripts ([UTS 39](https://www.unicode.org/reports/tr39/)).
///
/// `l`, `i`, `I` and `1` count as one letter. A skeleton is for comparing only, never to be shown.
#[must_use]
pub fn skeleton(name: &str) -> String {
    let folded: String =
        name.nfkc().collect::<String>().to_uppercase().to_lowercase().nfkc().collect();
    folded
        .chars()
        .flat_map(prototype)
        .filter(|c| !c.is_whitespace())
        .map(|c| if matches!(c, 'i' | 'ı') { 'l' } else { c })
        .nfd()
        .collect()
}

/// The letter that a folded letter looks like, small or capital: `в` is drawn as `B` when it is
/// a capital, so it counts as a `b`.
fn prototype(c: char) -> Vec<char> {
    let small: String = unicode_security::skeleton(c.encode_utf8(&mut [0; 4])).collect();
    let capital: String = unicode_security::skeleton(&c.to_uppercase().to_string()).collect();
    let drawn = if !small.is_ascii() && capital.is_ascii() { capital } else { small };
    drawn.to_lowercase().chars().collect()
}

fn tidy(name: impl Iterator<Item = char>) -> String {
    let name: String = name.nfc().collect();
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn may_be_in_a_name(c: char) -> bool {
    use GeneralCategory as Is;
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let unknown = matches!(category, Is::Unassigned | Is::PrivateUse | Is::Surrogate);
    // A blank of Braille is drawn as nothing.
    !acts(c) && !unknown && c != '\u{2800}'
}

fn longest_run_of_marks(name: &str) -> usize {
    name.split(|c| !is_mark(c)).map(|run| run.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_tidied() {
        assert_eq!(check_name("  Ala \u{a0} Kowalska "), Ok("Ala Kowalska".to_owned()));
        assert_eq!(check_name("e\u{301}va"), Ok("éva".to_owned()));
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        let long = "x".repeat(65);
        let zalgo = format!("a{}", "\u{301}".repeat(20));
        for name in [
            "",
            " \u{3000} ",
            "a\nb",
            "a\tb",
            "\x1b[1m",
            "a\0",
            "a\u{202e}b",
            "a\u{200b}",
            "\u{3164}",
            "..",
            "\u{301}a",
            "\u{e000}",
            &long,
            &zalgo,
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }

        assert!(check_name(&"x".repeat(64)).is_ok());
    }

    #[test]
    fn a_mark_needs_a_letter_to_stand_on() {
        assert!(check_name("a \u{301}\u{301}b").is_err());
        assert_eq!(safe_name("a \u{301}\u{301}b"), "a b");
    }

    #[test]
    fn a_hostile_name_becomes_safe() {
        assert_eq!(safe_name("\u{202e}Eve\x1b[31m  \n the\u{200b} 1st"), "Eve[31m the 1st");
        assert_eq!(safe_name("\u{200b}\u{3164}"), "unnamed");
        assert_eq!(safe_name("ż".repeat(500_000).as_str()), "ż".repeat(32));
        assert_eq!(safe_name("<img src=x>"), "<img src=x>");
    }

    #[test]
    fn look_alikes_have_one_skeleton() {
        for (one, other) in [
            ("Alice", "\u{410}lice"),
            ("alice", "ALICE"),
            ("paypal", "paypaI"),
            ("Bob", "\u{412}ob"),
            ("admin", "a d m i n"),
            ("mary", "rnary"),
            ("b0b", "bob"),
            ("Alice", "Ａｌｉｃｅ"),
            ("вера", "Вера"),
            ("alice", "al\u{200b}ice"),
        ] {
            assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
        }

        for (one, other) in [("alice", "alicia"), ("ann", "anne"), ("jan", "jana"), ("eva", "éva")]
        {
            assert_ne!(skeleton(one), skeleton(other), "{one} {other}");
        }
    }
}
