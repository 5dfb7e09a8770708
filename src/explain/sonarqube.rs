//! Why SonarQube refused a request. <https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens>

use reqwest::StatusCode;

use crate::{
    explain::{
        explanation::{Explanation, ServiceGuide},
        network,
    },
    http::failed_request::Cause,
    sonarqube::refusal::Refusal,
};

const GUIDE: ServiceGuide = ServiceGuide {
    address: "SONAR_HOST_URL",
    roots: "SONAR_ROOT_CERT (PEM text) or SSL_CERT_FILE (a PEM file)",
    when_slow: "check whether SonarQube is up (its start page, or sonarcloudstatus.io) and run again; a higher TIMEOUT waits longer",
};

/// Explains a refusal.
pub(crate) fn explain(refusal: &Refusal) -> Explanation {
    let Refusal { failed, has_token, purpose: _, address: _ } = refusal;
    let explanation = match &failed.cause {
        Cause::Refused(response) if network::is_redirect(response) => {
            network::explain_redirect(response, &failed.url, GUIDE)
        }
        Cause::Refused(response) => explain_status_code(response.status_code, *has_token),
        Cause::Unusable(_, wrong) => network::explain_unusable(wrong, GUIDE),
        Cause::NoResponse(failure) => network::explain_failure(failure, &failed.url, GUIDE),
    };
    explanation.with_pause_of(failed)
}

/// Why there is no verdict, in a short sentence for the reviewers of the commit.
pub(crate) fn for_commit(refusal: &Refusal) -> String {
    format!("No verdict of SonarQube: {refusal}")
}

fn explain_status_code(status_code: StatusCode, has_token: bool) -> Explanation {
    match status_code.as_u16() {
        401 | 403 if !has_token => Explanation::of(
            "SonarQube requires a token for this",
            "pass SONAR_TOKEN; if a secured variable holds it, check that the pipe's `variables:` names it",
        ),
        401 => Explanation::of(
            "SonarQube does not accept SONAR_TOKEN: it has expired, was revoked, belongs to another server, or was copied incompletely",
            "create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN; check that it belongs to the server at SONAR_HOST_URL",
        ),
        403 => Explanation::of(
            "the token may not read this: its account needs 'Execute Analysis' or 'Browse' on the project, and a project analysis token only reads its own project",
            "use the token that the scanner uses, or the token of an account with these permissions (Project Settings > Permissions)",
        ),
        404 => Explanation::of(
            "SonarQube does not know the task, project, branch or pull request, or does not show it to this token; or the address lacks the base path of the server",
            "check SONAR_HOST_URL (base path included), SONAR_PROJECT_KEY, SONAR_PULL_REQUEST and SONAR_BRANCH; SonarQube deletes old tasks, and the Community Build does not have pull requests",
        ),
        429 => Explanation::of("SonarQube received too many requests", "run again later"),
        500..=599 | 408 | 425 => Explanation::of(
            "SonarQube is starting, is being upgraded, or has an error",
            "check its start page and its log, and run again; a higher TIMEOUT waits longer",
        ),
        _ => Explanation::of(
            "Gatepost does not know this answer",
            "see the words of the answer; check that SONAR_HOST_URL is the address of SonarQube, base path included",
        ),
    }
}
