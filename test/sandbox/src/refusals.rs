//! The answers with which the service says no.
//!
//! Each is named after its reason. The comment above a body says where that body was seen; "assumed" means
//! that nobody has published it, and that it follows the shape of its neighbours.

use serde_json::{Value, json};

use crate::message::{Answer, Request};
use crate::server::UNKNOWN;

/// What is wrong with one field of a body.
pub(crate) type Problem = (&'static str, String);

fn error(status: u16, error: &Value) -> Answer {
    Answer::json(status, &json!({ "type": "error", "error": error }))
}

fn message(status: u16, message: &str) -> Answer {
    error(status, &json!({ "message": message }))
}

/// A body that is not what the operation asks for. Observed with this message in `NixOS/hydra` #493, with
/// `fields` beside it.
pub(crate) fn bad_request() -> Answer {
    message(400, "Bad request")
}

/// Fields that break a rule. Observed with one field in `buildbot/buildbot` #7049. With several, the old
/// collective message of `NixOS/hydra` #493 is assumed.
pub(crate) fn bad_fields(problems: &[Problem]) -> Answer {
    let summary = match problems {
        [(field, problem)] => format!("{field}: {problem}"),
        _ => "Bad request".to_owned(),
    };
    let mut fields = serde_json::Map::new();
    for (field, problem) in problems {
        fields.insert((*field).to_owned(), json!([problem]));
    }
    error(400, &json!({ "message": summary, "fields": fields }))
}

/// A `page` or `pagelen` out of range. Assumed.
pub(crate) fn bad_page(parameter: &str) -> Answer {
    message(400, &format!("Invalid {parameter}"))
}

/// The back end of Code Insights has an envelope of its own. Observed in
/// `mc1arke/sonarqube-community-branch-plugin` #209.
pub(crate) fn insights(code: u16, message: &str) -> Answer {
    Answer::json(code, &json!({ "code": code, "message": message }))
}

/// No credential that could be read.
/// <https://support.atlassian.com/bitbucket-cloud/kb/getting-401-http-error-while-authenticating-to-bitbucket-cloud-rest-apis/>
pub(crate) fn unauthenticated() -> Answer {
    Answer::empty(401).with("www-authenticate", r#"Basic realm="Bitbucket.org HTTP""#)
}

/// An account whose organization keeps its API tokens out, although git and other workspaces let them in. The
/// header was seen in such a case, in thread 3149693 of Atlassian's community; that a policy was the reason, and
/// that it is answered so, is assumed.
pub(crate) fn kept_out() -> Answer {
    Answer::empty(401).with("www-authenticate", "BitbucketCustom realm=Bitbucket.org HTTP")
}

/// A token that does not count: unknown, expired, revoked, without scopes, or sent the wrong way.
/// Observed in `avivsinai/bitbucket-cli` #174.
pub(crate) fn token_rejected() -> Answer {
    message(401, "Token is invalid, expired, or not supported for this endpoint.")
}

/// The end of a consumer's token. Observed in `lemurheavy/coveralls-public` #1541.
pub(crate) fn token_expired() -> Answer {
    message(401, "Access token expired.")
}

/// No token for a consumer, in the envelope of OAuth:
/// <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>. Where Bitbucket's own words were seen is said where they
/// are used; that each comes with 400 is what the tests of `SonarSource/sonarqube` (`BitbucketCloudRestClient`) and
/// `drone/go-scm` (`Refresher`) expect.
pub(crate) fn no_grant(error: &str, description: &str) -> Answer {
    Answer::json(400, &json!({ "error_description": description, "error": error }))
}

/// A repository has another name now. That it comes without a body is assumed.
pub(crate) fn moved(location: &str) -> Answer {
    Answer::empty(301).with("location", location)
}

/// A repository that takes no writes for the moment:
/// <https://support.atlassian.com/bitbucket-cloud/docs/why-is-my-repository-in-read-only-mode/>. The code and the
/// words are assumed from that page.
pub(crate) fn read_only() -> Answer {
    message(409, "This repository is in read-only mode. Please try again in a little while.")
}

/// An archived repository. Assumed.
pub(crate) fn archived() -> Answer {
    message(403, "This repository is archived. Archived repositories are read only.")
}

/// A workspace with more users than it pays for. The sentence is that for a push, in issue 7441 of
/// `bitbucket.org/site/master`; the code is assumed.
pub(crate) fn over_user_limit() -> Answer {
    message(
        402,
        "The account owner has exceeded their user limit - write access is disabled to the repository.",
    )
}

/// Any refusal in Bitbucket's envelope.
pub(crate) fn refusal(status: u16, sentence: &str) -> Answer {
    message(status, sentence)
}

/// A scope is lacking. Observed in `pingdotgg/t3code` #6290 (API token) and `backstage/backstage` #22383
/// (classic scopes).
pub(crate) fn scope_missing(required: &str, granted: &[String]) -> Answer {
    error(
        403,
        &json!({
            "message": "Your credentials lack one or more required privilege scopes.",
            "detail": { "required": [required], "granted": granted },
        }),
    )
}

/// The plain refusal. Observed in `avivsinai/bitbucket-cli` #30 for addresses without `/2.0`; assumed for
/// whoever overwrites another's status.
pub(crate) fn forbidden() -> Answer {
    message(403, "Forbidden")
}

/// An operation that the kind of credential cannot use.
/// <https://support.atlassian.com/bitbucket-cloud/kb/this-api-is-not-accessible-by-this-authentication-mechanism/>
pub(crate) fn wrong_mechanism() -> Answer {
    message(403, "This API is not accessible by this authentication mechanism")
}

/// The message was seen by several clients; the envelope is assumed.
pub(crate) fn no_workspace(workspace: &str) -> Answer {
    message(404, &format!("No workspace with identifier '{workspace}'."))
}

/// One answer for what does not exist and for what may not be seen; `badges/shields` #8520 saw the change
/// from 403 to 404.
pub(crate) fn no_repository() -> Answer {
    message(
        404,
        "You may not have access to this repository or it no longer exists in this workspace. \
         If you think this repository exists and you have access, make sure you are authenticated.",
    )
}

/// Observed with `data` both inside and beside `error`, on the source endpoint (live answer of August 2026).
pub(crate) fn no_commit(asked: &str) -> Answer {
    let data = json!({ "shas": [asked] });
    Answer::json(
        404,
        &json!({ "type": "error", "error": { "message": "Commit not found", "data": data }, "data": data }),
    )
}

/// A branch, pull request, status that is not there. Documented as 404; the message is assumed.
pub(crate) fn not_found(what: &str) -> Answer {
    message(404, &format!("{what} not found"))
}

/// The path of another product, or of another version. Observed in `atlassian-api/atlassian-python-api`
/// #1471.
pub(crate) fn no_api_here() -> Answer {
    error(
        404,
        &json!({
            "message": "Resource not found",
            "detail": "There is no API hosted at this URL.\n\nFor information about our API's, please refer to the \
                       documentation at: https://developer.atlassian.com/bitbucket/api/2/reference/",
        }),
    )
}

/// App passwords ended on 2026-07-28 (CHANGE-3222). The shape is that of CHANGE-2770, the only removal whose
/// REST answer was seen.
pub(crate) fn app_passwords_are_gone() -> Answer {
    let announcement = "https://developer.atlassian.com/cloud/bitbucket/changelog#CHANGE-3222";
    let data = json!({ "announcement_url": announcement });
    Answer::json(
        410,
        &json!({
            "type": "error",
            "error": {
                "message": "CHANGE-3222 - Functionality has been deprecated",
                "detail": "Please read the changelog entry for more details.",
                "data": data,
            },
            "data": data,
        }),
    )
}

/// No JSON, and no `Retry-After`. Observed in `MitjaBezensek/SharpBucket` #108 and
/// `jenkinsci/bitbucket-branch-source-plugin` #414.
pub(crate) fn rate_limited() -> Answer {
    Answer::text(429, "Rate limit for this resource has been exceeded")
}

/// A failure of the service's own. Observed as 500 with a Python message in older reports; the present text
/// is assumed.
pub(crate) fn broken() -> Answer {
    message(500, "Something went wrong")
}

/// No answer of Bitbucket's: the sandbox does not know this request, and says so instead of guessing.
pub(crate) fn unknown(request: &Request) -> Answer {
    let text = format!("the sandbox does not know {} {}", request.method, request.path_and_query());
    message(UNKNOWN, &text)
}
