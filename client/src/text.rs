//! Makes text from others harmless: for a terminal, for a JSON line, and as a name.
//!
//! What a peer wrote is stored and handed on exactly as it came. Only here, where it is shown or
//! becomes a name, are those characters replaced that act instead of being seen: terminal escapes,
//! bidirectional overrides, zero-width characters, floods of combining marks.

use std::fmt::Write as _;

use icu_properties::props::{CanonicalCombiningClass, Emoji, JoiningType};
use icu_properties::{CodePointMapData, CodePointSetData};

mod characters;
mod name;
mod words;

use characters::{MAX_MARKS, acts, is_mark};
pub use name::{LEAST_ID, check_name, safe_name, skeleton};
pub use words::{query, words};

/// A text of several lines for a terminal: newlines and tabs stay, and `\r\n` becomes `\n`.
///
/// Characters that act or cannot be seen are written out, as `<U+202E>`. A joiner or an emoji's
/// variation selector is left out where the text reads the same without it. Everything else stays.
#[must_use]
pub fn for_terminal(text: &str) -> String {
    render(&text.replace("\r\n", "\n"), |c| matches!(c, '\n' | '\t').then_some(c))
}

/// As [`for_terminal`], on one line: a newline becomes `␤`, a tab a space.
#[must_use]
pub fn for_one_line(text: &str) -> String {
    render(&text.replace("\r\n", "\n"), |c| match c {
        '\n' => Some('␤'),
        '\t' => Some(' '),
        _ => None,
    })
}

/// Serialised JSON with the same meaning, harmless in a terminal: what acts there is escaped.
#[must_use]
pub fn for_json_line(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // JSON has such characters in strings only, and never just behind a backslash.
        if acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Writes the text out; `keep` says what a control character that is welcome becomes.
fn render(text: &str, keep: impl Fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut marks = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let before = before.replace(c);
        if is_needless(before, c, chars.peek().copied()) {
            // Left out, and the run of marks goes on.
            continue;
        }
        marks = if is_mark(c) && !acts(c) { marks + 1 } else { end_of_marks(&mut out, marks) };
        if let Some(kept) = keep(c) {
            out.push(kept);
        } else if acts(c) {
            let _ = write!(out, "<U+{:04X}>", u32::from(c));
        } else if marks <= MAX_MARKS {
            out.push(c);
        }
    }

    end_of_marks(&mut out, marks);

    out
}

/// Says how many marks of a run were left out, and begins the next run.
fn end_of_marks(out: &mut String, marks: usize) -> usize {
    if marks > MAX_MARKS {
        let _ = write!(out, "<+{} marks>", marks - MAX_MARKS);
    }
    0
}

/// True for an invisible character in its proper place, without which the text reads the same:
/// a joiner or selector after an emoji, a joiner between letters that join, or after a virama.
fn is_needless(before: Option<char>, c: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match c {
        '\u{FE0E}' | '\u{FE0F}' => is_emoji(before),
        '\u{200C}' | '\u{200D}' => {
            let after = after.unwrap_or(' ');
            (is_emoji_part(before) && is_emoji(after))
                || (joins(before) && joins(after))
                || is_virama(before)
        }
        _ => false,
    }
}

fn is_emoji(c: char) -> bool {
    CodePointSetData::new::<Emoji>().contains(c)
}

fn is_emoji_part(c: char) -> bool {
    is_emoji(c) || c == '\u{FE0F}'
}

fn joins(c: char) -> bool {
    use JoiningType as Is;
    let joining = CodePointMapData::<JoiningType>::new().get(c);
    matches!(joining, Is::DualJoining | Is::LeftJoining | Is::RightJoining)
}

fn is_virama(c: char) -> bool {
    CodePointMapData::<CanonicalCombiningClass>::new().get(c) == CanonicalCombiningClass::Virama
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_seen_and_do_nothing() {
        assert_eq!(for_terminal("\x1b[2Jgone"), "<U+001B>[2Jgone");
        assert_eq!(for_terminal("\u{9b}31m"), "<U+009B>31m");
        assert_eq!(for_terminal("a\rb\x07\0"), "a<U+000D>b<U+0007><U+0000>");
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        assert_eq!(for_terminal("\u{202e}cod.exe"), "<U+202E>cod.exe");
        assert_eq!(for_terminal("ad\u{200b}min\u{feff}"), "ad<U+200B>min<U+FEFF>");
        assert_eq!(for_terminal("a\u{2028}b\u{ad}\u{3164}"), "a<U+2028>b<U+00AD><U+3164>");
        assert_eq!(for_terminal("\u{e0061}"), "<U+E0061>");
    }

    #[test]
    fn lines_and_languages_stay() {
        for text in ["two\nlines\tand a tab", "żółć Ελλάδα 日本語 עברית हिन्दी", "👍🏽 e\u{301}"]
        {
            assert_eq!(for_terminal(text), text);
        }
        assert_eq!(for_terminal("dos\r\nlines"), "dos\nlines");
        assert_eq!(for_one_line("two\r\nlines\tx"), "two␤lines x");
    }

    #[test]
    fn joiners_in_their_place_do_not_spoil_the_text() {
        assert_eq!(for_terminal("❤\u{fe0f} 👩\u{200d}👧"), "❤ 👩👧");
        assert_eq!(for_terminal("می\u{200c}خواهم"), "میخواهم");
        assert_eq!(for_terminal("❤\u{fe0f}\u{fe0f}"), "❤<U+FE0F>");
        assert_eq!(for_terminal("pay\u{200d}pal"), "pay<U+200D>pal");
    }

    #[test]
    fn a_flood_of_marks_is_cut() {
        let flood = format!("a{}b", "\u{301}".repeat(500));
        assert_eq!(for_terminal(&flood), format!("a{}<+492 marks>b", "\u{301}".repeat(8)));
    }

    #[test]
    fn joiners_that_are_left_out_do_not_hide_a_flood_of_marks() {
        let flood = format!("क{}", "\u{94d}\u{200d}".repeat(500));
        assert_eq!(for_terminal(&flood), format!("क{}<+492 marks>", "\u{94d}".repeat(8)));
    }

    #[test]
    fn json_keeps_its_meaning() -> Result<(), serde_json::Error> {
        let text = "\u{202e}\u{9b}2J\u{e0061} \x1b \\\u{200b} ż";
        let line = for_json_line(&serde_json::to_string(text)?);
        assert!(line.chars().all(|c| !acts(c)));
        assert_eq!(serde_json::from_str::<String>(&line)?, text);
        Ok(())
    }

    /// Any text, with many characters of the kinds that matter.
    fn hostile() -> impl Strategy<Value = String> {
        let acting = prop::sample::select(
            "\x1b\u{9b}\r\n\t\0\u{7f}\u{200b}\u{200c}\u{200d}\u{202e}\u{2066}\u{2069}\u{fe0f}\u{feff}\u{301}\u{e0061}ا❤"
                .chars()
                .collect::<Vec<_>>(),
        );
        prop::collection::vec(prop_oneof![acting, any::<char>()], 0..40)
            .prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn nothing_that_acts_reaches_a_terminal(text in hostile()) {
            let shown = for_terminal(&text);
            prop_assert!(shown.chars().all(|c| matches!(c, '\n' | '\t') || !acts(c)), "{shown:?}");
            let line = for_one_line(&text);
            prop_assert!(line.chars().all(|c| !acts(c)), "{line:?}");
        }

        #[test]
        fn any_text_survives_json(text in hostile()) {
            let json = serde_json::to_string(&text).unwrap_or_default();
            let line = for_json_line(&json);
            prop_assert!(line.chars().all(|c| !acts(c)));
            prop_assert_eq!(serde_json::from_str::<String>(&line).ok(), Some(text));
        }

        #[test]
        fn a_safe_name_is_a_good_name(text in hostile()) {
            let name = safe_name(&text);
            prop_assert_eq!(check_name(&name), Ok(name.clone()));
            prop_assert_eq!(for_one_line(&name), name);
        }

        #[test]
        fn case_never_tells_names_apart(name in "\\PC{0,20}") {
            let upper = name.to_uppercase();
            prop_assert_eq!(skeleton(&upper), skeleton(&upper.to_lowercase()));
        }
    }
}
