//! A repository that has another name now.

use super::{assert_nothing_posted, standing, tests};
use crate::run::{Fault, Gatepost, Sandbox, acme, assert_told, by_hand, in_branch_build};

fn head(sandbox: &Sandbox, full_name: &str) -> String {
    sandbox.head(full_name, "main")
}

/// To publish, and to check.
fn both_modes(gatepost: &Gatepost) -> [Gatepost; 2] {
    [gatepost.clone(), gatepost.clone().set("MODE", "check")]
}

#[test]
fn the_new_name_is_told_when_publishing_and_when_checking() {
    let sandbox = acme();
    let commit = head(&sandbox, "acme/api");
    let gatepost = tests(by_hand(&sandbox)).set("COMMIT", &commit);
    sandbox.world(|world| {
        world.rename_repository("acme/api", "acme/new-name");
    });
    for gatepost in both_modes(&gatepost) {
        let run = gatepost.run();
        assert_told(&run, 4, &["acme/api", "acme/new-name", "301 Moved Permanently", "REPO_SLUG"]);
        assert_nothing_posted(&sandbox, &run);
    }
    // The redirect is not followed: POST would become GET.
    assert!(sandbox.requests().iter().all(|request| request.path.contains("/acme/api")));
    assert_eq!(standing(&sandbox, "acme/new-name", &commit), []);
}

#[test]
fn a_lookup_is_told_the_same() {
    let sandbox = acme();
    sandbox.world(|world| {
        world.rename_repository("acme/api", "acme/new-name");
    });
    for (variable, value) in [("PULL_REQUEST", "7"), ("BRANCH", "main")] {
        let run = tests(by_hand(&sandbox)).set(variable, value).run();
        assert_told(&run, 4, &["acme/new-name"]);
        assert_nothing_posted(&sandbox, &run);
    }
}

#[test]
fn a_path_alone_is_an_address_of_the_same_host() {
    let sandbox = acme();
    let commit = head(&sandbox, "acme/api");
    let path = format!("/2.0/repositories/acme/shop-new/commit/{commit}/statuses/build");
    sandbox.fault(Fault::moved(&path));
    let run = tests(in_branch_build(&sandbox)).run();
    assert_told(&run, 4, &["acme/shop-new"]);
    assert_eq!(sandbox.request_count(), 1);
}

/// Only Bitbucket knows the names of its repositories.
#[test]
fn a_redirect_that_names_no_repository_of_this_host_tells_no_new_name() {
    let elsewhere = acme();
    let to_another_host =
        format!("http://localhost:{}/2.0/repositories/acme/shop-new", elsewhere.http_port());
    for location in [&to_another_host, "/login?next=/2.0/repositories/acme/shop-new", "/2.0/user", ""] {
        let sandbox = acme();
        sandbox.fault(Fault::moved(location));
        let run = tests(in_branch_build(&sandbox)).run();
        assert_told(&run, 4, &["301 Moved Permanently"]);
        assert!(!run.output.contains("has the name"), "{}", run.output);
        assert_nothing_posted(&sandbox, &run);
    }
    assert_eq!(elsewhere.request_count(), 0);
}

#[test]
fn an_answer_with_another_full_name_is_a_warning() {
    let sandbox = acme();
    let commit = head(&sandbox, "acme/api");
    let gatepost = tests(by_hand(&sandbox)).set("COMMIT", &commit);
    sandbox.world(|world| {
        world.rename_repository_silently("acme/api", "acme/new-name");
    });
    let run = gatepost.run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    let is_warned = run.output.lines().any(|line| line.starts_with("! ") && line.contains("acme/new-name"));
    assert!(is_warned, "{}", run.output);
    assert_eq!(standing(&sandbox, "acme/new-name", &commit).len(), 1);
    let check = gatepost.set("MODE", "check").run();
    assert_told(&check, 0, &["acme/new-name"]);
}

#[test]
fn the_full_name_that_was_asked_for_is_no_warning() {
    let sandbox = acme();
    let run = tests(in_branch_build(&sandbox)).run();
    assert_told(&run, 0, &[]);
    assert!(!run.output.lines().any(|line| line.starts_with("! ")), "{}", run.output);
}
