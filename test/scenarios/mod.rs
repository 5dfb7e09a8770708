//! The troubles that Gatepost exists for, each as its users meet it: what they set, all that they are told, how
//! the run ends, and how many requests it made. Each is told in the words of the handbook.

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

/// Runs to an exit code with that many requests, and checks that the handbook's remedies were told.
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
