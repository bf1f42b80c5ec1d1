//! Texts and names from others: no control character reaches a terminal, and a safe name is a valid
//! one.

use chive::limits::MAX_NAME;
use chive::text::{check_name, for_json_line, for_one_line, for_terminal, safe_name, skeleton};

pub(super) fn text(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let shown = for_terminal(text);
    assert!(shown.chars().all(|c| matches!(c, '\n' | '\t') || is_harmless(c)), "{shown:?}");
    assert_eq!(for_terminal(&shown), shown, "what is harmless stays");
    let line = for_one_line(text);
    assert!(line.chars().all(is_harmless), "{line:?}");
    assert_eq!(for_one_line(&line), line, "what is harmless stays");
    in_json(text);
    as_name(text);
}

/// Whether a character is none of those that must never be shown.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        && !matches!(c, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{e0000}'..='\u{e0fff}')
}

fn in_json(text: &str) {
    let json = serde_json::to_string(text).expect("any text is JSON");
    let line = for_json_line(&json);
    assert!(line.chars().all(is_harmless), "{line:?}");
    assert_eq!(serde_json::from_str::<String>(&line).expect("still JSON"), text);
}

fn as_name(text: &str) {
    let safe = safe_name(text);
    assert_eq!(check_name(&safe).as_ref(), Ok(&safe));
    if let Ok(name) = check_name(text) {
        assert!(!name.is_empty() && name.len() <= MAX_NAME);
        assert_eq!(check_name(&name).as_ref(), Ok(&name), "a tidy name stays");
        assert_eq!(safe_name(&name), name, "a good name is a safe one");
        assert_eq!(for_one_line(&name), name, "a good name is shown as it is");
        assert_eq!(skeleton(&name), skeleton(text), "a name and what was typed look alike");
    }
}
