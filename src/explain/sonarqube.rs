//! Why SonarQube refused a request. <https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens>

use reqwest::{
    Url,
    header::{LOCATION, WWW_AUTHENTICATE},
};
use serde_json::Value;

use crate::{
    explain::{
        explanation::{Diagnosis, Explanation, ServiceGuide},
        network,
    },
    http::{
        failed_request::{Cause, Service},
        transport::Response,
    },
    model::analysis::{AddressOrigin, ServerAddress},
    sonarqube::refusal::{Refusal, TimeLimit},
};

const GUIDE: ServiceGuide = ServiceGuide {
    service: Service::SonarQube,
    address: "SONAR_HOST_URL",
    asked: "SONAR_HOST_URL",
    roots: "SONAR_ROOT_CERT (PEM text) or SSL_CERT_FILE (a PEM file)",
    when_slow: "check whether SonarQube is up (its start page, or sonarcloudstatus.io) and run again; a higher TIMEOUT waits longer",
};

/// The same while an analysis is waited for.
const GUIDE_OF_WAIT: ServiceGuide = ServiceGuide {
    when_slow: "check whether SonarQube is up (its start page, or sonarcloudstatus.io) and run again; a higher SONAR_TIMEOUT waits longer",
    ..GUIDE
};

/// Explains a refusal.
pub(crate) fn explain(refusal: &Refusal) -> Explanation {
    let Diagnosed { diagnosis, concerns_address } = diagnose(refusal);
    let mut explanation = Explanation::from(diagnosis);
    explanation.address = concerns_address.then(|| origin_of(&refusal.address)).flatten();
    explanation.with_pause_of(&refusal.failed, refusal.limit)
}

/// Why there is no verdict, in a short sentence for the reviewers of the commit.
pub(crate) fn for_commit(refusal: &Refusal) -> String {
    format!("No verdict: {}", diagnose(refusal).diagnosis.sentence)
}

/// What is known of a refusal.
struct Diagnosed {
    diagnosis: Diagnosis,
    /// Whether another address may be the remedy.
    concerns_address: bool,
}

/// The one classification of refusals: the log and the commit get their words from it.
fn diagnose(refusal: &Refusal) -> Diagnosed {
    let Refusal { failed, limit, purpose: _, has_token: _, address } = refusal;
    let guide = match limit {
        TimeLimit::Question => GUIDE,
        TimeLimit::Analysis => GUIDE_OF_WAIT,
    };
    let asked = match address.origin {
        AddressOrigin::Variable => "SONAR_HOST_URL",
        AddressOrigin::File => "serverUrl of report-task.txt",
        AddressOrigin::Default => "the default without SONAR_HOST_URL",
    };
    let guide = ServiceGuide { asked, ..guide };
    let of_address = |diagnosis| Diagnosed { diagnosis, concerns_address: true };
    match &failed.cause {
        Cause::Refused(response) if network::is_redirect(response) => {
            of_address(network::explain_redirect(response, &failed.url, guide))
        }
        // SonarQube's API sends no pages.
        Cause::Refused(response) | Cause::Unusable(response, _) if response.body.is_html() => {
            of_address(network::explain_other_answer(response, guide))
        }
        Cause::Refused(response) => explain_answer(response, refusal),
        Cause::Unusable(_, wrong) => of_address(network::explain_unusable(wrong, guide)),
        Cause::NoResponse(failure) => of_address(network::explain_failure(failure, &failed.url, guide)),
    }
}

/// Where the address comes from, when that is not `SONAR_HOST_URL` alone.
fn origin_of(address: &ServerAddress) -> Option<String> {
    let ServerAddress { url, origin, reported } = address;
    let (url, reported) = (server_part(url), reported.as_ref().map(server_part));
    match (origin, reported) {
        (AddressOrigin::File, _) => Some(format!(
            "{url} comes from serverUrl of report-task.txt; pass SONAR_HOST_URL if SonarQube has another address for this machine"
        )),
        (AddressOrigin::Variable, Some(reported)) => {
            Some(format!("{url} comes from SONAR_HOST_URL; serverUrl of report-task.txt is {reported}"))
        }
        (AddressOrigin::Variable, None) => None,
        (AddressOrigin::Default, _) => {
            Some(format!("{url} is the default; pass SONAR_HOST_URL if it is another server"))
        }
    }
}

fn explain_answer(response: &Response, refusal: &Refusal) -> Diagnosed {
    let status_code = response.status_code.as_u16();
    let of_address = |diagnosis| Diagnosed { diagnosis, concerns_address: true };
    let other = |diagnosis| Diagnosed { diagnosis, concerns_address: false };
    match status_code {
        400 if network::says_https_is_wanted(&response.body.text()) => {
            of_address(network::https_wanted(GUIDE))
        }
        401 | 407 if is_of_gateway(response) => of_address(network::explain_other_answer(response, GUIDE)),
        401 | 403 if !refusal.has_token => other(Diagnosis::of(
            "SonarQube requires a token",
            "SonarQube requires a token for this",
            "pass SONAR_TOKEN; if a secured variable holds it, check that the pipe's `variables:` names it",
        )),
        401 => of_address(Diagnosis::of(
            "SonarQube does not accept this pipeline's token",
            "SonarQube does not accept SONAR_TOKEN: it has expired, was revoked, belongs to another server, or was copied incompletely",
            format!(
                "create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN; check that it belongs to the server {}",
                server_part(&refusal.address.url)
            ),
        )),
        403 => other(Diagnosis::of(
            "this pipeline's token may not read the analysis in SonarQube",
            "the token may not read this: its account needs 'Execute Analysis' or 'Browse' on the project, and a project analysis token only reads its own project",
            "use the token that the scanner uses, or the token of an account with these permissions (Project Settings > Permissions)",
        )),
        404 => explain_not_found(response, &refusal.address.url),
        410 => other(Diagnosis::of(
            "SonarQube has removed the operation that tells the verdict",
            "SonarQube has removed this operation",
            "use the newest version of Gatepost",
        )),
        429 => other(Diagnosis::of(
            "SonarQube receives too many requests",
            "SonarQube received too many requests",
            "run again later",
        )),
        500..=599 | 408 | 409 | 425 => of_address(Diagnosis::of(
            match status_code {
                500 => "SonarQube has an error (500)".to_owned(),
                409 => "SonarQube is busy (409)".to_owned(),
                _ => format!("SonarQube is down ({status_code})"),
            },
            "SonarQube is starting, is being upgraded, or has an error",
            format!(
                "check its start page and its log, and run again; a higher {} waits longer",
                refusal.limit
            ),
        )),
        400 if response.body.words().contains("analysisId") => other(Diagnosis::of(
            "SonarQube does not accept the name of the analysis",
            "SonarQube does not accept the analysis that its task names",
            "run the scanner again, and use the newest version of Gatepost",
        )),
        400 => other(Diagnosis::of(
            "SonarQube does not accept a name of the project, pull request or branch",
            "SonarQube does not accept a value of the request; the answer names it",
            "check SONAR_PROJECT_KEY, SONAR_PULL_REQUEST and SONAR_BRANCH, and use the newest version of Gatepost",
        )),
        _ => of_address(Diagnosis::of(
            format!("SonarQube gives an answer that Gatepost does not know ({status_code})"),
            "Gatepost does not know this answer",
            "see the words of the answer; check that SONAR_HOST_URL is the address of SonarQube, base path included",
        )),
    }
}

/// Whether a refusal comes from something that stands before SonarQube and wants a login of its own. SonarQube sends no
/// challenge.
fn is_of_gateway(response: &Response) -> bool {
    response.status_code.as_u16() == 407
        || response.headers.contains_key(LOCATION)
        || response
            .header(WWW_AUTHENTICATE.as_str())
            .is_some_and(|challenge| !challenge.to_lowercase().contains("sonar"))
}

/// SonarQube's answers 404. Each has its own words: `TaskAction`, `ProjectStatusAction` and `ComponentFinder` of
/// <https://github.com/SonarSource/sonarqube>.
fn explain_not_found(response: &Response, server: &Url) -> Diagnosed {
    let words = &response.body.words();
    let of_address = |diagnosis| Diagnosed { diagnosis, concerns_address: true };
    if words.contains("No activity found for task") {
        return of_address(Diagnosis::of(
            "SonarQube does not know this analysis",
            "SonarQube does not have this task: it deletes old tasks, and another server has other tasks",
            "run the scanner again; check that report-task.txt is of this build and of this server",
        ));
    }
    if let Some(diagnosis) = unknown_analysed(words) {
        return Diagnosed { diagnosis, concerns_address: false };
    }
    if words.contains("Unknown url") || words.contains("Unknown URL") {
        return of_address(Diagnosis::of(
            "SonarQube is starting, or this is not its address",
            "SonarQube does not know the address: it is starting, it is too old or too new for this question, or a proxy rewrites the path",
            "run again when its start page is up; check SONAR_HOST_URL, base path included; use the newest version of Gatepost",
        ));
    }
    // SonarQube's own format, in words that are not known here.
    if response.body.json().is_some_and(|body| body.get("errors").is_some_and(Value::is_array)) {
        return Diagnosed {
            diagnosis: Diagnosis::of(
                "SonarQube does not have what was asked for",
                "SonarQube does not have what was asked for, or does not show it to this token; the answer names it",
                "run the scanner again, and use the newest version of Gatepost",
            ),
            concerns_address: false,
        };
    }
    of_address(Diagnosis::of(
        "another server answers in place of SonarQube",
        format!("the answer is not in SonarQube's words: there is no SonarQube at {}", server_part(server)),
        "check SONAR_HOST_URL: copy the address of SonarQube's start page, with the base path",
    ))
}

/// What SonarQube says of a pull request, a branch, an analysis or a project that it does not have.
fn unknown_analysed(words: &str) -> Option<Diagnosis> {
    let hidden = "or does not show it to this token";
    if words.contains("Pull request '") {
        return Some(Diagnosis::of(
            "SonarQube does not know this pull request",
            format!(
                "SonarQube has no analysis of this pull request, {hidden}; the Community Build has no pull requests"
            ),
            "check SONAR_PULL_REQUEST: it is the number with which the scanner ran (sonar.pullrequest.key); scan again if SonarQube deleted the pull request",
        ));
    }
    if words.contains("Branch '") {
        return Some(Diagnosis::of(
            "SonarQube does not know this branch",
            format!(
                "SonarQube has no analysis of this branch, {hidden}; the Community Build has the main branch only"
            ),
            "check SONAR_BRANCH: it is the name with which the scanner ran (sonar.branch.name); scan again if SonarQube deleted the branch",
        ));
    }
    if words.contains("Analysis with id") {
        return Some(Diagnosis::of(
            "SonarQube has deleted this analysis",
            "SonarQube knew this analysis and has deleted it: housekeeping keeps few analyses of a day, and a project may have been deleted",
            "run the scanner again, and ask for its verdict at once",
        ));
    }
    let is_of_project = words.contains("Project") || words.contains("Component");
    (is_of_project && words.contains("not found")).then(|| {
        Diagnosis::of(
            "SonarQube does not know this project",
            format!("SonarQube has no project with this key, {hidden}"),
            "check SONAR_PROJECT_KEY (Project Information shows the key), and that the token's account may browse the project; check the server as well",
        )
    })
}

/// The address as a user writes it: without a slash at its end.
fn server_part(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}
