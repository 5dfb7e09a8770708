//! The answers with which SonarQube says no. All but 401 have the same shape, as `WebServiceEngine.java`
//! writes it.

use serde_json::json;

use crate::message::{Answer, Request};
use crate::server::UNKNOWN;

fn error(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "errors": [{ "msg": message }] }))
}

/// Without a body: `UserSessionInitializer.java` sets the status and nothing else.
pub(crate) fn unauthenticated() -> Answer {
    Answer::empty(401)
}

/// Observed in `adnovum/sonar-build-breaker` #54 and many others.
pub(crate) fn forbidden() -> Answer {
    error(403, "Insufficient privileges")
}

/// A parameter that is missing, or has a value that it cannot have.
pub(crate) fn bad_request(message: &str) -> Answer {
    error(400, message)
}

/// `Request.java` of `SonarSource/sonar-plugin-api`.
pub(crate) fn parameter_missing(name: &str) -> Answer {
    bad_request(&format!("The '{name}' parameter is missing"))
}

/// Something that is not there, or that may not be known to be there.
pub(crate) fn not_found(message: &str) -> Answer {
    error(404, message)
}

/// A web service that this version does not have: `SonarSource/sonar-scanner-msbuild` quotes it.
pub(crate) fn no_such_service(path: &str) -> Answer {
    not_found(&format!("Unknown url : {path}"))
}

/// A web service that was removed after it had been announced. Assumed: none was seen to end so yet.
pub(crate) fn gone(path: &str) -> Answer {
    error(410, &format!("{path} is no longer available"))
}

/// No answer of SonarQube's: the sandbox does not know this request, and says so instead of guessing.
pub(crate) fn unknown(request: &Request) -> Answer {
    error(UNKNOWN, &format!("the sandbox does not know {} {}", request.method, request.path_and_query()))
}
