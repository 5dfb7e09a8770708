//! What always holds, whatever text others send: one function for each parser of foreign text.
//!
//! | Function | The text is | What always holds |
//! | --- | --- | --- |
//! | [`environment`] | variables, as `NAME=value` with a zero byte after each, and answers of Bitbucket without a name | a run has problems, or its statuses are within the limits of Bitbucket; no secret is printed or sent; a target is in a repository that was named or listed, and only what was asked for is ended |
//! | [`targets`] | `TARGETS` | the same for each entry; there are not more targets than objects, and the log stays short |
//! | [`report_task`] | `report-task.txt` | the task is asked for at the server of the file, over http or https |
//! | [`webhook`] | the JSON of a webhook | a status is green only if the gate itself says `OK`, and it is within the limits of Bitbucket |
//! | [`sonarqube`] | an answer of SonarQube | each line that is printed is short, visible and without a secret; so is what becomes a status, which is green only if the gate itself says `OK` |
//! | [`bitbucket`] | answers of Bitbucket | each line is the same, and there is a reason for each refusal; a status is posted only if the answer has its key and its state, or is 204; a list ends, and none of its pages is elsewhere |
//! | [`retry_after`] | an answer with a pause | no attempt begins after the deadline |
//! | [`result_file`] | lines of `RESULT_FILE` | the status that is written is recalled, and no other |
//! | [`foreign_text`] | a secret, and a text around it | what is printed has no part of the secret, and no character that forges text; nor has the page of a run, on which markup is text |
//!
//! Each is run with the inputs in `test/fuzz/seeds` by the tests, and with many others by `test/fuzz/run`.

#![expect(clippy::missing_panics_doc, reason = "each function panics when its property does not hold")]

mod answers;
mod files;
mod page;
mod text;
mod variables;

use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
};

pub use self::{
    answers::{bitbucket, retry_after, sonarqube},
    files::{report_task, result_file, webhook},
    text::foreign_text,
    variables::{environment, targets},
};
use crate::{
    console::{
        log::Console,
        secrets::SECRET_MIN_CHARS,
        text::{forges, is_visible},
    },
    model::{
        address::URL_MAX_CHARS,
        status::{DESCRIPTION_MAX_CHARS, KEY_MAX_CHARS, NAME_MAX_CHARS, Status},
    },
};

/// A log may show as many letters of a token: all tokens of a kind begin with them (`ATCTT3xFfGN0`).
const PUBLIC_PREFIX: usize = 12;
/// Nobody reads a longer line.
const LINE_MAX_CHARS: usize = 3000;

/// A console, and what is printed on it.
struct Log {
    console: Console,
    page: Page,
    secrets: Vec<String>,
}

#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// A log of a run with these secrets.
    fn new(secrets: &[&str]) -> Self {
        let page = Page::default();
        let console = Console::new(Box::new(page.clone()));
        let secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        console.hide(secrets.clone());
        Self { console, page, secrets }
    }

    /// What was printed since the last call. Each line is short, visible and without a secret.
    fn read(&self) -> String {
        let text = String::from_utf8(self.page.0.take()).expect("the log is text");
        for line in text.lines() {
            assert!(line.chars().count() <= LINE_MAX_CHARS, "a long line: {line}");
            self.check(line);
        }
        text
    }

    /// A text that others see is on one line, without characters that forge text, and without a secret.
    fn check(&self, text: &str) {
        assert!(!text.contains(forges), "a character forges text: {text:?}");
        self.check_secrets(text);
    }

    fn check_secrets(&self, text: &str) {
        for secret in &self.secrets {
            assert!(!holds_part(text, secret), "a part of the secret {secret:?} is in {text:?}");
        }
    }
}

/// Whether a text holds a secret, or a part of it that is longer than its public prefix.
fn holds_part(text: &str, secret: &str) -> bool {
    let (text, secret) = (visible(text), visible(secret));
    if secret.len() < SECRET_MIN_CHARS {
        return false;
    }
    let parts = secret.windows(secret.len().min(PUBLIC_PREFIX + 1));
    // Letters alone may be words of Gatepost itself.
    let mut telling = parts.filter(|part| !part.iter().all(u8::is_ascii_lowercase));
    telling.any(|part| text.windows(part.len()).any(|window| window == part))
}

fn visible(text: &str) -> Vec<u8> {
    let visible: String = text.chars().filter(|c| is_visible(*c)).collect();
    visible.to_ascii_lowercase().into_bytes()
}

/// Whether a text matches a glob. It is simpler than the matcher of the program. `None` for sets of characters and for `**`.
fn glob_fits(glob: &str, text: &str) -> Option<bool> {
    if glob.contains('[') || glob.contains("**") {
        return None;
    }
    // Whether the glob so far fits the first characters of the text, for each number of them.
    let text: Vec<char> = text.chars().collect();
    let mut fits: Vec<bool> = (0..=text.len()).map(|length| length == 0).collect();
    for token in glob.chars() {
        let before = fits;
        let is_next = |at: usize| at > 0 && before[at - 1] && (token == '?' || token == text[at - 1]);
        fits = (0..=text.len())
            .map(|at| if token == '*' { before[..=at].contains(&true) } else { is_next(at) })
            .collect();
    }
    fits.pop()
}

/// A status is within every limit of Bitbucket.
fn check_status(status: &Status) {
    let Status { key, name, description, url, .. } = status;
    for (text, max) in [
        (key.as_str(), KEY_MAX_CHARS),
        (name, NAME_MAX_CHARS),
        (description, DESCRIPTION_MAX_CHARS),
        (url, URL_MAX_CHARS),
    ] {
        assert!((1..=max).contains(&text.chars().count()), "{} characters: {text}", text.chars().count());
        assert!(!text.contains(forges), "a character forges text: {text:?}");
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    type Property = fn(&[u8]);

    const PROPERTIES: [(&str, Property); 9] = [
        ("bitbucket", bitbucket),
        ("environment", environment),
        ("foreign_text", foreign_text),
        ("report_task", report_task),
        ("result_file", result_file),
        ("retry_after", retry_after),
        ("sonarqube", sonarqube),
        ("targets", targets),
        ("webhook", webhook),
    ];

    fn folder(path: &str) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("test/fuzz").join(path);
        let entries = fs::read_dir(folder).unwrap();
        let mut paths: Vec<_> =
            entries.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
        paths.sort();
        paths
    }

    #[test]
    fn each_property_holds_for_its_seeds() {
        for (name, property) in PROPERTIES {
            let seeds = folder(&format!("seeds/{name}"));
            assert!(!seeds.is_empty(), "{name} has no seed");
            for seed in seeds {
                println!("{seed}");
                property(&fs::read(seed).unwrap());
            }
        }
    }

    #[test]
    fn each_property_has_a_fuzz_target_and_a_row_in_contributing() {
        let targets: Vec<_> = folder("fuzz_targets")
            .iter()
            .map(|path| Path::new(path).file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(targets, PROPERTIES.map(|(name, _)| name));
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/contributing.md");
        let document = fs::read_to_string(document).unwrap();
        for name in targets {
            assert!(document.contains(&format!("\n| `{name}` | ")), "{name}");
        }
    }

    #[test]
    fn a_glob_fits_the_whole_text() {
        for (glob, text, fits) in [
            ("sonar-*", "sonar-", Some(true)),
            ("*-?", "a-b-c", Some(true)),
            ("*-?", "a-b-", Some(false)),
            ("", "a", Some(false)),
            ("a*b*", "ab", Some(true)),
            ("[a]", "a", None),
        ] {
            assert_eq!(glob_fits(glob, text), fits, "{glob} {text}");
        }
    }

    #[test]
    fn a_part_of_a_secret_is_longer_than_its_public_prefix() {
        let secret = "ATCTT3xFfGN0s3cret";
        assert!(holds_part("a ATCTT3xFfGN0S b", secret) && holds_part("3xffgn0 s3c\u{200b}ret", secret));
        assert!(!holds_part("ATCTT3xFfGN0", secret));
        assert!(holds_part("a hunter22 b", "hunter22") && !holds_part("hunter2", "hunter22"));
    }
}
