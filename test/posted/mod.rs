//! Posted means: this status, on this commit, for everybody to see.
//!
//! Inputs that people met. Each test looks at the exit code, at what stands on the commit in the end, at the requests
//! where they tell something, and at what the log says.

mod answer;
mod check;
mod commit;
mod consumer;
mod consumer_refused;
mod key;
mod link;
mod network;
mod proxy;
mod renamed;
pub(crate) mod secrets;
mod stop;
mod targets;
mod trifles;
mod written;

use sandbox::Recorded;

use crate::run::{Folder, Gatepost, Run, Sandbox};

/// What one step of a team posts: the state of its tests.
fn tests(gatepost: Gatepost) -> Gatepost {
    gatepost.set("STATE", "SUCCESSFUL").set("KEY", "tests")
}

/// The same with the credential of a person, who sees forks, too.
fn as_person(gatepost: Gatepost) -> Gatepost {
    gatepost
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
}

/// The requests that want to write a status.
fn posts(sandbox: &Sandbox) -> Vec<Recorded> {
    let is_post = |request: &Recorded| request.method == "POST" && request.path.ends_with("/statuses/build");
    sandbox.requests().into_iter().filter(is_post).collect()
}

/// Key, state and refname of each status that stands on a commit.
fn standing(sandbox: &Sandbox, full_name: &str, commit: &str) -> Vec<(String, String, Option<String>)> {
    let statuses = sandbox.statuses(full_name, commit).into_iter();
    statuses.map(|status| (status.key, status.state, status.refname)).collect()
}

/// Checks that one status stands on a commit, with the key `tests` and this state.
fn assert_stands(sandbox: &Sandbox, full_name: &str, commit: &str, state: &str) {
    let standing = standing(sandbox, full_name, commit);
    let [(key, stands, _)] = &standing[..] else { panic!("one status should stand: {standing:?}") };
    assert_eq!((key.as_str(), stands.as_str()), ("tests", state));
}

/// Checks that no request wrote a status, wherever it went.
fn assert_nothing_posted(sandbox: &Sandbox, run: &Run) {
    let written = posts(sandbox).into_iter().find(|request| matches!(request.status, Some(200..=299)));
    assert!(written.is_none(), "{written:#?}\n{}", run.output);
    assert!(!run.output.contains("✔ posted"), "{}", run.output);
}

/// The last line, which says the outcome.
fn last_line(run: &Run) -> &str {
    run.output.trim_end().lines().last().unwrap_or_default()
}

/// Over TLS, which is what a proxy is used for.
fn over_https(gatepost: Gatepost, sandbox: &Sandbox, folder: &Folder) -> Gatepost {
    gatepost
        .set("BITBUCKET_API_URL", sandbox.https_url())
        .set("SSL_CERT_FILE", folder.write("root.pem", sandbox.root_certificate_pem().as_bytes()))
}

/// Checks that the variables were refused before anything was sent.
fn assert_refused_unsent(sandbox: &Sandbox, run: &Run, parts: &[&str]) {
    crate::run::assert_told(run, 2, parts);
    assert_eq!(sandbox.request_count(), 0, "{}", run.output);
}

/// The lines of warnings that name a variable.
fn warnings<'a>(run: &'a Run, variable: &str) -> Vec<&'a str> {
    run.output.lines().filter(|line| line.starts_with("! ") && line.contains(variable)).collect()
}
