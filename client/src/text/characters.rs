//! Tells which characters act instead of being seen.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// How many combining marks in a row are shown: more than any language writes on one letter.
pub(super) const MAX_MARKS: usize = 8;

/// True for a character that does something, or hides, instead of being seen.
pub(super) fn acts(c: char) -> bool {
    use GeneralCategory as Is;
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(category, Is::Control | Is::Format | Is::LineSeparator | Is::ParagraphSeparator)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// True for a mark that is drawn over or under the letter before it.
pub(super) fn is_mark(c: char) -> bool {
    use GeneralCategory as Is;
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(category, Is::NonspacingMark | Is::EnclosingMark)
}
