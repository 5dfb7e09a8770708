//! Looks for secrets where none may be: in bodies and addresses of requests, in what is printed, and in requests to a
//! service that a secret does not belong to.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::server::Recorded;
use crate::{acme, sonar};

/// A piece of this length is not found by chance.
const PIECE_CHARS: usize = 12;

/// The tokens of Bitbucket.
pub(crate) const OF_BITBUCKET: [&str; 11] = [
    acme::API_TOKEN,
    acme::API_TOKEN_OF_ADMIN,
    acme::API_TOKEN_OF_JANE,
    acme::API_TOKEN_REPOSITORY_ONLY,
    acme::OAUTH_CLIENT_SECRET,
    acme::PROJECT_TOKEN,
    acme::REPOSITORY_TOKEN,
    acme::REPOSITORY_TOKEN_OF_WEB,
    acme::REPOSITORY_TOKEN_REPOSITORY_ONLY,
    acme::REVOKED_TOKEN,
    acme::WORKSPACE_TOKEN,
];

/// The tokens of SonarQube.
pub(crate) const OF_SONARQUBE: [&str; 6] = [
    sonar::CLOUD_TOKEN,
    sonar::GLOBAL_ANALYSIS_TOKEN,
    sonar::PROJECT_ANALYSIS_TOKEN,
    sonar::READER_TOKEN,
    sonar::REVOKED_SONAR_TOKEN,
    sonar::USER_TOKEN,
];

/// The piece of a secret that a text holds: as it is, in base64, in hexadecimal digits, or as an address holds it. The first
/// `prefix` characters are shared by all secrets of its kind, and may be shown.
pub(crate) fn piece_in(text: &str, secret: &str, prefix: usize) -> Option<String> {
    let own: String = secret.trim().trim_matches('"').chars().skip(prefix).collect();
    let (hex, percent) = (in_hex(&own), in_percent(&own));
    // Where the secret begins within the encoded text decides how its letters look.
    let base64 = (0..3).flat_map(|before| {
        let bytes = [&[b':'; 2][..before], own.as_bytes()].concat();
        [STANDARD.encode(&bytes), URL_SAFE.encode(&bytes)].map(|code| {
            let inner = code.trim_end_matches('=').get(4..).unwrap_or_default();
            inner[..inner.len().saturating_sub(2)].to_owned()
        })
    });
    // Of other forms, every twelfth piece is enough: less than two of them tells nothing.
    let forms = [(own.clone(), 1), (hex, PIECE_CHARS), (percent, PIECE_CHARS)];
    let forms = forms.into_iter().chain(base64.map(|form| (form, PIECE_CHARS)));
    let mut pieces = forms.flat_map(|(form, step)| {
        let letters: Vec<char> = form.chars().collect();
        let pieces = letters.windows(PIECE_CHARS).step_by(step);
        pieces.map(|piece| piece.iter().collect()).collect::<Vec<String>>()
    });
    pieces.find(|piece| text.contains(piece.as_str()))
}

fn in_hex(text: &str) -> String {
    text.bytes().fold(String::new(), |code, byte| format!("{code}{byte:02x}"))
}

fn in_percent(text: &str) -> String {
    text.bytes().fold(String::new(), |code, byte| format!("{code}%{byte:02X}"))
}

/// What is wrong with a request: a secret in its address or body, or one of another service in its head.
pub(crate) fn leak(request: &Recorded, of_others: &[&str]) -> Option<String> {
    // Only a whole secret is looked for here: each request of each test passes.
    let public = format!("{}\n{}", request.path, request.body);
    let all = OF_BITBUCKET.iter().chain(&OF_SONARQUBE);
    let in_public = all.copied().find(|secret| public.contains(*secret));
    let head = request.authorization.clone().unwrap_or_default();
    let decoded = head.strip_prefix("Basic ").and_then(|code| STANDARD.decode(code.trim()).ok());
    let decoded = decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let misled = of_others.iter().copied().find(|secret| head.contains(secret) || decoded.contains(secret));
    let (secret, place) =
        in_public.map(|it| (it, "address or body")).or_else(|| misled.map(|it| (it, "head")))?;
    Some(format!("the {place} of {} {} holds {}...", request.method, request.path, &secret[..8]))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const SECRET: &str = acme::REPOSITORY_TOKEN;

    #[test]
    fn each_form_of_a_secret_is_found_and_its_prefix_is_not() {
        let (name, inner) = ("shown: ", &SECRET[12..40]);
        let (hex, percent) = (in_hex(inner), in_percent(inner));
        for shown in [
            SECRET,
            inner,
            &hex,
            &percent,
            &STANDARD.encode(SECRET),
            &STANDARD.encode(format!("ci@a:{SECRET}")),
        ] {
            assert!(piece_in(&format!("{name}{shown}"), SECRET, 12).is_some(), "{shown}");
        }
        for fine in ["ATCTT3xFfGN0", "ATCTT3xFfGN0***", "the access token (BITBUCKET_ACCESS_TOKEN)"] {
            assert_eq!(piece_in(fine, SECRET, 12), None);
        }
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
        assert_eq!(leak(&request("/", "{}", &bearer), &OF_SONARQUBE), None);
        for wrong in [
            request("/", "{}", &format!("Bearer {}", sonar::USER_TOKEN)),
            request("/", "{}", &format!("Basic {}", STANDARD.encode(format!("{}:", sonar::USER_TOKEN)))),
            request("/", &format!("{{\"description\":\"{SECRET}\"}}"), &bearer),
            request(&format!("/?token={SECRET}"), "", &bearer),
        ] {
            assert!(leak(&wrong, &OF_SONARQUBE).is_some(), "{wrong:?}");
        }
    }
}
