//! Texts that fit the lengths of the API.

/// Longest `status.waitingFor`, in characters.
pub const MAX_WAITING_FOR: usize = 64;

/// Longest message of a condition that the operator writes, in characters. The API allows more;
/// nobody reads more.
pub const MAX_MESSAGE: usize = 1_000;

/// Longest note of an event, in bytes, as events.k8s.io enforces it.
pub const MAX_EVENT_NOTE: usize = 1_024;

/// At most `max` characters of a text; a cut is shown by an ellipsis as the last of them.
pub fn at_most(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// At most `max` bytes of a text, cut between characters.
pub fn at_most_bytes(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let room = max.saturating_sub('…'.len_utf8());
    let end = (0..=room)
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or(0);
    format!("{}…", &text[..end])
}

/// One line: control characters, which a log or a terminal would act on, become spaces.
pub fn one_line(text: &str) -> String {
    let spaced = text.chars().map(|character| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    });
    spaced.collect::<String>().trim().to_owned()
}
