//! What proves to Bitbucket who we are: exactly one credential, looked at before anything is sent.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    problem::{Findings, shown},
    variables::Variables,
};

/// How to authenticate to Bitbucket Cloud.
/// <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#authentication>
#[derive(Debug, Clone)]
pub enum Credential {
    /// API token with scopes: HTTP Basic with the account's e-mail address as user.
    /// <https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens/>
    ApiToken {
        /// The Atlassian account's e-mail address.
        email: String,
        /// The token.
        token: SecretString,
    },
    /// Repository, project or workspace access token: HTTP Bearer.
    /// <https://support.atlassian.com/bitbucket-cloud/docs/access-tokens/>
    AccessToken {
        /// The token.
        token: SecretString,
    },
}

impl Credential {
    /// The one credential that the variables hold, or the problems that keep them from holding one.
    pub fn from_variables(variables: &Variables, findings: &mut Findings) -> Option<Self> {
        let email = variables.atlassian_account_email.as_deref().map(str::trim);
        let api_token = variables.atlassian_api_token.as_ref();
        let access_token = variables.bitbucket_access_token.as_ref();

        let credential = match (email, api_token, access_token) {
            (Some(_), Some(_), Some(_)) => {
                findings.problem(
                    ACCESS_TOKEN,
                    format!("is set, and so are {EMAIL} and {API_TOKEN}: two credentials"),
                    "exactly one credential",
                    "keep the one that is meant and pass the other one empty (`ATLASSIAN_API_TOKEN: \"\"`): a variable of the repository or the workspace may have brought it",
                );
                None
            }
            (email, api_token, Some(token)) => {
                for (name, unused) in [(EMAIL, email.is_some()), (API_TOKEN, api_token.is_some())] {
                    if unused {
                        findings.warning(format!(
                            "{name} is set but not used: half an API token; {ACCESS_TOKEN} is used"
                        ));
                    }
                }
                check_token(ACCESS_TOKEN, token, findings);
                Some(Self::AccessToken { token: token.clone() })
            }
            (Some(email), Some(token), None) => {
                check_email(email, findings);
                check_token(API_TOKEN, token, findings);
                Some(Self::ApiToken { email: email.to_owned(), token: token.clone() })
            }
            (Some(_), None, None) => {
                let old = match variables.bitbucket_app_password {
                    Some(_) => format!(
                        "; {APP_PASSWORD} does not stand in for it, app passwords ended on 2026-07-28"
                    ),
                    None => String::new(),
                };
                findings.problem(
                    API_TOKEN,
                    format!("is not set, but {EMAIL} is{old}"),
                    format!("{EMAIL} and {API_TOKEN} together, or {ACCESS_TOKEN} alone"),
                    format!("pass the API token too: `{API_TOKEN}: ${API_TOKEN}`; if it is a secured variable, see that it is defined for this repository or deployment"),
                );
                None
            }
            (None, Some(_), None) => {
                findings.problem(
                    EMAIL,
                    format!("is not set, but {API_TOKEN} is"),
                    format!("{EMAIL} and {API_TOKEN} together, or {ACCESS_TOKEN} alone"),
                    "pass the e-mail address of the Atlassian account that created the API token",
                );
                None
            }
            (None, None, None) => {
                report_missing(variables, findings);
                None
            }
        };
        if credential.is_some() {
            for (name, set) in [
                (USERNAME, variables.bitbucket_username.is_some()),
                (APP_PASSWORD, variables.bitbucket_app_password.is_some()),
            ] {
                if set {
                    findings.warning(format!(
                        "{name} is set but not used: app passwords ended on 2026-07-28; remove it"
                    ));
                }
            }
        }
        credential
    }

    /// Its kind and the variables it came from; this is all that is ever shown of it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ApiToken { .. } => "API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)",
            Self::AccessToken { .. } => "access token (BITBUCKET_ACCESS_TOKEN)",
        }
    }

    /// The request with the credential on it. reqwest marks the header as sensitive.
    pub fn apply(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match self {
            Self::ApiToken { email, token } => request.basic_auth(email, Some(token.expose_secret())),
            Self::AccessToken { token } => request.bearer_auth(token.expose_secret()),
        }
    }
}

const EMAIL: &str = "ATLASSIAN_ACCOUNT_EMAIL";
const API_TOKEN: &str = "ATLASSIAN_API_TOKEN";
const ACCESS_TOKEN: &str = "BITBUCKET_ACCESS_TOKEN";
const USERNAME: &str = "BITBUCKET_USERNAME";
const APP_PASSWORD: &str = "BITBUCKET_APP_PASSWORD";

/// Where each kind of token is made.
const WAYS_IN: &str = "create an API token with scopes for the app Bitbucket \
    (id.atlassian.com > Security > API tokens > Create API token with scopes; scope read:repository:bitbucket) \
    and pass it as ATLASSIAN_API_TOKEN with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL; \
    or create an access token (Repository settings > Security > Access tokens; scope Repositories: Read) \
    and pass it as BITBUCKET_ACCESS_TOKEN";

fn report_missing(variables: &Variables, findings: &mut Findings) {
    let old = variables
        .bitbucket_app_password
        .as_ref()
        .map(|_| APP_PASSWORD)
        .or_else(|| variables.bitbucket_username.as_ref().map(|_| USERNAME));
    let misplaced = variables.bitbucket_app_password.as_ref().map(|secret| secret.expose_secret().trim());
    if let Some(token) = misplaced.filter(|token| token.starts_with("ATATT") || token.starts_with("ATCTT")) {
        let (kind, variable) = if token.starts_with("ATATT") {
            ("API token", API_TOKEN)
        } else {
            ("access token", ACCESS_TOKEN)
        };
        findings.problem(
            APP_PASSWORD,
            format!("holds an {kind}, not an app password"),
            format!("the {kind} in {variable}"),
            format!("rename the variable to {variable}; an API token goes with {EMAIL}, an access token goes alone"),
        );
    } else if let Some(name) = old {
        findings.problem(
            name,
            "is set, but Bitbucket removed app passwords on 2026-07-28: no request with one can work",
            "an API token or an access token",
            WAYS_IN,
        );
    } else {
        findings.problem(
            ACCESS_TOKEN,
            format!("is not set, and neither are {EMAIL} and {API_TOKEN}: there is no credential"),
            format!("{EMAIL} and {API_TOKEN} together, or {ACCESS_TOKEN} alone"),
            format!(
                "if a secured variable should have brought it, see that the pipe's `variables:` names it; else {WAYS_IN}"
            ),
        );
    }
}

/// A header of more than this is refused by common servers and proxies (8 KiB for all headers);
/// real tokens have about 200 characters.
const TOKEN_MAX_CHARS: usize = 4096;

/// Reports what is certain not to work, judged by the secret's shape alone.
/// The prefixes are public: <https://support.atlassian.com/bitbucket-cloud/docs/secret-scanning/>.
fn check_token(variable: &'static str, token: &SecretString, findings: &mut Findings) {
    let token = token.expose_secret();
    let accepted = if variable == API_TOKEN {
        "an API token with scopes; it begins with ATATT"
    } else {
        "a repository, project or workspace access token; it begins with ATCTT"
    };
    let bare = token.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let quoted = bare.len() != token.trim().len();
    let (found, remedy) = if quoted {
        (
            "has quotes around the token, or at one end",
            "write the variable again without quotes; Pipelines takes the value as it stands",
        )
    } else if bare.len() != token.len() {
        (
            "has white space before or after the token (a space, a tab or a line break)",
            "copy the token again without the line break or space, and save the variable again",
        )
    } else if token.starts_with("Bearer ") || token.starts_with("Basic ") {
        (
            "begins with the word Bearer or Basic, as in a header",
            "pass the token alone; Gatepost writes the header",
        )
    } else if token.chars().any(char::is_whitespace) {
        (
            "has white space inside",
            "copy the token again in one piece; it may have been wrapped over two lines",
        )
    } else if !token.chars().all(|c| c.is_ascii_graphic()) {
        (
            "has characters that no token has (control characters or letters outside ASCII)",
            "copy the token again from the page that showed it, or create a new one",
        )
    } else if token.len() > TOKEN_MAX_CHARS {
        ("is longer than 4096 characters", "pass the token itself, not a file, a key or a JSON answer")
    } else if token.starts_with("ATBB") {
        ("is an app password (it begins with ATBB); Bitbucket removed app passwords on 2026-07-28", WAYS_IN)
    } else if variable == API_TOKEN && token.starts_with("ATCTT") {
        (
            "is an access token (it begins with ATCTT), which works as Bearer only",
            "pass it as BITBUCKET_ACCESS_TOKEN, and leave out ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN",
        )
    } else if variable == ACCESS_TOKEN && token.starts_with("ATATT") {
        (
            "is an API token (it begins with ATATT), which works only with its account's e-mail address",
            "pass it as ATLASSIAN_API_TOKEN, with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL",
        )
    } else {
        return;
    };
    findings.problem(variable, found, accepted, remedy);
}

/// RFC 5321 allows no longer address.
const EMAIL_MAX_CHARS: usize = 254;

fn check_email(email: &str, findings: &mut Findings) {
    let fits = email.len() <= EMAIL_MAX_CHARS
        && email.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@')
        })
        // A colon would end the user's part of HTTP Basic; quotes and brackets were copied along.
        && !email.contains(|c: char| c.is_whitespace() || c.is_control() || ":\"'<>".contains(c));
    if fits {
        return;
    }
    let found = match email {
        "x-token-auth" | "x-bitbucket-api-token-auth" => {
            format!("is \"{email}\", which is a user name for git over https, not for the REST API")
        }
        _ => format!("is {}, which is no e-mail address", shown(email)),
    };
    findings.problem(
        EMAIL,
        found,
        "the e-mail address of the Atlassian account that created the API token",
        "use the address shown at id.atlassian.com > Profile > Email; Bitbucket's user name and the token's label do not work on the REST API",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(set: impl FnOnce(&mut Variables)) -> Vec<(String, String)> {
        let mut variables = Variables::default();
        set(&mut variables);
        let mut findings = Findings::default();
        let credential = Credential::from_variables(&variables, &mut findings);
        assert!(credential.is_some() || !findings.problems.is_empty());
        findings.problems.into_iter().map(|problem| (problem.variable, problem.found)).collect()
    }

    fn access_token(token: &str) -> Vec<(String, String)> {
        problems(|v| v.bitbucket_access_token = Some(token.to_owned().into()))
    }

    fn api_token(email: &str, token: &str) -> Vec<(String, String)> {
        problems(|v| {
            v.atlassian_account_email = Some(email.to_owned());
            v.atlassian_api_token = Some(token.to_owned().into());
        })
    }

    #[test]
    fn one_complete_credential_is_enough() {
        assert_eq!(access_token("ATCTT3xFfGN0abc"), []);
        assert_eq!(access_token("an-oauth-token"), []);
        assert_eq!(api_token("ci@acme.example", "ATATT3xFfGF0abc"), []);
    }

    #[test]
    fn the_shape_of_a_token_is_looked_at() {
        for (token, part) in [
            ("ATBBabc", "app password"),
            ("ATATT3xFfGF0abc", "API token"),
            (" ATCTTabc", "white space before or after"),
            ("ATCTTabc\n", "white space before or after"),
            ("\"ATCTTabc\"", "quotes"),
            ("'ATCTTabc", "quotes"),
            ("ATCTT abc", "white space inside"),
            ("Bearer ATCTTabc", "the word Bearer"),
            ("ATCTT\u{7}abc", "characters that no token has"),
            ("ATCTTäbc", "characters that no token has"),
            (&"x".repeat(4097), "longer than 4096"),
        ] {
            let found = access_token(token);
            assert_eq!(found.len(), 1, "{token:?}");
            assert!(found[0].1.contains(part), "{token:?}: {found:?}");
            assert!(!found[0].1.contains("abc"), "{token:?}: {found:?}");
        }
        assert!(api_token("ci@acme.example", "ATCTTabc")[0].1.contains("access token"));
    }

    #[test]
    fn the_user_of_an_api_token_is_an_email_address() {
        for email in ["x-token-auth", "acme-ci", "@b", "a@", "a@b@c", "a b@c", "a:b@c", "\"a@b.c\""] {
            let found = api_token(email, "ATATTabc");
            assert_eq!(found.len(), 1, "{email}");
            assert_eq!(found[0].0, EMAIL);
        }
    }

    #[test]
    fn half_a_credential_names_the_other_half() {
        let only_token = problems(|v| v.atlassian_api_token = Some("ATATTabc".to_owned().into()));
        assert_eq!(only_token[0].0, EMAIL);
        let only_email = problems(|v| v.atlassian_account_email = Some("a@b.c".to_owned()));
        assert_eq!(only_email[0].0, API_TOKEN);
    }

    #[test]
    fn a_token_in_the_place_of_an_app_password_is_told_where_to_go() {
        let found = problems(|v| v.bitbucket_app_password = Some("ATATTabc".to_owned().into()));
        assert_eq!(found, [(APP_PASSWORD.to_owned(), "holds an API token, not an app password".to_owned())]);
        let half = problems(|v| {
            v.atlassian_account_email = Some("a@b.c".to_owned());
            v.bitbucket_app_password = Some("ATBBabc".to_owned().into());
        });
        assert!(half[0].1.contains("does not stand in for it"), "{half:?}");
    }

    #[test]
    fn only_the_credential_that_is_used_is_judged() {
        let found = problems(|v| {
            v.atlassian_api_token = Some("\"x y".to_owned().into());
            v.bitbucket_access_token = Some("ATCTTabc".to_owned().into());
        });
        assert_eq!(found, []);
    }

    #[test]
    fn two_credentials_are_one_too_many() {
        let both = problems(|v| {
            v.atlassian_account_email = Some("a@b.c".to_owned());
            v.atlassian_api_token = Some("ATATTabc".to_owned().into());
            v.bitbucket_access_token = Some("ATCTTabc".to_owned().into());
        });
        assert_eq!(both.len(), 1);
        assert!(both[0].1.contains("two credentials"));
    }

    #[test]
    fn an_app_password_alone_is_an_error_and_beside_a_token_a_warning() {
        let alone = problems(|v| v.bitbucket_app_password = Some("ATBBabc".to_owned().into()));
        assert_eq!(alone[0].0, APP_PASSWORD);
        let name_alone = problems(|v| v.bitbucket_username = Some("jane".to_owned()));
        assert_eq!(name_alone[0].0, USERNAME);

        let variables = Variables {
            bitbucket_access_token: Some("ATCTTabc".to_owned().into()),
            bitbucket_username: Some("jane".to_owned()),
            bitbucket_app_password: Some("ATBBabc".to_owned().into()),
            ..Variables::default()
        };
        let mut findings = Findings::default();
        assert!(Credential::from_variables(&variables, &mut findings).is_some());
        assert!(findings.problems.is_empty());
        assert_eq!(findings.warnings.len(), 2);
    }
}
