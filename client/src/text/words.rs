//! Prepares texts and queries for the search index, so that words of every script are found.

use icu_properties::CodePointMapData;
use icu_properties::props::LineBreak;

/// The text with spaces around every character that stands for itself: of scripts that put no
/// spaces between words (Chinese, Japanese, Thai, …), and emoji. `None` if there is none.
///
/// The index takes each of them for a word then, and finds any run of them as a phrase.
#[must_use]
pub fn words(text: &str) -> Option<String> {
    let breaks = CodePointMapData::<LineBreak>::new();
    let stands_alone = |c: char| {
        use LineBreak as Is;
        let class = breaks.get(c);
        !c.is_ascii()
            && matches!(
                class,
                Is::Ideographic
                    | Is::ConditionalJapaneseStarter
                    | Is::ComplexContext
                    | Is::EBase
                    | Is::EModifier
            )
    };
    if !text.contains(stands_alone) {
        return None;
    }

    let mut spaced = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        match c {
            // A selector says how an emoji is drawn, not which one it is.
            '\u{FE0E}' | '\u{FE0F}' => {}
            c if stands_alone(c) => spaced.extend([' ', c, ' ']),
            c => spaced.push(c),
        }
    }

    Some(spaced)
}

/// What finds, in the index, texts that have every word of `text`, in any order; a word finds also
/// those that begin with it. Nothing in `text` is an operator.
#[must_use]
pub fn query(text: &str) -> String {
    let quoted = text
        .split(|c: char| c.is_whitespace() || c == '\0')
        .filter(|word| !word.is_empty())
        .map(|word| {
            let word = words(word).unwrap_or_else(|| word.to_owned());
            format!("\"{}\"*", word.replace('"', "\"\""))
        });
    quoted.collect::<Vec<_>>().join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_no_spaces_is_spaced() {
        assert_eq!(words("no, c'est là. Привет 안녕"), None);
        assert_eq!(words("去北京 ok").unwrap(), " 去  北  京  ok");
        assert_eq!(words("hi❤\u{fe0f}").unwrap(), "hi ❤ ");
        assert_eq!(words("ไป").unwrap(), " ไ  ป ");
    }

    #[test]
    fn nothing_in_a_query_is_an_operator() {
        assert_eq!(query("a OR\t\"b*"), "\"a\"* AND \"OR\"* AND \"\"\"b*\"*");
        assert_eq!(query("x\0y"), "\"x\"* AND \"y\"*");
        assert_eq!(query(" \n"), "");
    }
}
