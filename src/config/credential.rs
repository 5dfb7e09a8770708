//! The credential that the variables hold: exactly one, and checked before anything is sent.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    bitbucket::credential::CredentialKind,
    config::{
        findings::{Findings, Problem},
        insights::posts_status,
        variables::Variables,
    },
    explain::handbook::{
        ACCESS_TOKEN_AS_BASIC, API_TOKEN_AS_BEARER, APP_PASSWORD as NO_APP_PASSWORDS, GIT_USER_NAME,
        USER_NAME, WAYS_IN,
    },
    model::{
        consumer::{self, ConsumerDefect},
        token::{self, Defect, TokenKind},
    },
};

/// The one credential that the variables hold, or `None` after a problem was found.
pub(crate) fn credential_kind(variables: &Variables, findings: &mut Findings) -> Option<CredentialKind> {
    let mut complete = complete_credentials(variables);
    if complete.len() > 1 {
        report_several_credentials(&complete, findings);
        return None;
    }
    let Some(credential) = complete.pop() else {
        report_incomplete(variables, findings);
        return None;
    };
    match &credential {
        CredentialKind::ApiToken { email, token } => {
            check_email(email, findings);
            check_token(API_TOKEN, TokenKind::Api, token, findings);
        }
        CredentialKind::AccessToken { token, .. } => {
            check_token(ACCESS_TOKEN, TokenKind::Access, token, findings);
        }
        CredentialKind::OauthConsumer { key, secret } => check_consumer(key, secret, findings),
        CredentialKind::PipelinesProxy => {}
    }
    warn_of_halves(variables, &credential, findings);
    warn_of_app_password(variables, findings);
    Some(credential)
}

/// Every credential whose variables are all set.
fn complete_credentials(variables: &Variables) -> Vec<CredentialKind> {
    let Variables {
        atlassian_account_email: email,
        atlassian_api_token: api_token,
        bitbucket_access_token: access_token,
        bitbucket_oauth_client_id: key,
        bitbucket_oauth_client_secret: secret,
        ..
    } = variables;
    let api_token = email.as_ref().zip(api_token.as_ref()).map(|(email, token)| CredentialKind::ApiToken {
        email: email.trim().to_owned(),
        token: token.clone(),
    });
    let access_token =
        access_token.as_ref().map(|token| CredentialKind::AccessToken { token: token.clone(), entry: None });
    let consumer = key
        .as_ref()
        .zip(secret.as_ref())
        .map(|(key, secret)| CredentialKind::OauthConsumer { key: key.clone(), secret: secret.clone() });
    [access_token, api_token, consumer].into_iter().flatten().collect()
}

fn report_several_credentials(complete: &[CredentialKind], findings: &mut Findings) {
    let variables = |kind: &CredentialKind| match kind {
        CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy => (ACCESS_TOKEN, None),
        CredentialKind::ApiToken { .. } => (EMAIL, Some(API_TOKEN)),
        CredentialKind::OauthConsumer { .. } => (CLIENT_ID, Some(CLIENT_SECRET)),
    };
    let mut names = complete.iter().map(variables);
    let Some((first, second)) = names.next() else { return };
    let with = second.map(|second| format!(" with {second}")).unwrap_or_default();
    let others: Vec<String> = names
        .map(|(name, second)| match second {
            Some(second) => format!("{name} and {second}"),
            None => name.to_owned(),
        })
        .collect();
    let (number, to_keep) =
        if complete.len() == 2 { ("two", "the other one") } else { ("three", "the others") };
    let example =
        if others.iter().any(|other| other.contains(API_TOKEN)) { API_TOKEN } else { CLIENT_SECRET };
    findings.problem(
        first,
        format!("is set{with}, and so are {}: {number} credentials", others.join(", and ")),
        "exactly one credential",
        format!("keep one of them and pass {to_keep} empty (`{example}: \"\"`): it may be a variable of the repository or the workspace"),
    );
}

/// Reports what is missing from the credentials that are set in part; without any, that there is none.
fn report_incomplete(variables: &Variables, findings: &mut Findings) {
    let email = variables.atlassian_account_email.as_deref().map(str::trim);
    let consumer =
        (variables.bitbucket_oauth_client_id.is_some(), variables.bitbucket_oauth_client_secret.is_some());
    match (email, variables.atlassian_api_token.is_some()) {
        (Some(email), _) => report_missing_api_token(email, variables, findings),
        (None, true) => report_missing_email(variables, findings),
        (None, false) if consumer == (false, false) => report_missing(variables, findings),
        (None, false) => {}
    }
    match consumer {
        (true, _) => report_missing_half_of_consumer(CLIENT_SECRET, CLIENT_ID, "secret", findings),
        (false, true) => report_missing_half_of_consumer(CLIENT_ID, CLIENT_SECRET, "key", findings),
        (false, false) => {}
    }
}

fn report_missing_half_of_consumer(missing: &str, present: &str, part: &str, findings: &mut Findings) {
    findings.problem(
        missing,
        format!("is unset or empty, but {present} is set"),
        format!("{CLIENT_ID} and {CLIENT_SECRET} together, or another credential"),
        format!("pass the {part} of the OAuth consumer too: `{missing}: ${missing}`; if it is a secured variable, check that it is defined for this repository or deployment"),
    );
}

/// Warns of the other half of a credential that is not used.
fn warn_of_halves(variables: &Variables, used: &CredentialKind, findings: &mut Findings) {
    let used_variable = match used {
        CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy => ACCESS_TOKEN,
        CredentialKind::ApiToken { .. } => API_TOKEN,
        CredentialKind::OauthConsumer { .. } => CLIENT_ID,
    };
    let is_api_token = matches!(used, CredentialKind::ApiToken { .. });
    let is_consumer = matches!(used, CredentialKind::OauthConsumer { .. });
    for (name, is_half, needs) in [
        (EMAIL, variables.atlassian_account_email.is_some() && !is_api_token, "an API token"),
        (API_TOKEN, variables.atlassian_api_token.is_some() && !is_api_token, "an API token"),
        (CLIENT_ID, variables.bitbucket_oauth_client_id.is_some() && !is_consumer, "an OAuth consumer"),
        (
            CLIENT_SECRET,
            variables.bitbucket_oauth_client_secret.is_some() && !is_consumer,
            "an OAuth consumer",
        ),
    ] {
        if is_half {
            findings.warning(format!(
                "{name} is set but ignored: {needs} needs both variables; Gatepost uses {used_variable}"
            ));
        }
    }
}

fn report_missing_api_token(email: &str, variables: &Variables, findings: &mut Findings) {
    if let Some(problem) = token_in_app_password(variables) {
        check_email(email, findings);
        findings.problems.push(problem);
        return;
    }
    let old = match variables.bitbucket_app_password {
        Some(_) => format!("; {APP_PASSWORD} does not replace it, because app passwords ended on 2026-07-28"),
        None => String::new(),
    };
    findings.problem(
        API_TOKEN,
        format!("is unset or empty, but {EMAIL} is set{old}"),
        format!("{EMAIL} and {API_TOKEN} together, or {ACCESS_TOKEN} alone"),
        format!("pass the API token too: `{API_TOKEN}: ${API_TOKEN}`; if it is a secured variable, check that it is defined for this repository or deployment"),
    );
}

fn report_missing_email(variables: &Variables, findings: &mut Findings) {
    let old = match variables.bitbucket_username {
        Some(_) => format!("; {USERNAME} does not replace it"),
        None => String::new(),
    };
    findings.problem(
        EMAIL,
        format!("is unset or empty, but {API_TOKEN} is set{old}"),
        format!("{EMAIL} and {API_TOKEN} together, or {ACCESS_TOKEN} alone"),
        "pass the e-mail address of the Atlassian account that created the API token",
    );
}

fn warn_of_app_password(variables: &Variables, findings: &mut Findings) {
    for (name, is_set) in [
        (USERNAME, variables.bitbucket_username.is_some()),
        (APP_PASSWORD, variables.bitbucket_app_password.is_some()),
    ] {
        if is_set {
            findings
                .warning(format!("{name} is set but ignored: app passwords ended on 2026-07-28; remove it"));
        }
    }
}

const EMAIL: &str = "ATLASSIAN_ACCOUNT_EMAIL";
const API_TOKEN: &str = "ATLASSIAN_API_TOKEN";
const ACCESS_TOKEN: &str = "BITBUCKET_ACCESS_TOKEN";
const CLIENT_ID: &str = "BITBUCKET_OAUTH_CLIENT_ID";
const CLIENT_SECRET: &str = "BITBUCKET_OAUTH_CLIENT_SECRET";
const USERNAME: &str = "BITBUCKET_USERNAME";
const APP_PASSWORD: &str = "BITBUCKET_APP_PASSWORD";

/// When a report alone needs no credential.
const WITHOUT_CREDENTIAL: &str = "; STATUS: false needs no credential in a pipeline, through the proxy of Pipelines, if the target is the pipeline's own repository and the commit that it builds: then name no other REPO_SLUG, COMMIT or BRANCH, no PULL_REQUEST, and no list of targets";

fn report_missing(variables: &Variables, findings: &mut Findings) {
    let old = variables
        .bitbucket_app_password
        .as_ref()
        .map(|_| APP_PASSWORD)
        .or_else(|| variables.bitbucket_username.as_ref().map(|_| USERNAME));
    if let Some(problem) = token_in_app_password(variables) {
        findings.problems.push(problem);
    } else if let Some(name) = old {
        findings.problem(
            name,
            format!("is set, but Bitbucket accepts no app password: {}", NO_APP_PASSWORDS.why),
            "an API token or an access token",
            NO_APP_PASSWORDS.remedy,
        );
    } else {
        let proxy = if posts_status(variables, &mut Findings::default()) { "" } else { WITHOUT_CREDENTIAL };
        findings.problem(
            ACCESS_TOKEN,
            format!("is unset or empty, and so are {EMAIL} and {API_TOKEN}: there is no credential"),
            format!("{EMAIL} and {API_TOKEN} together, or {ACCESS_TOKEN} alone, or {CLIENT_ID} and {CLIENT_SECRET} together"),
            format!(
                "if a secured variable holds it, check that it is defined for this repository, workspace or deployment, and that the `variables:` of the pipe name it ({ACCESS_TOKEN}: ${ACCESS_TOKEN}); otherwise {WAYS_IN}{proxy}"
            ),
        );
    }
}

/// An API token or access token in the variable of the app password that it replaced.
fn token_in_app_password(variables: &Variables) -> Option<Problem> {
    let secret = variables.bitbucket_app_password.as_ref()?.expose_secret();
    let kind = TokenKind::of(secret.trim().trim_matches(['"', '\'']))?;
    let variable = match kind {
        TokenKind::Api => API_TOKEN,
        TokenKind::Access => ACCESS_TOKEN,
        TokenKind::AppPassword => return None,
    };
    let kind = kind.name();
    Some(Problem {
        variable: APP_PASSWORD.to_owned(),
        found: format!("holds an {kind}, not an app password"),
        accepted: format!("the {kind} in {variable}"),
        remedy: format!(
            "rename the variable to {variable}; an API token also needs {EMAIL}, an access token needs nothing else"
        ),
        keeps_verdict_away: false,
    })
}

/// Whether a variable of a credential for all repositories is set.
pub(crate) fn is_any_set(variables: &Variables) -> bool {
    let texts = [&variables.atlassian_account_email, &variables.bitbucket_username];
    let secrets = [
        &variables.atlassian_api_token,
        &variables.bitbucket_access_token,
        &variables.bitbucket_oauth_client_id,
        &variables.bitbucket_oauth_client_secret,
        &variables.bitbucket_app_password,
    ];
    texts.into_iter().any(Option::is_some) || secrets.into_iter().any(Option::is_some)
}

/// Reports a key or a secret of an OAuth consumer that cannot work, judged by its shape alone.
fn check_consumer(key: &SecretString, secret: &SecretString, findings: &mut Findings) {
    let (key, secret) = (key.expose_secret(), secret.expose_secret());
    let problems = findings.problems.len();
    for (name, text, accepted) in [
        (CLIENT_ID, key, "the key of a private OAuth consumer"),
        (CLIENT_SECRET, secret, "the secret of a private OAuth consumer"),
    ] {
        if let Some(ConsumerDefect { found, remedy }) = consumer::defect(text) {
            findings.problem(name, found, accepted, remedy);
        }
    }
    if findings.problems.len() > problems {
        return;
    }
    if key == secret {
        findings.problem(
            CLIENT_SECRET,
            format!("holds the same text as {CLIENT_ID}"),
            "the secret of a private OAuth consumer",
            "the page of the consumer shows Key and Secret: pass each in its own variable",
        );
        return;
    }
    if let Some(oddity) = consumer::oddity_of_key(key, secret) {
        findings.warning(format!("{CLIENT_ID} {oddity}"));
    }
    if let Some(oddity) = consumer::oddity_of_secret(secret) {
        findings.warning(format!("{CLIENT_SECRET} {oddity}"));
    }
}

/// What is passed as the key of an OAuth consumer, if it may be the secret. A key is no secret, and may have words that
/// the log needs.
pub(crate) fn swapped_client_secret(variables: &Variables) -> Option<&SecretString> {
    let length = |secret: &SecretString| secret.expose_secret().len();
    let secret = variables.bitbucket_oauth_client_secret.as_ref().map_or(0, length);
    variables.bitbucket_oauth_client_id.as_ref().filter(|key| length(key) >= secret)
}

/// Reports an access token that cannot work.
pub(crate) fn check_access_token(variable: &str, token: &SecretString, findings: &mut Findings) {
    check_token(variable, TokenKind::Access, token, findings);
}

/// Reports a token that cannot work, judged by its shape alone, and warns of an unusual shape.
fn check_token(variable: &str, expected: TokenKind, token: &SecretString, findings: &mut Findings) {
    let token = token.expose_secret();
    let (found, remedy) = match (token::defect(token), TokenKind::of(token)) {
        (Some(Defect { found, remedy }), _) => (found, remedy),
        (None, Some(TokenKind::AppPassword)) => (
            "is an app password (it begins with ATBB); Bitbucket removed app passwords on 2026-07-28",
            WAYS_IN,
        ),
        (None, Some(TokenKind::Access)) if expected == TokenKind::Api => (
            "is an access token (it begins with ATCTT), which only works as Bearer",
            ACCESS_TOKEN_AS_BASIC.remedy,
        ),
        (None, Some(TokenKind::Api)) if expected == TokenKind::Access => (
            "is an API token (it begins with ATATT), which only works with HTTP Basic and the e-mail address of its account",
            API_TOKEN_AS_BEARER.remedy,
        ),
        (None, _) => {
            if let Some(oddity) = token::oddity(token, expected) {
                findings.warning(format!("{variable} {oddity}"));
            }
            return;
        }
    };
    let accepted = match expected {
        TokenKind::Api => "an API token with scopes; it begins with ATATT",
        _ => "a repository, project or workspace access token; it begins with ATCTT",
    };
    findings.problem(variable, found, accepted, remedy);
}

/// <https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.3>
const EMAIL_MAX_CHARS: usize = 254;

fn check_email(email: &str, findings: &mut Findings) {
    let fits = email.len() <= EMAIL_MAX_CHARS
        && email.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@')
        })
        // A colon would end the user of HTTP Basic; quotes and brackets were copied by mistake.
        && !email.contains(|c: char| c.is_whitespace() || c.is_control() || ":\"'<>".contains(c));
    if fits {
        return;
    }
    let accepted = "the e-mail address of the Atlassian account that created the API token";
    let is_of_git = GIT_USER_NAMES.iter().any(|name| email.eq_ignore_ascii_case(name));
    let (found, remedy) = if is_of_git {
        (format!("is \"{email}\": {}", GIT_USER_NAME.why), GIT_USER_NAME.remedy)
    } else if has_something_around(email) {
        (
            "has additional characters around the e-mail address (quotes, a name, < >, mailto:, a second address, or %40 for @)".to_owned(),
            "pass only the address, such as ci@acme.example: Pipelines passes the value unchanged, including quotes",
        )
    } else {
        // The value is not shown: it may be a secret in the wrong variable.
        (format!("is not an e-mail address: {}", USER_NAME.why), USER_NAME.remedy)
    };
    findings.problem(EMAIL, found, accepted, remedy);
}

fn has_something_around(email: &str) -> bool {
    let holds_address = email.contains('@') || email.contains("%40");
    let holds_more = |c: char| c.is_whitespace() || "\"'`<>,;%".contains(c);
    holds_address && (email.contains(holds_more) || email.to_ascii_lowercase().starts_with("mailto:"))
}

/// User names for git over https:
/// <https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens/>.
const GIT_USER_NAMES: [&str; 2] = ["x-token-auth", "x-bitbucket-api-token-auth"];

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(set: impl FnOnce(&mut Variables)) -> Vec<(String, String)> {
        let mut variables = Variables::default();
        set(&mut variables);
        let mut findings = Findings::default();
        let credential = credential_kind(&variables, &mut findings);
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
    fn a_token_in_the_place_of_another_kind_is_told() {
        for (token, part) in [
            ("ATBBabc", "app password"),
            ("ATATT3xFfGF0abc", "API token"),
            (" ATCTTabc", "white space before or after"),
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
        for (email, part) in [
            ("x-token-auth", "is for git"),
            ("x-bitbucket-api-token-auth", "is for git"),
            ("X-Token-Auth", "is for git"),
            ("ci-token (label)", "the label of the token"),
            ("\"ci@acme.example\"", "around the e-mail address"),
            ("CI <ci@acme.example>", "around the e-mail address"),
            ("mailto:ci@acme.example", "around the e-mail address"),
            ("ci%40acme.example", "around the e-mail address"),
            ("a@b.example, d@e.example", "around the e-mail address"),
        ] {
            let found = &api_token(email, "ATATTabc")[0].1;
            assert!(found.contains(part), "{email}: {found}");
        }
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
        assert!(half[0].1.contains("does not replace it"), "{half:?}");
    }

    #[test]
    fn only_the_credential_that_is_used_is_judged() {
        let found = problems(|v| {
            v.atlassian_api_token = Some("\"x y".to_owned().into());
            v.bitbucket_access_token = Some("ATCTTabc".to_owned().into());
        });
        assert_eq!(found, []);
    }

    const KEY: &str = "f4hJr8wQx2LmZc7TnB";
    const SECRET: &str = "q9vXc2RtYp7LwKz4NsBh3JdGf6MaUe8T";

    fn consumer(v: &mut Variables, key: &str, secret: &str) {
        v.bitbucket_oauth_client_id = Some(key.to_owned().into());
        v.bitbucket_oauth_client_secret = Some(secret.to_owned().into());
    }

    #[test]
    fn key_and_secret_of_a_consumer_are_one_credential() {
        assert_eq!(problems(|v| consumer(v, KEY, SECRET)), []);
        for (key, secret, name, part) in [
            ("ci@acme.example", SECRET, CLIENT_ID, "e-mail address"),
            (KEY, "ATATT3xFfGF0abc", CLIENT_SECRET, "API token"),
            (KEY, "q9vXc2Rt\n", CLIENT_SECRET, "white space"),
            ("'f4hJr8wQ'", SECRET, CLIENT_ID, "quotes"),
            (SECRET, SECRET, CLIENT_SECRET, "the same text"),
        ] {
            let found = problems(|v| consumer(v, key, secret));
            assert_eq!((found.len(), found[0].0.as_str()), (1, name), "{found:?}");
            assert!(found[0].1.contains(part), "{found:?}");
        }
    }

    #[test]
    fn half_a_consumer_names_the_other_half_and_beside_a_credential_it_is_a_warning() {
        let only_key = problems(|v| v.bitbucket_oauth_client_id = Some(KEY.to_owned().into()));
        assert_eq!((only_key.len(), only_key[0].0.as_str()), (1, CLIENT_SECRET));
        let only_secret = problems(|v| v.bitbucket_oauth_client_secret = Some(SECRET.to_owned().into()));
        assert_eq!((only_secret.len(), only_secret[0].0.as_str()), (1, CLIENT_ID));
        let two_halves = problems(|v| {
            v.bitbucket_oauth_client_id = Some(KEY.to_owned().into());
            v.atlassian_api_token = Some("ATATTabc".to_owned().into());
        });
        let names: Vec<_> = two_halves.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [EMAIL, CLIENT_SECRET]);
        let mut variables = Variables::default();
        consumer(&mut variables, KEY, SECRET);
        variables.atlassian_api_token = Some("ATATTabc".to_owned().into());
        let mut findings = Findings::default();
        assert!(credential_kind(&variables, &mut findings).is_some());
        assert_eq!(
            findings.warnings,
            [format!(
                "{API_TOKEN} is set but ignored: an API token needs both variables; Gatepost uses {CLIENT_ID}"
            )]
        );
    }

    #[test]
    fn all_credentials_that_are_complete_are_named() {
        let found = problems(|v| {
            consumer(v, KEY, SECRET);
            v.bitbucket_access_token = Some("ATCTTabc".to_owned().into());
            v.atlassian_account_email = Some("a@b.c".to_owned());
            v.atlassian_api_token = Some("ATATTabc".to_owned().into());
        });
        let names = format!("{EMAIL} and {API_TOKEN}, and {CLIENT_ID} and {CLIENT_SECRET}");
        assert_eq!(
            found,
            [(ACCESS_TOKEN.to_owned(), format!("is set, and so are {names}: three credentials"))]
        );
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
            bitbucket_access_token: Some("an-oauth-token-of-some-length".to_owned().into()),
            bitbucket_username: Some("jane".to_owned()),
            bitbucket_app_password: Some("ATBBabc".to_owned().into()),
            ..Variables::default()
        };
        let mut findings = Findings::default();
        assert!(credential_kind(&variables, &mut findings).is_some());
        assert!(findings.problems.is_empty());
        assert_eq!(findings.warnings.len(), 2);
    }
}
