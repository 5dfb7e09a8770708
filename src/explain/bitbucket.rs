//! Why Bitbucket refused a request: a pure function of the evidence in a [`Refusal`].

use std::fmt::Write;

use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret;

use crate::{
    bitbucket::{
        answer::Answer,
        api::WITH_SOURCE_COMMIT,
        credential::CredentialKind,
        refusal::{Evidence, PullRequestSays, Purpose, Refusal, StatusCreator},
        scopes::{Need, Scopes},
    },
    console::{foreign::shown, text::in_digits},
    explain::{
        consumer,
        explanation::{Explanation, Reason, ServiceGuide},
        handbook::{self, Trouble},
        network,
    },
    http::{
        failed_request::{Cause, Service, Unusable},
        transport::Response,
    },
    model::{
        address::is_this_machine,
        target::{CommitHash, Repository},
        token::TokenKind,
    },
};

const GUIDE: ServiceGuide = ServiceGuide {
    service: Service::Bitbucket,
    address: "BITBUCKET_API_URL",
    asked: "BITBUCKET_API_URL",
    roots: "SSL_CERT_FILE (a PEM file)",
    when_slow: "see bitbucket.status.atlassian.com and run again; a higher TIMEOUT waits longer",
};

/// What stands on the commit after an `INPROGRESS` failed that may have been applied.
pub(crate) const STOPPED_OVER: &str =
    "STOPPED was posted over the INPROGRESS, which may have been applied and would block merging";

/// Explains a refusal.
pub(crate) fn explain(refusal: &Refusal) -> Explanation {
    let Refusal { failed, answer, .. } = refusal;
    if refusal.credential.kind.is_pipelines_proxy() {
        return explain_pipelines_proxy(refusal);
    }
    let mut explanation = match (&failed.cause, answer) {
        (Cause::Refused(response), _) if network::is_redirect(response) => explain_renamed(response, refusal)
            .unwrap_or_else(|| network::explain_redirect(response, &failed.url, GUIDE).into()),
        (Cause::Refused(response), Some(answer)) => explain_answer(response, answer, refusal),
        (Cause::Refused(_), None) => unknown_answer(),
        (Cause::Unusable(response, Unusable::NoToken), _) => consumer::explain_no_token(response),
        (Cause::Unusable(_, Unusable::NotA(WITH_SOURCE_COMMIT)), _) => Explanation::of(
            "the branch or the fork of the pull request was deleted, so that it has no source commit any more",
            "pass COMMIT with the commit that was built",
        ),
        (Cause::Unusable(_, wrong), _) => network::explain_unusable(wrong, GUIDE).into(),
        (Cause::NoResponse(failure), _) => network::explain_failure(failure, &failed.url, GUIDE).into(),
    };
    let is_cloud = failed.url.host_str() == Some("api.bitbucket.org") || is_this_machine(&failed.url);
    if !matches!(failed.cause, Cause::NoResponse(_)) {
        // Somebody answered.
    } else if refusal.purpose == Purpose::GetToken {
        explanation.otherwise = consumer::other_host(&failed.url);
    } else if !is_cloud {
        explanation.otherwise = Some(Reason::from(&handbook::NOT_THE_API));
    }
    explanation.with_pause_of(failed, "TIMEOUT")
}

/// Bitbucket points from the old name of a repository to the new one. Only an address of the same host tells a name.
fn explain_renamed(response: &Response, refusal: &Refusal) -> Option<Explanation> {
    let url = &refusal.failed.url;
    let location = url.join(response.header("location")?).ok()?;
    let repository = refusal.purpose.repository()?;
    let new_name = renamed_to(&location).filter(|_| location.origin() == url.origin())?;
    (new_name != *repository).then(|| {
        Explanation::from(Reason {
            trouble: Some(&handbook::RENAMED),
            why: format!("the repository {repository} has the name {new_name} now").into(),
            remedy: format!(
                "pass REPO_SLUG: {new_name}, or this name in REPOSITORIES, and change it where else it is used"
            )
            .into(),
        })
    })
}

/// The repository in an address of the API: `.../repositories/{workspace}/{repo_slug}/...`.
fn renamed_to(location: &Url) -> Option<Repository> {
    let mut parts = location.path_segments()?.skip_while(|part| *part != "repositories").skip(1);
    Repository::from_full_name(&format!("{}/{}", parts.next()?, parts.next()?))
}

/// A report without a credential depends on the proxy that Pipelines runs beside each step.
fn explain_pipelines_proxy(refusal: &Refusal) -> Explanation {
    let is_unauthorized = |code: StatusCode| {
        [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&code)
    };
    let why = match (refusal.status_code(), &refusal.answer) {
        (Some(StatusCode::NOT_FOUND), Some(Answer::NoCommit)) => {
            "Bitbucket does not know the commit; the proxy of Pipelines is for the commit that the pipeline builds"
        }
        (Some(code), _) if is_unauthorized(code) => {
            "the proxy of Pipelines is for reports of the repository whose pipeline runs, and did not authorize this one"
        }
        (Some(code), _) if code.is_server_error() => {
            "the proxy of Pipelines, or Bitbucket behind it, does not work for the moment"
        }
        (Some(_), _) => "the proxy of Pipelines, or Bitbucket behind it, does not accept the report",
        (None, _) => {
            "the proxy of Pipelines is not there: it runs beside each step of a pipeline in the cloud"
        }
    };
    Explanation::of(
        why,
        "pass a credential such as BITBUCKET_ACCESS_TOKEN, or REPORT_PROXY with the address of the proxy",
    )
}

fn unknown_answer() -> Explanation {
    Explanation::of(
        "Gatepost does not know this answer",
        "see bitbucket.status.atlassian.com; a proxy on the way may have answered: check HTTPS_PROXY and BITBUCKET_API_URL",
    )
}

/// Where Bitbucket gives one answer for several reasons, they come likeliest first.
fn explain_answer(response: &Response, answer: &Answer, refusal: &Refusal) -> Explanation {
    let Refusal { purpose, credential, evidence, .. } = refusal;
    let credential = &credential.kind;
    let status_code = response.status_code.as_u16();
    match (status_code, answer) {
        (500..=599, Answer::Closed(sentence)) => {
            Reason::with_why(&handbook::DOWN, format!("Bitbucket says: {sentence}")).into()
        }
        (500..=599 | 408 | 425, _) => Reason::from(&handbook::DOWN).into(),
        (400, _) if network::says_https_is_wanted(&response.body.text()) => {
            network::https_wanted(GUIDE).into()
        }
        (429, _) => explain_rate_limit(response, credential),
        _ if *purpose == Purpose::GetToken => {
            consumer::explain(status_code, answer).unwrap_or_else(unknown_answer)
        }
        (_, Answer::Closed(sentence)) => {
            Reason::with_why(&handbook::CLOSED, format!("Bitbucket says: {sentence}")).into()
        }
        (_, Answer::NotTheApi) => Reason::from(&handbook::NOT_THE_API).into(),
        (400..=404, Answer::MissingScope { missing, granted }) => {
            explain_lacking_scope(credential, missing.as_ref(), granted.as_ref())
        }
        (_, Answer::WrongMechanism) => explain_wrong_mechanism(credential),
        (401, Answer::Expired) => Reason::from(expired(credential)).into(),
        (_, Answer::AccessControls) => Reason::from(&handbook::ACCESS_CONTROLS).into(),
        (_, Answer::PasswordsEnded) if matches!(credential, CredentialKind::ApiToken { .. }) => {
            Reason::from(&handbook::APP_PASSWORD).into()
        }
        (_, Answer::Removed(address)) => {
            let why = format!("Bitbucket has removed this operation, see {address}");
            Reason::with_why(&handbook::REMOVED, why).into()
        }
        (410, _) => Reason::from(&handbook::REMOVED).into(),
        (400, _) | (422, Answer::LongKey | Answer::BadUrl | Answer::BadField) => {
            explain_bad_request(answer, credential, purpose, evidence)
        }
        (401, _) => explain_unauthorized(response, credential),
        (403, _) => explain_forbidden(response, credential, purpose, evidence),
        (404, _) => explain_not_found(response, answer, credential, purpose, evidence),
        (405 | 409 | 422, _)
            if matches!(purpose, Purpose::PostStatus(..))
                && evidence.creator != Some(StatusCreator::NoStatus)
                && evidence.reads_repository != Some(false) =>
        {
            anothers_status(evidence, credential).into()
        }
        _ => unknown_answer(),
    }
}

/// Names the kind of token that is used, and the other one.
fn explain_wrong_mechanism(credential: &CredentialKind) -> Explanation {
    let (kind, other) = match credential {
        CredentialKind::ApiToken { .. } => ("an API token", "an access token (BITBUCKET_ACCESS_TOKEN)"),
        CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy => {
            ("an access token", "an API token (ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN)")
        }
        CredentialKind::OauthConsumer { .. } => {
            ("an OAuth consumer", "an access token (BITBUCKET_ACCESS_TOKEN)")
        }
    };
    Reason {
        trouble: Some(&handbook::WRONG_MECHANISM),
        why: format!("Bitbucket does not offer this operation to {kind}").into(),
        remedy: format!("use {other} here").into(),
    }
    .into()
}

/// The entry for an expired token of this kind.
fn expired(credential: &CredentialKind) -> &'static Trouble {
    match credential {
        CredentialKind::ApiToken { .. } => &handbook::API_TOKEN_EXPIRED,
        CredentialKind::AccessToken { .. } if credential.may_be_oauth_token() => {
            &handbook::OAUTH_TOKEN_EXPIRED
        }
        CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy => {
            &handbook::ACCESS_TOKEN_EXPIRED
        }
        CredentialKind::OauthConsumer { .. } => &handbook::CONSUMER_TOKEN,
    }
}

/// The entry for a scope that this kind of credential lacks.
const fn lacking_scope(credential: &CredentialKind) -> &'static Trouble {
    match credential {
        CredentialKind::ApiToken { .. } => &handbook::API_TOKEN_SCOPE,
        CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy => &handbook::ACCESS_TOKEN_SCOPE,
        CredentialKind::OauthConsumer { .. } => &handbook::CONSUMER_SCOPE,
    }
}

fn explain_lacking_scope(
    credential: &CredentialKind,
    missing: Option<&Scopes>,
    granted: Option<&Scopes>,
) -> Explanation {
    let lacking = lacking_scope(credential);
    let kind = match credential {
        CredentialKind::ApiToken { .. } => "API token",
        CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy => "access token",
        CredentialKind::OauthConsumer { .. } => "OAuth consumer",
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
    let mut reason = Reason::with_why(lacking, why);
    if !is_usual {
        reason.remedy = format!("{}; add the scope {missing}", lacking.remedy).into();
    } else if matches!(credential, CredentialKind::ApiToken { .. }) {
        reason.why = format!(
            "{} (no scope of an API token includes another one: write does not include read)",
            reason.why
        )
        .into();
    }
    reason.into()
}

/// A 400 with an empty body was seen for an API token without scopes:
/// <https://community.atlassian.com/forums/Bitbucket-questions/API-Token-is-not-working/qaq-p/3144636>.
fn explain_bad_request(
    answer: &Answer,
    credential: &CredentialKind,
    purpose: &Purpose,
    evidence: &Evidence,
) -> Explanation {
    match (answer, credential) {
        (Answer::Empty, CredentialKind::ApiToken { .. }) => {
            let why =
                format!("Bitbucket gives no reason, which probably means that {}", handbook::NO_SCOPES.why);
            Reason::with_why(&handbook::NO_SCOPES, why).into()
        }
        (Answer::Empty, CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy) => {
            Explanation::of(
                "Bitbucket gives no reason, which is not documented for an access token",
                handbook::ACCESS_TOKEN_EXPIRED.remedy,
            )
        }
        (Answer::Empty, CredentialKind::OauthConsumer { .. }) => Explanation::of(
            "Bitbucket gives no reason, which is not documented for an OAuth consumer",
            handbook::CONSUMER_TOKEN.remedy,
        ),
        (Answer::LongKey, _) => Reason::from(&handbook::LONG_KEY).into(),
        (Answer::BadUrl, _) if let Some(link) = &evidence.refused_link => Explanation::of(
            format!(
                "Bitbucket accepts neither the link {} nor the page of the pipeline or the commit, so that the host of the link is not the reason",
                shown(link)
            ),
            "run again later, and see bitbucket.status.atlassian.com; if it stays so, report it in the issues of Gatepost with DEBUG: true",
        ),
        (Answer::BadUrl, _) => Reason::from(&handbook::UNREACHABLE_URL).into(),
        (Answer::BadField, _) => Reason::from(&handbook::BAD_FIELD).into(),
        _ if !matches!(purpose, Purpose::PostStatus(..)) => Explanation::of(
            "Bitbucket does not accept the request; it says no more than the words above",
            "use the newest version of Gatepost, and check BITBUCKET_API_URL and HTTPS_PROXY: a proxy may have changed the request",
        ),
        _ => {
            let mut reasons = vec![Reason::from(&handbook::BAD_FIELD)];
            if matches!(evidence.creator, Some(StatusCreator::Named(_) | StatusCreator::Unnamed)) {
                reasons.extend(anothers_status(evidence, credential));
            }
            reasons.into()
        }
    }
}

/// The status may belong to another credential. Its creator cannot be compared with this credential: asking Bitbucket
/// who we are needs another scope.
fn anothers_status(evidence: &Evidence, credential: &CredentialKind) -> Vec<Reason> {
    let trouble = &handbook::ANOTHERS_STATUS;
    let by = match &evidence.creator {
        Some(StatusCreator::Named(creator)) => format!("by {creator}; "),
        Some(StatusCreator::Unnamed) | None => String::new(),
        Some(StatusCreator::NoStatus) => return Vec::new(),
    };
    let owner = match credential {
        CredentialKind::OauthConsumer { .. } => {
            "; the creator of an OAuth consumer's statuses is the owner of the consumer"
        }
        CredentialKind::ApiToken { .. }
        | CredentialKind::AccessToken { .. }
        | CredentialKind::PipelinesProxy => "",
    };
    let why = format!("this status was probably created with another credential: {by}{}{owner}", trouble.why);
    vec![Reason::with_why(trouble, why)]
}

/// Bitbucket gives one answer for every reason. `BitbucketCustom` without words was seen in few public reports. In the
/// one whose cause became known, the user name stood where the full e-mail address of the account belongs:
/// <https://community.atlassian.com/forums/Bitbucket-questions/x401-Error-while-uploading-the-code/qaq-p/3149693>.
fn explain_unauthorized(response: &Response, credential: &CredentialKind) -> Explanation {
    let challenge = response.header("www-authenticate").unwrap_or_default();
    let or_organization = |mut explanation: Explanation| {
        let why = format!("git works with the same account: {}", handbook::MANAGED_ACCOUNT.why);
        explanation.otherwise = Some(Reason::with_why(&handbook::MANAGED_ACCOUNT, why));
        explanation
    };
    match credential {
        CredentialKind::ApiToken { token, .. } if TokenKind::of(token.expose_secret()).is_none() => {
            Explanation::one_of([
                &handbook::NOT_AN_API_TOKEN,
                &handbook::API_TOKEN_EXPIRED,
                &handbook::OTHER_ACCOUNT,
            ])
        }
        CredentialKind::ApiToken { .. } if challenge.starts_with("BitbucketCustom") => {
            or_organization(Explanation::one_of([
                &handbook::OTHER_ACCOUNT,
                &handbook::NO_SCOPES,
                &handbook::API_TOKEN_EXPIRED,
            ]))
        }
        CredentialKind::ApiToken { .. } => or_organization(Explanation::one_of([
            &handbook::API_TOKEN_EXPIRED,
            &handbook::OTHER_ACCOUNT,
            &handbook::NO_SCOPES,
        ])),
        CredentialKind::AccessToken { .. } if credential.may_be_oauth_token() => {
            Explanation::one_of([&handbook::OAUTH_TOKEN_EXPIRED, &handbook::ACCESS_TOKEN_EXPIRED])
        }
        CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy => {
            Explanation::one_of([&handbook::ACCESS_TOKEN_EXPIRED, &handbook::NOT_BITBUCKETS_TOKEN])
        }
        CredentialKind::OauthConsumer { .. } => Reason::from(&handbook::CONSUMER_TOKEN).into(),
    }
}

fn explain_forbidden(
    response: &Response,
    credential: &CredentialKind,
    purpose: &Purpose,
    evidence: &Evidence,
) -> Explanation {
    let mut reasons = match purpose {
        // A status that cannot be read either was not refused because of its creator.
        Purpose::PostStatus(..) if evidence.reads_repository != Some(false) => {
            anothers_status(evidence, credential)
        }
        // Documented for a private repository: <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/>.
        _ if evidence.reads_repository != Some(true) => {
            let hidden = |repository| explain_hidden(response, credential, repository, evidence);
            purpose.repository().map(hidden).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    reasons.push(Reason::from(&handbook::ACCESS_CONTROLS));
    // When Bitbucket lists the scopes, they were checked before.
    if response.header("x-oauth-scopes").is_none() {
        let scope = Reason::from(lacking_scope(credential));
        // A credential that just read the repository is unlikely to be restricted.
        let place = if evidence.reads_repository == Some(true) { reasons.len() - 1 } else { reasons.len() };
        reasons.insert(place, scope);
    }
    reasons.truncate(REASONS_MAX);
    reasons.into()
}

/// Nobody reads more reasons.
const REASONS_MAX: usize = 3;

/// Bitbucket answers 404 for what does not exist and for what the credential may not see. The words, the kind of token
/// and the evidence tell some of it apart.
fn explain_not_found(
    response: &Response,
    answer: &Answer,
    credential: &CredentialKind,
    purpose: &Purpose,
    evidence: &Evidence,
) -> Explanation {
    // What the run has read counts more than the words.
    let is_hidden = evidence.reads_repository.map_or(*answer == Answer::NoRepository, |seen| !seen);
    let is_visible = |words: Answer| *answer == words || evidence.reads_repository == Some(true);
    let hidden = |repository| explain_hidden(response, credential, repository, evidence);
    let or_hidden = |reason: Reason, repository| {
        let mut reasons = vec![reason];
        reasons.extend(hidden(repository));
        Explanation::from(reasons)
    };
    if let Purpose::ListRepositories(workspace) = purpose {
        let why = format!("there is no workspace {workspace}, or the credential is for another one");
        return Reason::with_why(&handbook::NO_WORKSPACE, why).into();
    }
    let Some(repository) = purpose.repository() else { return unknown_answer() };
    if *answer == Answer::NoWorkspace {
        let why = format!("there is no workspace {}", repository.workspace);
        return Reason::with_why(&handbook::NO_WORKSPACE, why).into();
    }
    if is_hidden {
        return hidden(repository).into();
    }
    match purpose {
        // No token: nothing was looked for.
        Purpose::GetToken | Purpose::ListRepositories(_) => unknown_answer(),
        Purpose::ReadRepository(repository) | Purpose::ListPullRequests(repository) => {
            hidden(repository).into()
        }
        Purpose::PostStatus(repository, commit) if evidence.has_commit == Some(true) => Explanation::of(
            format!(
                "Bitbucket shows commit {commit} of {repository} and refuses a status for it, which is not documented"
            ),
            handbook::DOWN.remedy,
        ),
        Purpose::PostReport(repository, commit) if evidence.has_commit == Some(true) => Explanation::of(
            format!(
                "Bitbucket has accepted commit {commit} of {repository} before and does not find it for the report, which is not documented"
            ),
            handbook::DOWN.remedy,
        ),
        Purpose::PostStatus(repository, commit)
        | Purpose::PostReport(repository, commit)
        | Purpose::ReadCommit(repository, commit)
        | Purpose::ReadCreator(repository, commit)
        | Purpose::ReadStatus(repository, commit, _)
        | Purpose::ListStatuses(repository, commit) => {
            let is_certain = *answer == Answer::NoCommit || evidence.has_commit == Some(false);
            let reason = unknown_commit(repository, commit, is_certain, evidence);
            if is_certain || evidence.reads_repository == Some(true) {
                reason.into()
            } else {
                or_hidden(reason, repository)
            }
        }
        Purpose::FindPullRequest(repository, id) => {
            let why = format!("{repository} has no pull request {id}");
            let reason = Reason::with_why(&handbook::NO_PULL_REQUEST, why);
            if is_visible(Answer::NoPullRequest) { reason.into() } else { or_hidden(reason, repository) }
        }
        Purpose::FindBranch(repository, branch) => {
            let why = format!(
                "{repository} has no branch {branch}; many branches are deleted when their pull request is merged"
            );
            let reason = Reason::with_why(&handbook::NO_BRANCH, why);
            if is_visible(Answer::NoBranch) { reason.into() } else { or_hidden(reason, repository) }
        }
    }
}

fn unknown_commit(
    repository: &Repository,
    commit: &CommitHash,
    is_certain: bool,
    evidence: &Evidence,
) -> Reason {
    let trouble = &handbook::UNKNOWN_COMMIT;
    if let PullRequestSays::MovedOn(id, head) = &evidence.pull_request {
        let posted = if evidence.may_stand {
            "an attempt to post to it had no certain answer, so the status may stand there"
        } else {
            "nothing was posted"
        };
        let why = format!(
            "pull request {id} has moved on to {}, and {repository} has no commit {} any more: {posted}",
            head.digits(),
            commit.digits()
        );
        return Reason::with_why(&handbook::MOVED_ON, why);
    }
    let probably = if is_certain { "" } else { "probably " };
    if evidence.is_built {
        let why = format!(
            "{probably}{repository} has no commit {commit}, which this pipeline builds: a force push or a deleted branch may have removed it, or it is in a fork"
        );
        let remedy = "look for the commit in Bitbucket: if it is gone, the pipeline of the new commit posts the status there; if it is there, run the step again";
        let or_pass = match evidence.pull_request {
            PullRequestSays::NotAsked => "\nor pass PULL_REQUEST: Gatepost finds the commit in the fork",
            PullRequestSays::NothingNew | PullRequestSays::MovedOn(..) => "",
        };
        return Reason { remedy: format!("{remedy}{or_pass}").into(), ..Reason::with_why(trouble, why) };
    }
    let why = format!("{probably}{repository} has no commit {commit}: {}", trouble.why);
    let mut reason = Reason::with_why(trouble, why);
    // The run has already asked the pull request.
    if evidence.pull_request != PullRequestSays::NotAsked
        && let Some((pass_commit, _)) = trouble.remedy.split_once('\n')
    {
        reason.remedy = pass_commit.into();
    }
    reason
}

/// The credential does not see the repository.
fn explain_hidden(
    response: &Response,
    credential: &CredentialKind,
    repository: &Repository,
    evidence: &Evidence,
) -> Vec<Reason> {
    // The remedy is an entry for the fork, unless this credential is that entry.
    if evidence.is_fork && !credential.is_entry_of(&repository.to_string()) {
        let why =
            format!("{repository} is the fork that the pull request comes from: {}", handbook::FORK.why);
        return vec![Reason::with_why(&handbook::FORK, why)];
    }
    let wrong_name = Reason::with_why(
        &handbook::WRONG_NAME,
        format!(
            "the repository bitbucket.org/{repository} does not exist, or it is private and this credential may not see it: Bitbucket gives the same answer for both"
        ),
    );
    let kind = response.header("x-credential-type").unwrap_or_default();
    let reach = |kind| {
        Reason {
        why: format!(
            "a {kind} access token only reaches the repositories of its {kind}; {repository} may not be one of them"
        )
        .into(),
        remedy: "use a token that was created in this repository, or in its project or workspace; or an API token"
            .into(),
        trouble: Some(&handbook::OTHER_REPOSITORY),
    }
    };
    match credential {
        CredentialKind::ApiToken { .. } => vec![wrong_name],
        CredentialKind::AccessToken { .. } if kind.starts_with("project") => {
            vec![reach("project"), wrong_name]
        }
        CredentialKind::AccessToken { .. } if kind.starts_with("workspace") => {
            vec![wrong_name, reach("workspace")]
        }
        CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy => {
            vec![Reason::from(&handbook::OTHER_REPOSITORY), wrong_name]
        }
        CredentialKind::OauthConsumer { .. } => vec![wrong_name, Reason::from(&handbook::OTHER_WORKSPACE)],
    }
}

fn explain_rate_limit(response: &Response, credential: &CredentialKind) -> Explanation {
    let trouble = &handbook::RATE_LIMIT;
    let limit = response.header("x-ratelimit-limit").and_then(in_digits);
    match (credential, limit) {
        (CredentialKind::AccessToken { .. }, Some(limit)) => {
            let why = format!(
                "the allowance of this access token is used up ({limit} requests an hour); {}",
                trouble.why
            );
            Reason::with_why(trouble, why).into()
        }
        _ => Reason::from(trouble).into(),
    }
}

#[cfg(test)]
mod tests;
