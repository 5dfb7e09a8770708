//! The problems that the handbook explains: the variables, the whole log, the exit code and the number of requests.

mod commit;
mod credentials;
mod expired;
mod host;
mod repository;
mod requests;
mod scopes;
mod status;

use gatepost::explain::handbook::Trouble;

use crate::run::{Gatepost, Sandbox, in_pull_request_build};

/// Checks the exit code, the number of requests, and that the log has the remedies of the handbook; returns the log.
fn met(gatepost: &Gatepost, sandbox: &Sandbox, troubles: &[&Trouble], code: i32, requests: usize) -> String {
    let before = sandbox.requests().len();
    let run = gatepost.run();
    let told = run.told();
    assert_eq!((run.code, sandbox.requests().len() - before), (code, requests), "{told}");
    for trouble in troubles {
        let is_told = trouble.remedy.lines().all(|line| told.contains(line));
        assert!(is_told, "\"{}\" is not told in\n{told}", trouble.title);
    }
    told
}

fn with_api_token(sandbox: &Sandbox, token: &str) -> Gatepost {
    in_pull_request_build(sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", token)
}
