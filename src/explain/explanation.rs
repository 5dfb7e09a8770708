//! Why a request was refused, and what to do: a pure function of the evidence that a [`Refusal`] is, and how the
//! reader is told.

use std::{borrow::Cow, fmt::Write, time::Duration};

use reqwest::{Url, header};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::{
    bitbucket::{
        answer::Meaning,
        scopes::{Need, Scopes},
    },
    config::credential::Credential,
    console::{
        log::Console,
        text::{in_digits, rounded},
    },
    explain::handbook::{self, Trouble},
    http::{
        refusal::{Came, Clues, Owner, Purpose, Refusal},
        service::{Reach, Service},
        transport::{Answer, Failure},
    },
    model::{address::is_this_machine, target::Repository, token::TokenKind},
};

/// Why a request was refused and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The reason, or the two or three possible ones, likeliest first; never none.
    pub reasons: Vec<Reason>,
    /// The one that is left when none of them is it.
    pub otherwise: Option<Reason>,
    /// When trying again makes sense, when the service said so.
    pub again: Option<String>,
}

/// A possible reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Reason {
    /// The handbook's entry for it.
    pub trouble: Option<&'static Trouble>,
    /// Why the request was refused.
    pub why: Cow<'static, str>,
    /// How to tell, and what to do.
    pub remedy: Cow<'static, str>,
}

/// A pause that nobody waits for.
const LONG: Duration = Duration::from_hours(24);

/// Explains a refusal.
pub fn explain(refusal: &Refusal) -> Explanation {
    let Refusal { service, purpose, url, came, clues, again_in, method: _, attempts: _, stopped_over: _ } =
        refusal;
    let mut explanation = match (service, came) {
        (service, Came::Refused(answer))
            if answer.status.is_redirection() && answer.headers.contains_key(header::LOCATION) =>
        {
            explain_redirect(answer, url, service.reach().address)
        }
        (Service::Bitbucket(credential), Came::Refused(answer)) => {
            explain_bitbucket(answer, credential, purpose, clues)
        }
        (Service::SonarQube { token, .. }, Came::Refused(answer)) => {
            explain_sonarqube(answer, token.is_some())
        }
        (service, Came::Unusable(answer, _)) => explain_unusable(answer, service.reach()),
        (service, Came::Nothing(failure)) => explain_failure(failure, url, service.reach()),
    };
    let is_cloud = url.host_str() == Some("api.bitbucket.org") || is_this_machine(url);
    if let (Service::Bitbucket(_), Came::Nothing(_), false) = (service, came, is_cloud) {
        explanation.otherwise = Some(Reason::from(&handbook::NOT_THE_API));
    }
    explanation.again = again_in.map(|pause| {
        let when = if pause > LONG {
            "only after more than a day".to_owned()
        } else {
            format!("in {} s", rounded(pause))
        };
        format!("{service} asks to try again {when}; that is past TIMEOUT, so it is not waited for")
    });
    explanation
}

/// A request that did not get through: what was sent, what came back, why, and what to do.
///
/// Of many targets with the same trouble, the first one's is told in full.
pub fn tell(refusal: &Refusal, console: &Console) {
    let explanation = explain(refusal);
    let title = |trouble: &'static Trouble| trouble.title;
    let troubles: Vec<_> =
        explanation.reasons.iter().map(|reason| reason.trouble.map_or(&*reason.why, title)).collect();
    match console.news(format!("{:?} {troubles:?}", refusal.status())) {
        Some(console) => tell_in_full(refusal, &explanation, &console),
        None => console.failed(format_args!("{refusal} (as told above)")),
    }
    if refusal.stopped_over {
        console.detail("left", STOPPED_OVER);
    }
}

fn tell_in_full(refusal: &Refusal, explanation: &Explanation, console: &Console) {
    let Explanation { reasons, otherwise, again } = explanation;
    console.failed(refusal);
    console.detail("sent", refusal.sent());
    console.detail("answered", refusal.answered());
    let several = reasons.len() > 1;
    if several {
        console
            .detail("why", format_args!("{} does not say; one of these, likeliest first", refusal.service));
    }
    for (number, Reason { why, remedy, .. }) in (1..).zip(reasons) {
        let number = if several { format!(" {number}") } else { String::new() };
        console.detail(&format!("why{number}"), why);
        console.details(&format!("to do{number}"), remedy);
    }
    if let Some(Reason { why, remedy, .. }) = otherwise {
        console.detail("else", why);
        console.details("then", remedy);
    }
    if let Some(again) = again {
        console.detail("again", again);
    }
}

/// What stands on the commit when an INPROGRESS was refused that may have arrived.
pub const STOPPED_OVER: &str =
    "STOPPED, which was posted over it: the INPROGRESS may have arrived, and would block merging";

/// Whether the credential sees the repository, as far as the answer and the further reads tell.
pub fn sees_repository(refusal: &Refusal) -> Option<bool> {
    let Refusal { service, purpose, came, clues, .. } = refusal;
    match (service, came) {
        // Who is told that the commit is not there sees where it is not.
        (Service::Bitbucket(credential), Came::Refused(answer))
            if Meaning::of(answer, credential, purpose) == Meaning::NoCommit =>
        {
            Some(true)
        }
        _ => clues.sees_repository,
    }
}

impl Explanation {
    fn of(why: impl Into<Cow<'static, str>>, remedy: impl Into<Cow<'static, str>>) -> Self {
        Reason { trouble: None, why: why.into(), remedy: remedy.into() }.into()
    }

    fn one_of<const N: usize>(troubles: [&'static Trouble; N]) -> Self {
        Vec::from(troubles.map(Reason::from)).into()
    }
}

impl Reason {
    /// An entry of the handbook, with what is known of the case.
    fn dynamic(trouble: &'static Trouble, why: String) -> Self {
        Self { why: why.into(), ..Self::from(trouble) }
    }
}

impl From<&'static Trouble> for Reason {
    fn from(trouble: &'static Trouble) -> Self {
        Self { trouble: Some(trouble), why: trouble.why.into(), remedy: trouble.remedy.into() }
    }
}

impl From<Reason> for Explanation {
    fn from(reason: Reason) -> Self {
        vec![reason].into()
    }
}

impl From<Vec<Reason>> for Explanation {
    fn from(reasons: Vec<Reason>) -> Self {
        Self { reasons, otherwise: None, again: None }
    }
}

/// A redirect, of any service.
fn explain_redirect(answer: &Answer, url: &Url, address: &str) -> Explanation {
    let to = answer
        .headers
        .get(header::LOCATION)
        .and_then(|location| url.join(location.to_str().ok()?).ok())
        .and_then(|url| url.host_str().map(str::to_owned));
    Explanation::of(
        format!(
            "the service points to another address{}; Gatepost does not follow it, because the credential would go there",
            to.map(|host| format!(" on {host}")).unwrap_or_default()
        ),
        format!(
            "check {address}: https instead of http, another host, or a base path may be missing; a login page of the network also answers like this"
        ),
    )
}

/// What Bitbucket's refusals mean. Where it gives one answer for several reasons, they come likeliest first.
fn explain_bitbucket(
    answer: &Answer,
    credential: &Credential,
    purpose: &Purpose,
    clues: &Clues,
) -> Explanation {
    let status = answer.status.as_u16();
    if matches!(status, 500..=599 | 408 | 425) {
        return Reason::from(&handbook::DOWN).into();
    }
    let meaning = Meaning::of(answer, credential, purpose);
    match (status, &meaning) {
        (429, _) => explain_rate_limit(answer, credential),
        (_, Meaning::NotTheApi) => Reason::from(&handbook::NOT_THE_API).into(),
        (400..=404, Meaning::LacksScope { missing, granted }) => {
            explain_lacking_scope(credential, missing.as_ref(), granted.as_ref())
        }
        (_, Meaning::WrongMechanism) => explain_wrong_mechanism(credential),
        (401, Meaning::Expired) => Reason::from(expired(credential)).into(),
        (_, Meaning::AccessControls) => Reason::from(&handbook::ACCESS_CONTROLS).into(),
        (_, Meaning::PasswordsEnded) if matches!(credential, Credential::ApiToken { .. }) => {
            Reason::from(&handbook::APP_PASSWORD).into()
        }
        (_, Meaning::Removed(address)) => {
            let why = format!("Bitbucket has removed what was asked for, see {address}");
            Reason::dynamic(&handbook::REMOVED, why).into()
        }
        (410, _) => Reason::from(&handbook::REMOVED).into(),
        (400, _) | (422, Meaning::LongKey | Meaning::BadUrl | Meaning::BadField) => {
            explain_bad_request(&meaning, credential, purpose, clues)
        }
        (401, _) => explain_unauthorized(answer, credential),
        (403, _) => explain_forbidden(answer, credential, purpose, clues),
        (404, _) => explain_not_found(answer, &meaning, credential, purpose, clues),
        (405 | 409 | 422, _)
            if matches!(purpose, Purpose::PostStatus(..))
                && clues.owner != Some(Owner::Nobody)
                && clues.sees_repository != Some(false) =>
        {
            anothers_status(clues).into()
        }
        _ => Explanation::of(
            "Gatepost does not know this answer",
            "see bitbucket.status.atlassian.com; a proxy on the way may have answered: check HTTPS_PROXY and BITBUCKET_API_URL",
        ),
    }
}

/// The kind of token is known, and so is the other one.
fn explain_wrong_mechanism(credential: &Credential) -> Explanation {
    let (kind, other) = match credential {
        Credential::ApiToken { .. } => ("an API token", "an access token (BITBUCKET_ACCESS_TOKEN)"),
        Credential::AccessToken { .. } => {
            ("an access token", "an API token (ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN)")
        }
    };
    Reason {
        trouble: Some(&handbook::WRONG_MECHANISM),
        why: format!("Bitbucket does not offer this operation to {kind}").into(),
        remedy: format!("use {other} here").into(),
    }
    .into()
}

/// A token that has expired, by its kind.
fn expired(credential: &Credential) -> &'static Trouble {
    match credential {
        Credential::ApiToken { .. } => &handbook::API_TOKEN_EXPIRED,
        Credential::AccessToken { .. } if credential.may_be_oauths() => &handbook::OAUTH_TOKEN_EXPIRED,
        Credential::AccessToken { .. } => &handbook::ACCESS_TOKEN_EXPIRED,
    }
}

fn explain_lacking_scope(
    credential: &Credential,
    missing: Option<&Scopes>,
    granted: Option<&Scopes>,
) -> Explanation {
    let (lacking, kind) = match credential {
        Credential::ApiToken { .. } => (&handbook::API_TOKEN_SCOPE, "API token"),
        Credential::AccessToken { .. } => (&handbook::ACCESS_TOKEN_SCOPE, "access token"),
    };
    let Some(missing) = missing else {
        return Reason::from(lacking).into();
    };
    let mut why = format!("the {kind} lacks the scope {missing}");
    if let Some(granted) = granted {
        let _ = write!(why, "; it has: {granted}");
    }
    let is_usual =
        [Need::Status, Need::PullRequestLookup].iter().any(|need| missing.is_just(need.scope(credential)));
    let mut reason = Reason::dynamic(lacking, why);
    if !is_usual {
        reason.remedy = format!("{}; this time with {missing} as well", lacking.remedy).into();
    } else if matches!(credential, Credential::ApiToken { .. }) {
        reason.why = format!(
            "{} (none of an API token's scopes includes another, so that write does not include read)",
            reason.why
        )
        .into();
    }
    reason.into()
}

/// A 400 without a word was seen for an API token without scopes:
/// <https://community.atlassian.com/forums/Bitbucket-questions/API-Token-is-not-working/qaq-p/3144636>.
fn explain_bad_request(
    meaning: &Meaning,
    credential: &Credential,
    purpose: &Purpose,
    clues: &Clues,
) -> Explanation {
    match (meaning, credential) {
        (Meaning::Nothing, Credential::ApiToken { .. }) => {
            let why =
                format!("Bitbucket says nothing, which probably means that {}", handbook::NO_SCOPES.why);
            Reason::dynamic(&handbook::NO_SCOPES, why).into()
        }
        (Meaning::Nothing, Credential::AccessToken { .. }) => Explanation::of(
            "Bitbucket says nothing, which is not documented for an access token",
            handbook::ACCESS_TOKEN_EXPIRED.remedy,
        ),
        (Meaning::LongKey, _) => Reason::from(&handbook::LONG_KEY).into(),
        (Meaning::BadUrl, _) => Reason::from(&handbook::UNREACHABLE_URL).into(),
        (Meaning::BadField, _) => Reason::from(&handbook::BAD_FIELD).into(),
        _ if !matches!(purpose, Purpose::PostStatus(..)) => Explanation::of(
            "Bitbucket does not accept the request; its words above are all that it tells",
            "use the newest version of Gatepost, and check BITBUCKET_API_URL and HTTPS_PROXY: a proxy may have changed the request",
        ),
        _ => {
            let mut reasons = vec![Reason::from(&handbook::BAD_FIELD)];
            if matches!(clues.owner, Some(Owner::Creator(_) | Owner::Unnamed)) {
                reasons.extend(anothers_status(clues));
            }
            reasons.into()
        }
    }
}

/// That the status is of somebody else. Nothing proves that its creator is not this very credential, for asking who we
/// are would need another scope.
fn anothers_status(clues: &Clues) -> Vec<Reason> {
    let trouble = &handbook::ANOTHERS_STATUS;
    let by = match &clues.owner {
        Some(Owner::Creator(creator)) => format!("it was created by {creator}; "),
        Some(Owner::Unnamed) | None => String::new(),
        Some(Owner::Nobody) => return Vec::new(),
    };
    let why = format!("probably the status with this key is another one's: {by}{}", trouble.why);
    vec![Reason::dynamic(trouble, why)]
}

/// One answer for every reason. `BitbucketCustom` was seen where an account worked with git and in another
/// workspace: <https://community.atlassian.com/forums/Bitbucket-questions/x401-Error-while-uploading-the-code/qaq-p/3149693>.
fn explain_unauthorized(answer: &Answer, credential: &Credential) -> Explanation {
    let challenge = header(answer, "www-authenticate").unwrap_or_default();
    match credential {
        Credential::ApiToken { token, .. } if TokenKind::of(token.expose_secret()).is_none() => {
            Explanation::one_of([
                &handbook::NOT_AN_API_TOKEN,
                &handbook::API_TOKEN_EXPIRED,
                &handbook::OTHER_ACCOUNT,
            ])
        }
        Credential::ApiToken { .. } if challenge.starts_with("BitbucketCustom") => Explanation::one_of([
            &handbook::MANAGED_ACCOUNT,
            &handbook::API_TOKEN_EXPIRED,
            &handbook::OTHER_ACCOUNT,
        ]),
        Credential::ApiToken { .. } => {
            let mut explanation = Explanation::one_of([
                &handbook::API_TOKEN_EXPIRED,
                &handbook::OTHER_ACCOUNT,
                &handbook::NO_SCOPES,
            ]);
            let why = format!("if git works with the same account: {}", handbook::MANAGED_ACCOUNT.why);
            explanation.otherwise = Some(Reason::dynamic(&handbook::MANAGED_ACCOUNT, why));
            explanation
        }
        Credential::AccessToken { .. } if credential.may_be_oauths() => {
            Explanation::one_of([&handbook::OAUTH_TOKEN_EXPIRED, &handbook::ACCESS_TOKEN_EXPIRED])
        }
        Credential::AccessToken { .. } => {
            Explanation::one_of([&handbook::ACCESS_TOKEN_EXPIRED, &handbook::NOT_BITBUCKETS_TOKEN])
        }
    }
}

fn explain_forbidden(
    answer: &Answer,
    credential: &Credential,
    purpose: &Purpose,
    clues: &Clues,
) -> Explanation {
    let mut reasons = match (purpose, purpose.repository()) {
        // A status that may not be read either is kept from us for another reason than its creator.
        (Purpose::PostStatus(..), _) if clues.sees_repository != Some(false) => anothers_status(clues),
        // Documented for a private repository: <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/>.
        (_, Some(repository)) if clues.sees_repository != Some(true) => {
            explain_hidden(answer, credential, repository, clues)
        }
        _ => Vec::new(),
    };
    reasons.push(Reason::from(&handbook::ACCESS_CONTROLS));
    // When Bitbucket tells the scopes, they were looked at.
    if header(answer, "x-oauth-scopes").is_none() {
        let scope = Reason::from(match credential {
            Credential::ApiToken { .. } => &handbook::API_TOKEN_SCOPE,
            Credential::AccessToken { .. } => &handbook::ACCESS_TOKEN_SCOPE,
        });
        // Who was let in just before is hardly kept out.
        let place = if clues.sees_repository == Some(true) { reasons.len() - 1 } else { reasons.len() };
        reasons.insert(place, scope);
    }
    reasons.truncate(REASONS_MAX);
    reasons.into()
}

/// Nobody reads more.
const REASONS_MAX: usize = 3;

/// What is not there and what may not be seen are answered alike; the words, the kind of token and the clues
/// tell some of it apart.
fn explain_not_found(
    answer: &Answer,
    meaning: &Meaning,
    credential: &Credential,
    purpose: &Purpose,
    clues: &Clues,
) -> Explanation {
    // What was seen goes before what is said.
    let is_hidden = clues.sees_repository.map_or(*meaning == Meaning::NoRepository, |seen| !seen);
    let is_visible = |words: Meaning| *meaning == words || clues.sees_repository == Some(true);
    let hidden = |repository| explain_hidden(answer, credential, repository, clues);
    let or_hidden = |reason: Reason, repository| {
        let mut reasons = vec![reason];
        reasons.extend(hidden(repository));
        Explanation::from(reasons)
    };
    if let Some(repository) = purpose.repository() {
        if *meaning == Meaning::NoWorkspace {
            let why = format!("there is no workspace {}", repository.workspace);
            return Reason::dynamic(&handbook::NO_WORKSPACE, why).into();
        }
        if is_hidden {
            return hidden(repository).into();
        }
    }
    match purpose {
        Purpose::SeeRepository(repository) => hidden(repository).into(),
        Purpose::PostStatus(repository, commit) if clues.has_commit == Some(true) => Explanation::of(
            format!(
                "Bitbucket shows commit {commit} of {repository} and refuses a status for it; that is not documented"
            ),
            handbook::DOWN.remedy,
        ),
        Purpose::PostStatus(repository, commit)
        | Purpose::SeeCommit(repository, commit)
        | Purpose::SeeStatus(repository, commit) => {
            let is_seen = *meaning == Meaning::NoCommit || clues.has_commit == Some(false);
            let probably = if is_seen { "" } else { "probably " };
            let why =
                format!("{probably}{repository} has no commit {commit}: {}", handbook::UNKNOWN_COMMIT.why);
            let mut reason = Reason::dynamic(&handbook::UNKNOWN_COMMIT, why);
            // Nobody is told to do what was done already.
            if clues.asked_pull_request
                && let Some((pass_commit, _)) = handbook::UNKNOWN_COMMIT.remedy.split_once('\n')
            {
                reason.remedy = pass_commit.into();
            }
            if is_seen || clues.sees_repository == Some(true) {
                reason.into()
            } else {
                or_hidden(reason, repository)
            }
        }
        Purpose::FindPullRequest(repository, id) => {
            let why = format!("{repository} has no pull request {id}");
            let reason = Reason::dynamic(&handbook::NO_PULL_REQUEST, why);
            if is_visible(Meaning::NoPullRequest) { reason.into() } else { or_hidden(reason, repository) }
        }
        Purpose::FindBranch(repository, branch) => {
            let why = format!(
                "{repository} has no branch {branch}; a branch is often deleted when its pull request is merged"
            );
            let reason = Reason::dynamic(&handbook::NO_BRANCH, why);
            if is_visible(Meaning::NoBranch) { reason.into() } else { or_hidden(reason, repository) }
        }
        Purpose::AskSonarQube(_) => Reason::from(&handbook::NOT_THE_API).into(),
    }
}

/// A repository that the credential does not see.
fn explain_hidden(
    answer: &Answer,
    credential: &Credential,
    repository: &Repository,
    clues: &Clues,
) -> Vec<Reason> {
    // One that is in the map under the fork's name is there already.
    if clues.is_forks && !credential.is_named(&repository.to_string()) {
        let why =
            format!("{repository} is the fork that the pull request comes from: {}", handbook::FORK.why);
        return vec![Reason::dynamic(&handbook::FORK, why)];
    }
    let wrong_name = Reason::dynamic(
        &handbook::WRONG_NAME,
        format!(
            "there is no repository bitbucket.org/{repository}, or it is private and this credential may not see it: Bitbucket answers both alike"
        ),
    );
    let kind = header(answer, "x-credential-type").unwrap_or_default();
    let reach = |kind| {
        Reason {
        why: format!(
            "a {kind} access token reaches the repositories of its {kind} alone, and {repository} may be none of them"
        )
        .into(),
        remedy: "use a token that was created in this repository, or in its project or workspace; or an API token"
            .into(),
        trouble: Some(&handbook::OTHER_REPOSITORY),
    }
    };
    match credential {
        Credential::ApiToken { .. } => vec![wrong_name],
        Credential::AccessToken { .. } if kind.starts_with("project") => vec![reach("project"), wrong_name],
        Credential::AccessToken { .. } if kind.starts_with("workspace") => {
            vec![wrong_name, reach("workspace")]
        }
        Credential::AccessToken { .. } => vec![Reason::from(&handbook::OTHER_REPOSITORY), wrong_name],
    }
}

fn explain_rate_limit(answer: &Answer, credential: &Credential) -> Explanation {
    let trouble = &handbook::RATE_LIMIT;
    let limit = header(answer, "x-ratelimit-limit").and_then(in_digits);
    match (credential, limit) {
        (Credential::AccessToken { .. }, Some(limit)) => {
            let why = format!(
                "the allowance of this access token is used up, {limit} requests an hour; {}",
                trouble.why
            );
            Reason::dynamic(trouble, why).into()
        }
        _ => Reason::from(trouble).into(),
    }
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).and_then(|value| value.to_str().ok())
}

/// <https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens>
fn explain_sonarqube(answer: &Answer, with_token: bool) -> Explanation {
    match answer.status.as_u16() {
        401 | 403 if !with_token => Explanation::of(
            "SonarQube does not tell this without a token",
            "pass SONAR_TOKEN; if a secured variable should have brought it, see that the pipe's `variables:` names it",
        ),
        401 => Explanation::of(
            "SonarQube does not accept SONAR_TOKEN: it has expired, was revoked, is of another server, or was copied incompletely",
            "create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN; check that SONAR_HOST_URL is the server it is of",
        ),
        403 => Explanation::of(
            "the token may not see this: the account needs 'Execute Analysis' or 'Browse' on the project, and a project analysis token sees its own project only",
            "use the token that the scanner uses, or one of an account with these permissions (Project Settings > Permissions)",
        ),
        404 => Explanation::of(
            "SonarQube does not know the task, the project, the branch or the pull request, or does not show it to this token; or the address lacks the server's base path",
            "check SONAR_HOST_URL (base path included), SONAR_PROJECT_KEY, SONAR_PULL_REQUEST and SONAR_BRANCH; tasks are forgotten after some time, and the Community Build knows no pull requests",
        ),
        429 => Explanation::of("too many requests", "run again later"),
        500..=599 | 408 | 425 => Explanation::of(
            "SonarQube is starting, is being upgraded, or has a problem of its own",
            "see its start page and its log, and run again; a higher TIMEOUT waits longer",
        ),
        _ => Explanation::of(
            "Gatepost does not know this answer",
            "see its words above; check that SONAR_HOST_URL is the address of SonarQube, base path included",
        ),
    }
}

fn explain_unusable(answer: &Answer, reach: Reach) -> Explanation {
    let Reach { address, .. } = reach;
    if serde_json::from_slice::<Value>(&answer.body).is_ok() {
        Explanation::of(
            format!("the service answers otherwise than it documents, or {address} is not its address"),
            format!("check {address}, and use the newest version of Gatepost"),
        )
    } else {
        Explanation::of(
            format!(
                "something between this machine and the service answered in its place, or {address} is not its address"
            ),
            format!("check HTTPS_PROXY and {address}; a login page of the network is a usual cause"),
        )
    }
}

fn explain_failure(failure: &Failure, url: &Url, reach: Reach) -> Explanation {
    let host = url.host_str().unwrap_or_default();
    let Reach { address, roots, health } = reach;
    match failure {
        Failure::UnknownHost(_) => Explanation::of(
            format!("this machine's name service knows no {host}"),
            format!(
                "check {address} for a misspelling; behind a proxy set HTTPS_PROXY; in a container see that the network and DNS work"
            ),
        ),
        Failure::Proxy(_) => Explanation::of(
            "the proxy does not let the connection through, or asks for another user name and password",
            "check HTTPS_PROXY; what has to be reached without it goes into NO_PROXY",
        ),
        Failure::Connection(_) => Explanation::of(
            format!("{host} does not take connections, or a firewall or proxy does not let them through"),
            format!(
                "check {address} and HTTPS_PROXY; in a container 127.0.0.1 is the container itself: use host.docker.internal"
            ),
        ),
        Failure::Certificate(_) => Explanation::of(
            "a proxy that opens TLS, a private authority, or a server that is not the one meant answers with a certificate of its own",
            format!(
                "if it is your company's, pass its root certificate in {roots}; a certificate's dates also fail when this machine's clock is wrong"
            ),
        ),
        Failure::Broken(_) => Explanation::of(
            "the service, or a proxy on the way, ended the connection early",
            "run again; if it stays, look at the proxy",
        ),
        Failure::Silent(_) => Explanation::of(
            "the service, or a proxy on the way, is slow or drops the connection silently",
            health,
        ),
    }
}

#[cfg(test)]
mod tests;
