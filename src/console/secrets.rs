//! Keeps secrets out of everything that is shown: known secrets, whole or in part, and texts that look like a token.

use std::{
    cell::RefCell,
    collections::HashSet,
    hash::{BuildHasherDefault, Hash, Hasher},
    ops::Range,
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};

use crate::console::text::is_visible;

/// A shorter secret is not searched for: it could be a common word.
pub(crate) const SECRET_MIN_CHARS: usize = 8;
/// Any part of this length is hidden, in upper or lower case. It is one character longer than the prefix that all tokens
/// of a kind share (`ATCTT3xFfGN0`), which messages may show.
const PART_CHARS: usize = 13;
/// <https://support.atlassian.com/bitbucket-cloud/docs/secret-scanning/>: API token, access token, app password.
/// <https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens>: user, project analysis, global
/// analysis and scoped organization token, with 40 digits.
const TOKEN_PREFIXES: [&str; 7] = ["ATATT", "ATCTT", "ATBB", "squ_", "sqp_", "sqa_", "sqco_"];
/// The shortest of the three kinds, the app password, has 32 characters after its prefix.
const TOKEN_MIN_CHARS: usize = 24;

/// The secrets of a run.
#[derive(Default)]
pub(crate) struct Secrets {
    /// The secrets themselves.
    known: HashSet<Vec<u8>>,
    /// A quick check that rules out most texts: they hold no part of a secret.
    glance: Glance,
    parts: RefCell<Parts>,
    /// Secrets that are too short to have parts, in lower case.
    short: Vec<Vec<u8>>,
}

impl Secrets {
    /// Adds a secret. It is found as it is, in base64 and in hexadecimal digits.
    pub(crate) fn add(&mut self, secret: &str) {
        // Texts are searched without their invisible characters.
        let (visible, _) = visible_bytes(secret);
        // A Bearer token is added twice: as a secret, and as the header holds it.
        if !self.known.insert(visible.clone()) {
            return;
        }
        if visible.len() < SECRET_MIN_CHARS {
            return;
        }
        self.add_form(&visible);
        // A text is searched after its numbers became letters. So a secret with such numbers is looked for as they are read.
        if let Some(decoded) = letters_decoded(secret) {
            self.add_form(decoded.as_bytes());
        }
        for encoded in encoded(secret.as_bytes()) {
            self.add_form(encoded.as_bytes());
        }
    }

    /// Adds a form of a secret, and its parts if it is long enough to have some.
    fn add_form(&mut self, text: &[u8]) {
        let lower = text.to_ascii_lowercase();
        if lower.len() >= PART_CHARS {
            self.glance.add(&lower);
            self.parts.get_mut().to_cut.push(lower);
        } else if lower.len() >= SECRET_MIN_CHARS {
            self.short.push(lower);
        }
    }

    /// Whether this is a part of a secret. It counts as one if a panic came while the parts were changed.
    fn have_part(&self, part: &[u8; PART_CHARS]) -> bool {
        self.parts.try_borrow_mut().map_or(true, |mut parts| parts.contain(part))
    }

    /// Whether a text holds a secret or a part of one.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        self.hide(text) != text
    }

    /// The text with `***` instead of each secret, each part of one, and each text that looks like a token. A secret is
    /// found even with white space or invisible characters between its characters, and with its letters as numbers.
    pub(crate) fn hide(&self, text: &str) -> String {
        let hidden = self.hide_decoded(letters_decoded(text)).unwrap_or_else(|| self.hide_letters(text));
        // A token may hold a `=` and two digits itself: these forms are looked for in what is left.
        self.hide_decoded(numbers_decoded(&hidden)).unwrap_or(hidden)
    }

    /// A decoded text without its secrets; `None` when it holds none.
    fn hide_decoded(&self, decoded: Option<String>) -> Option<String> {
        let decoded = decoded?;
        Some(self.hide_letters(&decoded)).filter(|hidden| *hidden != decoded)
    }

    fn hide_letters(&self, text: &str) -> String {
        let mut hidden: Vec<Range<usize>> = token_shapes(text);
        if !self.known.is_empty() {
            let (mut letters, places) = visible_bytes(text);
            // Host names, for example, are shown in lower case.
            letters.make_ascii_lowercase();
            let place = |at: usize, length: usize| places[at]..places[at + length - 1] + 1;
            let parts = letters.array_windows::<PART_CHARS>().enumerate();
            let parts = parts.filter(|(_, part)| self.glance.may_hold(part) && self.have_part(part));
            hidden.extend(parts.map(|(at, _)| place(at, PART_CHARS)));
            for secret in &self.short {
                let windows = letters.windows(secret.len()).enumerate();
                hidden.extend(
                    windows.filter(|(_, part)| part == secret).map(|(at, _)| place(at, secret.len())),
                );
            }
        }
        if hidden.is_empty() {
            return text.to_owned();
        }
        hidden.sort_by_key(|range| range.start);
        let mut shown = String::with_capacity(text.len());
        let mut end = 0;
        for range in hidden {
            // A part may begin or end within a character of several bytes.
            let start = floor(text, range.start).max(end);
            if start > end || end == 0 {
                shown.push_str(&text[end..start]);
                shown.push_str("***");
            }
            end = end.max(ceil(text, range.end));
        }
        shown.push_str(&text[end..]);
        shown
    }
}

/// Each part of the secrets, in lower case. A token has some 2,000 of them, in all its forms.
#[derive(Default)]
struct Parts {
    cut: HashSet<Part, BuildHasherDefault<PartHasher>>,
    /// The texts whose parts are not cut yet. Few runs print anything that is like a secret at a glance.
    to_cut: Vec<Vec<u8>>,
}

impl Parts {
    fn contain(&mut self, part: &[u8; PART_CHARS]) -> bool {
        for text in self.to_cut.drain(..) {
            self.cut.extend(text.array_windows().map(Part::of));
        }
        self.cut.contains(&Part::of(part))
    }
}

/// A filter of parts: it passes each part of a secret, and few others. It has one bit for all sequences of four bytes
/// with the same hash, and a part passes if its sequences, one after the other, have their bits.
#[derive(Default)]
struct Glance(Vec<u64>);

/// Four bytes in a row.
type Sequence = [u8; 4];

impl Glance {
    const BITS: u32 = 16;

    fn bit(sequence: Sequence) -> usize {
        // The digits of the golden ratio, as in Fibonacci hashing: the first bits of a product are mixed best.
        (u32::from_le_bytes(sequence).wrapping_mul(0x9e37_79b9) >> (u32::BITS - Self::BITS)) as usize
    }

    fn add(&mut self, secret: &[u8]) {
        self.0.resize(1 << Self::BITS >> 6, 0);
        for sequence in secret.array_windows() {
            let bit = Self::bit(*sequence);
            self.0[bit >> 6] |= 1 << (bit & 63);
        }
    }

    fn may_hold(&self, part: &[u8; PART_CHARS]) -> bool {
        part.as_chunks().0.iter().all(|sequence| self.has(*sequence))
    }

    fn has(&self, sequence: Sequence) -> bool {
        let bit = Self::bit(sequence);
        self.0.get(bit >> 6).is_some_and(|bits| bits >> (bit & 63) & 1 == 1)
    }
}

/// A part of a secret as a number: its bytes fit into one.
#[derive(PartialEq, Eq)]
struct Part(u128);

impl Part {
    fn of(part: &[u8; PART_CHARS]) -> Self {
        let mut bytes = [0; size_of::<u128>()];
        bytes[..PART_CHARS].copy_from_slice(part);
        Self(u128::from_le_bytes(bytes))
    }
}

impl Hash for Part {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u128(self.0);
    }
}

/// A quick hash for parts of secrets. Nobody else chooses what is in the set, so that it needs no key.
#[derive(Default)]
struct PartHasher(u64);

impl Hasher for PartHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u128(u128::from(*byte));
        }
    }

    fn write_u128(&mut self, number: u128) {
        /// The digits of the golden ratio, as in Fibonacci hashing.
        const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        let product = (number ^ u128::from(self.0)).wrapping_mul(FACTOR);
        // The middle of a product is mixed best.
        self.0 = u64::try_from(product >> 64).unwrap_or_default()
            ^ u64::try_from(product & u128::from(u64::MAX)).unwrap_or_default();
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

/// Whether a text holds something that looks like a token.
pub(crate) fn holds_token(text: &str) -> bool {
    !token_shapes(text).is_empty()
}

/// The text with `***` instead of everything that looks like a token.
pub(crate) fn without_tokens(text: &str) -> String {
    Secrets::default().hide(text)
}

fn token_shapes(text: &str) -> Vec<Range<usize>> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-=%+/.".contains(byte);
    let mut shapes = Vec::new();
    // All prefixes begin with one of these.
    let beginnings = text.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'A' | b's'));
    let mut end = 0;
    for (start, _) in beginnings {
        // A long text must not be read again from each beginning in it.
        if start < end {
            continue;
        }
        let rest = &text[start..];
        if TOKEN_PREFIXES.iter().any(|prefix| rest.starts_with(prefix)) {
            let length = rest.bytes().take_while(is_token).count();
            end = start + length;
            if length >= TOKEN_MIN_CHARS {
                shapes.push(start..end);
            }
        }
    }
    shapes
}

/// The text with its letters instead of their numbers (`%41`, `\\u0041`, `\\x41`, `\\101`, `&#65;`, `&#x41;`); `None` when
/// it has none.
pub(crate) fn letters_decoded(text: &str) -> Option<String> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'\\' | b'&')) {
        return None;
    }
    let mut decoded = String::new();
    let (mut rest, mut has_any) = (text, false);
    while let Some(at) = rest.find(['%', '\\', '&']) {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((letter, length)) = letter_of_number(rest) {
            decoded.push(letter);
            rest = &rest[length..];
            has_any = true;
        } else {
            // All backslashes in a row belong to what follows them.
            let slashes = rest.bytes().take_while(|byte| *byte == b'\\').count();
            let (skipped, after) = rest.split_at(slashes.max(1));
            decoded.push_str(skipped);
            rest = after;
        }
    }
    decoded.push_str(rest);
    has_any.then_some(decoded)
}

/// The letter that these digits are the number of. Secrets are ASCII.
fn ascii(digits: &str, radix: u32) -> Option<char> {
    u8::from_str_radix(digits, radix).ok().filter(u8::is_ascii_graphic).map(char::from)
}

/// The letter whose number a text begins with, and the length of that beginning.
fn letter_of_number(text: &str) -> Option<(char, usize)> {
    if let Some(digits) = text.strip_prefix('%').and_then(|rest| rest.get(..2)) {
        return Some((ascii(digits, 16)?, 3));
    }
    if text.starts_with('\\') {
        // Text within text has more than one backslash.
        let number = text.trim_start_matches('\\');
        let slashes = text.len() - number.len();
        for (mark, length, radix) in
            [("u00", 2, 16), ("u{", 2, 16), ("x", 2, 16), ("U000000", 2, 16), ("", 3, 8)]
        {
            let digits = number.strip_prefix(mark).and_then(|rest| rest.get(..length));
            if let Some(letter) = digits.and_then(|digits| ascii(digits, radix)) {
                let brace = usize::from(mark == "u{");
                return Some((letter, slashes + mark.len() + length + brace));
            }
        }
        return None;
    }
    let number = text.strip_prefix("&#")?;
    let (number, _) = number.get(..number.len().min(8))?.split_once(';')?;
    let letter = match number.strip_prefix(['x', 'X']) {
        Some(digits) => ascii(digits, 16),
        None => ascii(number, 10),
    };
    Some((letter?, number.len() + 3))
}

/// The text with its letters instead of `=41`, as mail writes them, and of numbers in a row (`65 84`, `[65, 84]`,
/// `0x41,0x54`); `None` when it has none.
fn numbers_decoded(text: &str) -> Option<String> {
    let is_digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_digit);
    let numbers = text.as_bytes().windows(2).filter(|pair| !is_digit(pair.first()) && is_digit(pair.last()));
    // Most lines have fewer, and are not copied.
    if numbers.take(SECRET_MIN_CHARS - 1).count() < SECRET_MIN_CHARS - 1 && !text.contains('=') {
        return None;
    }
    let mut decoded = String::new();
    let (mut rest, mut has_any) = (text, false);
    while let Some(at) = rest.find(|c: char| c == '=' || c.is_ascii_digit()) {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(letter) = rest.strip_prefix('=').and_then(|rest| ascii(rest.get(..2)?, 16)) {
            decoded.push(letter);
            rest = &rest[3..];
            has_any = true;
            continue;
        }
        let (letters, length) = letters_in_row(rest);
        if letters.len() >= SECRET_MIN_CHARS {
            decoded.push_str(&letters);
            rest = &rest[length..];
            has_any = true;
        } else {
            let word = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()).max(1);
            decoded.push_str(&rest[..word]);
            rest = &rest[word..];
        }
    }
    decoded.push_str(rest);
    has_any.then_some(decoded)
}

/// The letters of the numbers that a text begins with, at most two characters apart, and the length of that beginning.
fn letters_in_row(text: &str) -> (String, usize) {
    let (mut letters, mut length, mut at) = (String::new(), 0, 0);
    loop {
        let rest = &text[at..];
        let (number, radix, mark) = match rest.strip_prefix("0x") {
            Some(number) => (number, 16, 2),
            None => (rest, 10, 0),
        };
        let digits = number.find(|c: char| !c.is_digit(radix)).unwrap_or(number.len());
        let Some(letter) = ascii(&number[..digits], radix) else { break };
        letters.push(letter);
        length = at + mark + digits;
        let between = text[length..].find(|c: char| !" ,;:-".contains(c)).unwrap_or(0);
        if !(1..=2).contains(&between) {
            break;
        }
        at = length + between;
    }
    (letters, length)
}

/// A secret in hexadecimal digits, as an address holds it, and in base64 for each position within the encoded text; without the characters at
/// both ends that depend on the text beside it.
fn encoded(secret: &[u8]) -> Vec<String> {
    let mut all = vec![in_hex(secret)];
    let percent = in_percent(secret);
    if percent.len() > secret.len() {
        // A form of HTML writes a space as a plus sign.
        all.extend(percent.contains("%20").then(|| percent.replace("%20", "+")));
        all.push(percent);
    }
    for before in 0..3 {
        let bytes = [&[0; 2][..before], secret].concat();
        let (first, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        all.push(BASE64_STANDARD_NO_PAD.encode(&bytes)[first..end].to_owned());
        all.push(BASE64_URL_SAFE_NO_PAD.encode(&bytes)[first..end].to_owned());
        // The two alphabets differ in two characters, which are rare.
        all.dedup();
    }
    all
}

/// As an address holds it: <https://www.rfc-editor.org/rfc/rfc3986#section-2>.
fn in_percent(bytes: &[u8]) -> String {
    let mut percent = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                percent.push(char::from(*byte));
            }
            byte => {
                percent.push('%');
                push_hex(*byte, &mut percent);
            }
        }
    }
    percent
}

fn in_hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        push_hex(*byte, &mut hex);
    }
    hex
}

fn push_hex(byte: u8, text: &mut String) {
    text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
}

/// The bytes of the visible characters of a text, and the place of each.
fn visible_bytes(text: &str) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut places) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len()));
    let mut is_shown = true;
    for (place, byte) in text.bytes().enumerate() {
        // Most text is ASCII. A character of several bytes is visible as a whole, or not at all.
        if byte.is_ascii() {
            is_shown = byte.is_ascii_graphic();
        } else if let Some(c) = text.get(place..).and_then(|rest| rest.chars().next()) {
            is_shown = is_visible(c);
        }
        if is_shown {
            bytes.push(byte);
            places.push(place);
        }
    }
    (bytes, places)
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;
    use crate::console::{foreign::without_credentials, text::words_of_html};

    const TOKEN: &str = "ATCTT3xFfGN0abcdefghijklmnopqrstuvwxyz0123456789=5A4DB0C5";

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add("another-secret-of-some-length");
        secrets.add("short-one");
        secrets.add("pass word1");
        secrets.add("correct horse battery");
        secrets.add("word");
        secrets
    }

    #[test]
    fn whole_secrets_parts_and_shapes_are_hidden() {
        for (text, shown) in [
            ("a another-secret-of-some-length b", "a *** b"),
            ("another-secret-of-some-lengthanother-secret-of-some-length", "***"),
            ("cut: her-secret-of-some-leng", "cut: ***"),
            ("x short-one short-one", "x *** ***"),
            ("a word of secret-of", "a word of secret-of"),
            (TOKEN, "***"),
            ("ä another-secret-of-some-length ä", "ä *** ä"),
            ("a Another-Secret-of-some-length b", "a *** b"),
            ("a SHORT-ONE b", "a *** b"),
            ("a pass word1 b correct horse battery c", "a *** b *** c"),
            ("a anoth\u{200b}er-secr\n et-of-\0some-le\u{ad}ngth b", "a *** b"),
        ] {
            assert_eq!(secrets().hide(text), shown);
        }
        assert_eq!(
            secrets().hide(&format!("https://x?t={}&y", TOKEN.replace('=', "%3D"))),
            "https://x?t=***&y"
        );
        assert_eq!(
            without_tokens("it begins with ATCTT, as ATCTT3xFfGN0"),
            "it begins with ATCTT, as ATCTT3xFfGN0"
        );
    }

    #[test]
    fn a_secret_with_spaces_is_found_in_every_form() {
        for shown in [
            "correct%20horse%20battery",
            "correct+horse+battery",
            "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5",
            "636f727265637420686f7273652062617474657279",
        ] {
            assert_eq!(secrets().hide(&format!("a {shown} b")), "a *** b", "{shown}");
        }
    }

    #[test]
    fn a_short_secret_is_found_encoded() {
        assert_eq!(secrets().hide("a 73686f72742d6f6e65 b c2hvcnQtb25l d"), "a *** b *** d");
    }

    #[test]
    fn a_secret_with_numbers_in_it_is_found_beside_another_one() {
        let mut secrets = secrets();
        secrets.add("aaaa%41bbbb%42cccc%43dddd");
        assert_eq!(secrets.hide("aaaa%41bbbb%42cccc%43dddd another-secret-of-some-length"), "*** ***");
    }

    /// What takes a quadratic time would take minutes.
    #[test]
    fn a_long_text_is_searched_once() {
        let begun = Instant::now();
        for unit in [
            "ATBB", "squ_ ", "\\", "\\u0041", "&", "&#6", "%", "=", "1 ", "65 ", "0x", "://", "a:b@", "\":",
            "pass=", "<", "<!--",
        ] {
            let text = unit.repeat(256 * 1024 / unit.len());
            let _ = without_credentials(&secrets().hide(&text));
            let _ = words_of_html(&text);
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
    }

    #[test]
    fn letters_as_numbers_are_read() {
        let mut secrets = Secrets::default();
        secrets.add("a-secret-of-some-length");
        for each in [
            |byte: u8| format!("%{byte:02X}"),
            |byte| format!("\\u{byte:04x}"),
            |byte| format!("&#{byte};"),
            |byte| format!("&#x{byte:x};"),
            |byte| format!("\\\\u{byte:04x}"),
            |byte| format!("\\u{{{byte:x}}}"),
            |byte| format!("\\x{byte:02x}"),
            |byte| format!("\\{byte:03o}"),
            |byte| format!("={byte:02X}"),
        ] {
            let text: String = "a-secret-of-some-length".bytes().map(each).collect();
            assert_eq!(secrets.hide(&format!("no: {text}!")), "no: ***!", "{text}");
        }
        for (between, hexadecimal) in [(" ", false), (", ", false), (":", false), (", ", true)] {
            let number = |byte: u8| if hexadecimal { format!("0x{byte:x}") } else { byte.to_string() };
            let numbers: Vec<String> = "a-secret-of-some-length".bytes().map(number).collect();
            assert_eq!(
                secrets.hide(&format!("no: [{}]!", numbers.join(between))),
                "no: [***]!",
                "{numbers:?}"
            );
        }
        assert_eq!(
            secrets.hide("10 20 =41 a=b 65 66 67 68 69 70 71 72 73"),
            "10 20 =41 a=b 65 66 67 68 69 70 71 72 73"
        );
        assert_eq!(secrets.hide("100% of %41 &amp; \\u0041 &#;"), "100% of %41 &amp; \\u0041 &#;");
    }

    proptest! {
        #[test]
        fn any_text_is_decoded(text in "(?s)[%\\\\&#x;u=, 0-9a-fä]{0,40}") {
            let _ = letters_decoded(&text);
            let _ = numbers_decoded(&text);
        }

        #[test]
        fn an_encoded_secret_is_found(before in "[ -~]{0,5}", after in "[ -~]{0,5}") {
            let mut secrets = Secrets::default();
            secrets.add(TOKEN);
            let text = format!("{before}{TOKEN}{after}");
            let hex = in_hex(text.as_bytes()).to_ascii_uppercase();
            for encoded in [BASE64_STANDARD_NO_PAD.encode(&text), BASE64_URL_SAFE_NO_PAD.encode(&text), hex] {
                let shown = secrets.hide(&encoded);
                // The rest at both ends belongs to the text beside the secret, and one character to both.
                prop_assert!(shown.len() <= 3 + 2 * (before.len() + after.len()) + 4, "{encoded} {shown}");
            }
        }

        #[test]
        fn a_secret_with_invisible_characters_inside_is_found(every in 1..12_usize, between in "[ \\n\\t\\x00\u{200b}\u{ad}]{1,3}") {
            let mut secrets = Secrets::default();
            secrets.add(TOKEN);
            let pieces: Vec<&str> = (0..TOKEN.len()).step_by(every).map(|at| &TOKEN[at..(at + every).min(TOKEN.len())]).collect();
            prop_assert_eq!(secrets.hide(&format!("a <{}> b", pieces.join(&between))), "a <***> b");
        }

        #[test]
        fn no_part_of_a_secret_is_shown(before in ".{0,40}", after in ".{0,40}", from in 0..40_usize, to in 0..200_usize) {
            let mut secrets = Secrets::default();
            secrets.add(TOKEN);
            let to = to.min(TOKEN.len()).max(from);
            let shown = secrets.hide(&format!("{before}{}{after}", &TOKEN[from..to]));
            prop_assert!(!shown.as_bytes().windows(PART_CHARS).any(|part| TOKEN.as_bytes().windows(PART_CHARS).any(|secret| secret == part)));
        }
    }
}
