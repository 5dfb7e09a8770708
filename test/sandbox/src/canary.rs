//! Looks for secrets where none may be: in bodies and addresses of requests, in what is printed, and in requests to a
//! service that a secret does not belong to.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::percent_decode_str;

use crate::server::Recorded;
use crate::{acme, sonar};

/// The length of the prefix that all tokens of a kind share (`ATCTT3xFfGN0`). A longer piece is not found by chance.
const PUBLIC_PREFIX: usize = 12;
/// A shorter secret is not searched for, as by Gatepost: it could be a common word.
const SECRET_MIN_CHARS: usize = 8;
/// Each piece is found by as many bytes at its beginning: no form of the shortest secret is shorter.
const ANCHOR_BYTES: usize = 8;

/// The tokens of Bitbucket.
const OF_BITBUCKET: [&str; 15] = [
    acme::API_TOKEN,
    acme::API_TOKEN_CLASSIC,
    acme::API_TOKEN_EXPIRED,
    acme::API_TOKEN_OF_ADMIN,
    acme::API_TOKEN_OF_JANE,
    acme::API_TOKEN_REPOSITORY_ONLY,
    acme::API_TOKEN_WRITE_ONLY,
    acme::APP_PASSWORD,
    acme::OAUTH_CLIENT_SECRET,
    acme::PROJECT_TOKEN,
    acme::REPOSITORY_TOKEN,
    acme::REPOSITORY_TOKEN_OF_WEB,
    acme::REPOSITORY_TOKEN_REPOSITORY_ONLY,
    acme::REVOKED_TOKEN,
    acme::WORKSPACE_TOKEN,
];

/// The tokens of SonarQube.
const OF_SONARQUBE: [&str; 6] = [
    sonar::CLOUD_TOKEN,
    sonar::GLOBAL_ANALYSIS_TOKEN,
    sonar::PROJECT_ANALYSIS_TOKEN,
    sonar::READER_TOKEN,
    sonar::REVOKED_SONAR_TOKEN,
    sonar::USER_TOKEN,
];

/// The pieces of the tokens of Bitbucket.
pub(crate) static PIECES_OF_BITBUCKET: LazyLock<Pieces> = LazyLock::new(|| Pieces::of(OF_BITBUCKET));
/// The pieces of the tokens of SonarQube.
pub(crate) static PIECES_OF_SONARQUBE: LazyLock<Pieces> = LazyLock::new(|| Pieces::of(OF_SONARQUBE));

/// Every piece of these secrets that is too long to be shown: as it is, in hexadecimal digits, and in base64. All are in
/// lower case, as Gatepost hides them in either.
pub(crate) struct Pieces {
    by_anchor: HashMap<[u8; ANCHOR_BYTES], BTreeSet<Vec<u8>>>,
    /// Whether an anchor may be one of a piece, by its hash: most are not, which is quick to check.
    glance: Vec<bool>,
}

impl Pieces {
    /// The pieces of secrets; quotation marks and white space around one are none of it.
    pub(crate) fn of<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let mut all = Self { by_anchor: HashMap::new(), glance: vec![false; 1 << 16] };
        for secret in secrets {
            let secret = secret.trim().trim_matches('"').as_bytes();
            // Each piece is as long as the prefix and is not the prefix, and so is each longer one in part.
            let pieces: BTreeSet<&[u8]> = match secret.len() {
                ..SECRET_MIN_CHARS => continue,
                SECRET_MIN_CHARS..=PUBLIC_PREFIX => [secret].into(),
                // Most pieces of the sandbox's tokens are the same, because these repeat a word.
                _ => secret.windows(PUBLIC_PREFIX).skip(1).collect(),
            };
            pieces.into_iter().flat_map(forms).for_each(|form| all.add(&form));
        }
        all
    }

    fn add(&mut self, form: &[u8]) {
        let form = form.to_ascii_lowercase();
        let anchor = form.first_chunk().expect("a secret has at least as many characters");
        self.glance[hash(*anchor)] = true;
        self.by_anchor.entry(*anchor).or_default().insert(form);
    }

    /// The first piece that a text holds, as it is or with any of its characters as an address has them.
    pub(crate) fn find_in(&self, text: &str) -> Option<String> {
        let decoded = text.contains('%').then(|| percent_decode_str(text).collect());
        let texts = [Some(text.as_bytes().to_vec()), decoded];
        texts.into_iter().flatten().find_map(|text| self.find_in_bytes(&text.to_ascii_lowercase()))
    }

    fn find_in_bytes(&self, text: &[u8]) -> Option<String> {
        let anchors = text.array_windows().enumerate();
        anchors.filter(|(_, anchor)| self.glance[hash(**anchor)]).find_map(|(at, anchor)| {
            let found = self.by_anchor.get(anchor)?.iter().find(|piece| text[at..].starts_with(piece))?;
            Some(String::from_utf8_lossy(found).into_owned())
        })
    }
}

/// 16 bits of an anchor; the digits of the golden ratio mix it, as in Fibonacci hashing.
fn hash(anchor: [u8; ANCHOR_BYTES]) -> usize {
    (u64::from_le_bytes(anchor).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
}

/// A piece of a secret in each form that could be read back.
fn forms(piece: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![piece.to_vec(), in_hex(piece).into_bytes()];
    // Where the piece begins within the encoded text decides how its letters look.
    for before in 0..3 {
        let bytes = [&[0; 2][..before], piece].concat();
        // The letters at both ends depend on what is around the piece, too: those that hold bits of it alone count.
        let (first, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        forms.extend([&STANDARD, &URL_SAFE].map(|code| code.encode(&bytes).as_bytes()[first..end].to_vec()));
    }
    forms
}

fn in_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |code, byte| format!("{code}{byte:02x}"))
}

/// Finds the first piece of a sandbox secret in a text.
pub(crate) fn known_piece_in(text: &str) -> Option<String> {
    PIECES_OF_BITBUCKET.find_in(text).or_else(|| PIECES_OF_SONARQUBE.find_in(text))
}

/// What is wrong with a request: a piece of a secret in its address, body or another header than `Authorization`, or one
/// of another service in that.
pub(crate) fn leak(request: &Recorded, of_others: &Pieces) -> Option<String> {
    let headers = [Some(&request.host), request.content_type.as_ref(), request.user_agent.as_ref()];
    let public = headers.into_iter().flatten().chain([&request.path, &request.body]);
    let in_public = public.into_iter().find_map(|text| known_piece_in(text));
    let head = request.authorization.clone().unwrap_or_default();
    let misled = || of_others.find_in(&head);
    let (piece, place) = in_public
        .map(|piece| (piece, "address, body or a header"))
        .or_else(|| Some((misled()?, "authorization")))?;
    Some(format!("the {place} of {} {} holds {piece:?}", request.method, request.path))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    use super::*;

    const SECRET: &str = acme::REPOSITORY_TOKEN;

    fn in_percent(text: &str) -> String {
        text.bytes().fold(String::new(), |code, byte| format!("{code}%{byte:02X}"))
    }

    /// A text in each form in which it is looked for.
    fn each_form(text: &str) -> Vec<String> {
        let hex = in_hex(text.as_bytes());
        let mut forms = vec![text.to_owned(), text.to_uppercase(), hex.to_uppercase(), hex, in_percent(text)];
        for before in ["", "c", "ci", "ci:"] {
            let text = format!("{before}{text}{before}");
            forms.extend([STANDARD.encode(&text), URL_SAFE.encode(&text), in_hex(text.as_bytes())]);
        }
        forms
    }

    #[test]
    fn each_form_of_a_piece_is_found_wherever_it_begins_and_the_prefix_is_not() {
        let pieces = Pieces::of([SECRET]);
        let begins = 0..=SECRET.len() - 13;
        for piece in begins.map(|begin| &SECRET[begin..begin + 13]).chain([SECRET]) {
            for shown in each_form(piece) {
                assert!(pieces.find_in(&format!("shown: {shown}.")).is_some(), "{shown}");
            }
        }
        // 11 characters behind the prefix.
        assert!(pieces.find_in(&SECRET[..23]).is_some());
        for fine in ["ATCTT3xFfGN0***", "the access token (BITBUCKET_ACCESS_TOKEN)", "RepositoryT"] {
            assert_eq!(pieces.find_in(fine), None);
        }
        for fine in each_form("ATCTT3xFfGN0") {
            assert_eq!(pieces.find_in(&fine), None);
        }
    }

    #[test]
    fn a_secret_with_signs_is_found_as_an_address_has_it_and_a_word_is_no_secret() {
        let (secret, pieces) =
            ("p@ss:w/rd #1 p@ss", Pieces::of(["p@ss:w/rd #1 p@ss", "short?", "\"pass/word\""]));
        let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        for shown in [secret, &encoded, &encoded.to_lowercase(), "PASS/word", "pass%2fword"] {
            assert!(pieces.find_in(shown).is_some(), "{shown}");
        }
        assert_eq!(pieces.find_in("short? pass/wor"), None);
    }

    #[test]
    fn a_request_with_a_secret_where_none_may_be_is_found() {
        let request = |path: &str, body: &str, authorization: &str| Recorded {
            path: path.to_owned(),
            body: body.to_owned(),
            authorization: Some(authorization.to_owned()),
            received: Instant::now(),
            scheme: "https",
            method: "POST".to_owned(),
            host: "localhost".to_owned(),
            content_type: None,
            user_agent: None,
            status: Some(200),
        };
        let bearer = format!("Bearer {SECRET}");
        assert_eq!(leak(&request("/", "{}", &bearer), &PIECES_OF_SONARQUBE), None);
        for wrong in [
            request("/", "{}", &format!("Bearer {}", sonar::USER_TOKEN)),
            request("/", "{}", &format!("Basic {}", STANDARD.encode(format!("{}:", sonar::USER_TOKEN)))),
            request("/", &format!("{{\"description\":\"{SECRET}\"}}"), &bearer),
            request(&format!("/?token={SECRET}"), "", &bearer),
            Recorded { user_agent: Some(SECRET.to_owned()), ..request("/", "", &bearer) },
            Recorded { host: SECRET.to_lowercase(), ..request("/", "", &bearer) },
        ]
        .into_iter()
        .chain(each_form(&SECRET[..13]).iter().map(|form| request(&format!("/?token={form}"), "", &bearer)))
        .chain(each_form(&SECRET[100..113]).iter().map(|form| request("/", form, &bearer)))
        {
            assert!(leak(&wrong, &PIECES_OF_SONARQUBE).is_some(), "{wrong:?}");
        }
    }
}
