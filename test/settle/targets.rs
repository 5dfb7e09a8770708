//! A list of targets is settled, each by itself.

use std::time::Duration;

use sandbox::{Fault, Status, WORKSPACE_TOKEN, service, timestamp};
use serde_json::{Value, json};

use super::{HOUR, counted};
use crate::run::{Folder, Gatepost, Sandbox, World, assert_told, bare, over_list, stopped_by};

/// So many repositories, each with an old `INPROGRESS` on its pull request, a young one, and an old red one.
fn fleet(count: usize) -> Sandbox {
    let mut world = World::fleet(count);
    world.at_present();
    let author = world.account_of(WORKSPACE_TOKEN);
    for number in 1..=count {
        let full_name = format!("acme/{}", service(number));
        for (key, state, age) in
            [("sonar", "INPROGRESS", 30), ("young", "INPROGRESS", 1), ("red", "FAILED", 30)]
        {
            let written = timestamp(std::time::SystemTime::now() - age * HOUR);
            let status = Status {
                commit: world.head(&full_name, "feature/change"),
                key: key.to_owned(),
                state: state.to_owned(),
                name: None,
                description: None,
                url: None,
                refname: None,
                author: author.clone(),
                created_on: written.clone(),
                updated_on: written,
            };
            world.add_status(&full_name, status);
        }
    }
    Sandbox::start(world)
}

fn settle(sandbox: &Sandbox, folder: &Folder, targets: &Value) -> Gatepost {
    over_list(sandbox, folder, targets).set("MODE", "settle").set("STATE", "STOPPED").set("SETTLE_KEYS", "*")
}

/// The heads of pull requests, as the nightly list has them: with a project of SonarQube that is not asked.
fn heads(sandbox: &Sandbox, count: usize) -> Value {
    let head = |number| {
        let slug = service(number);
        let commit = sandbox.head(&format!("acme/{slug}"), "feature/change");
        json!({ "repo_slug": slug, "commit": commit, "branch": "feature/change",
            "sonar_project_key": format!("acme_{slug}"), "sonar_pull_request": 1 })
    };
    (1..=count).map(head).collect()
}

fn states(sandbox: &Sandbox, number: usize) -> Vec<(String, String)> {
    let full_name = format!("acme/{}", service(number));
    let statuses = sandbox.statuses(&full_name, &sandbox.head(&full_name, "feature/change"));
    let mut states: Vec<_> = statuses.into_iter().map(|status| (status.key, status.state)).collect();
    states.sort();
    states
}

#[test]
fn a_whole_workspace_is_settled_once() {
    let (sandbox, folder) = (fleet(20), Folder::new());
    let gatepost = settle(&sandbox, &folder, &heads(&sandbox, 20))
        .set("RESULT_FILE", "results.jsonl")
        .set("CONCURRENCY", "4");
    let run = gatepost.run();
    assert_told(
        &run,
        0,
        &[
            "gatepost 0.1.0: INPROGRESS for 24 hours or longer is ended on 20 targets, 4 at once\n  keys:     *\n",
            "✔ acme/service-001 commit ",
            " key sonar: INPROGRESS is STOPPED now: 30 hours old, created by the access token \"Workspace access token\" on ",
            "✔ 20 targets: 20 statuses ended, 20 younger than SETTLE_AFTER\n",
        ],
    );
    let expected = [("red", "FAILED"), ("sonar", "STOPPED"), ("young", "INPROGRESS")];
    let expected = expected.map(|(key, state)| (key.to_owned(), state.to_owned()));
    assert!((1..=20).all(|number| states(&sandbox, number) == expected));
    assert_eq!(counted(&sandbox), (20, 20));
    assert_eq!(folder.read("results.jsonl").lines().count(), 20);
    assert_told(&gatepost.run(), 0, &["✔ 20 targets: 0 statuses ended, 20 younger than SETTLE_AFTER\n"]);
    assert_eq!(counted(&sandbox), (40, 20));
}

/// The settings of the nightly run of the documents: targets that are found, and a page.
fn nightly(sandbox: &Sandbox, folder: &Folder, repositories: &str) -> Gatepost {
    bare()
        .within(folder.path())
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("REPOSITORIES", repositories)
        .set("MODE", "settle")
        .set("STATE", "STOPPED")
        .set("SETTLE_KEYS", "*")
        .set("SUMMARY_FILE", "summary.md")
}

#[test]
fn sixty_repositories_are_settled_and_a_second_run_changes_nothing() {
    let (sandbox, folder) = (fleet(60), Folder::new());
    let gatepost = nightly(&sandbox, &folder, "service-*");
    assert_told(&gatepost.run(), 0, &["✔ 60 targets: 60 statuses ended, 60 younger than SETTLE_AFTER\n"]);
    // One list of repositories, one of pull requests for each, and one of statuses for each.
    assert_eq!(counted(&sandbox), (1 + 60 + 60, 60));
    let before: Vec<_> = (1..=60).map(|number| states(&sandbox, number)).collect();
    assert_told(&gatepost.run(), 0, &["✔ 60 targets: 0 statuses ended, 60 younger than SETTLE_AFTER\n"]);
    assert_eq!(counted(&sandbox), (2 * (1 + 60 + 60), 60));
    assert_eq!((1..=60).map(|number| states(&sandbox, number)).collect::<Vec<_>>(), before);
}

#[test]
fn the_page_of_a_run_that_settles_says_what_became_of_each_status() {
    let (sandbox, folder) = (fleet(3), Folder::new());
    sandbox.world(|world| {
        world.delete_repository("acme/service-002");
    });
    let gatepost = nightly(&sandbox, &folder, "service-001 service-002 service-003");
    let run = gatepost.clone().set("DRY_RUN", "true").run();
    assert_told(&run, 4, &["2 statuses printed (DRY_RUN)"]);
    let page = folder.read("summary.md");
    assert!(page.contains("**DRY\\_RUN: nothing was posted.**"), "{page}");
    assert!(page.contains("| INPROGRESS | sonar | printed: 30 hours old, created by "), "{page}");
    assert_told(
        &gatepost.run(),
        4,
        &["✖ 2 targets: 2 statuses ended, 2 younger than SETTLE_AFTER; 1 repository could not be read\n"],
    );
    let page = folder.read("summary.md");
    let parts = [
        "# Gatepost: 2 targets\n",
        "- Ended: **2**\n",
        "- Targets: acme/service-002\n",
        "## Left out: 1\n",
        "## Ended: 2\n",
        "| acme/service-001 | [pull request 1](https://bitbucket.org/acme/service-001/pull-requests/1) | STOPPED | sonar | ended: 30 hours old, created by the access token ",
        "## Left as it is: 2\n",
        "| INPROGRESS | young | stays: it is younger than SETTLE\\_AFTER: 60 minutes old, created by ",
    ];
    let mut rest = &*page;
    for part in parts {
        let Some(at) = rest.find(part) else { panic!("no {part:?} in order in {page}") };
        rest = &rest[at..];
    }
    // Nothing is left to end with this key.
    assert_eq!(gatepost.set("SETTLE_KEYS", "sonar").run().code, 4);
    let page = folder.read("summary.md");
    assert!(page.contains("## No status to end: 2\n"), "{page}");
}

#[test]
fn the_page_of_a_stopped_run_says_what_was_not_settled() {
    let (sandbox, folder) = (fleet(3), Folder::new());
    sandbox.fault_after(1 + 3 + 3, Fault::Silent);
    let gatepost = nightly(&sandbox, &folder, "service-*").set("CONCURRENCY", "1");
    let run = stopped_by("-TERM", &gatepost, || sandbox.request_count() > 1 + 3 + 3);
    assert_eq!(run.code, 143, "{}", run.output);
    let page = folder.read("summary.md");
    for part in [
        "**The run was stopped before its end.**",
        "not known to be ended",
        "## Not finished when the run was stopped: ",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
}

/// A title or a link that is not there is made up, because Bitbucket may ask for one.
#[test]
fn a_status_without_title_and_link_gets_some() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    assert_eq!(settle(&sandbox, &folder, &heads(&sandbox, 1)).run().code, 0);
    let full_name = format!("acme/{}", service(1));
    let commit = sandbox.head(&full_name, "feature/change");
    let status =
        sandbox.statuses(&full_name, &commit).into_iter().find(|status| status.key == "sonar").unwrap();
    let link = format!("https://bitbucket.org/{full_name}/commits/{}", &commit[..12]);
    assert_eq!((status.name.as_deref(), status.url), (Some("sonar"), Some(link)));
}

#[test]
fn a_failed_target_does_not_stop_the_others() {
    let (sandbox, folder) = (fleet(3), Folder::new());
    let mut targets = heads(&sandbox, 3);
    targets[1]["commit"] = json!("0123456789ab");
    let run = settle(&sandbox, &folder, &targets).run();
    assert_told(
        &run,
        4,
        &[
            "✖ acme/service-002 commit 0123456789ab: failed to list the statuses of commit 0123456789ab",
            "✖ 3 targets: 2 statuses ended, 2 younger than SETTLE_AFTER, 1 target without a list of statuses\n",
        ],
    );
    assert_eq!(states(&sandbox, 3)[1], ("sonar".to_owned(), "STOPPED".to_owned()));
}

/// Two targets turn out to be one commit when they are looked up.
#[test]
fn one_commit_of_two_targets_is_ended_once() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let commit = sandbox.head("acme/service-001", "feature/change");
    let targets = json!([
        { "repo_slug": "service-001", "pull_request": 1 },
        { "repo_slug": "service-001", "branch": "feature/change" },
        { "repo_slug": "service-001", "commit": commit },
    ]);
    let run = settle(&sandbox, &folder, &targets).run();
    assert_told(&run, 0, &["3 targets: 1 status ended, 3 younger than SETTLE_AFTER"]);
    assert_eq!(counted(&sandbox).1, 1);
}

#[test]
fn one_commit_that_is_to_end_in_two_ways_is_told() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let targets = json!([
        { "repo_slug": "service-001", "pull_request": 1 },
        { "repo_slug": "service-001", "branch": "feature/change", "state": "failed" },
    ]);
    let gatepost = settle(&sandbox, &folder, &targets)
        .set("CONCURRENCY", "1")
        .set("RESULT_FILE", "results.jsonl")
        .set("SUMMARY_FILE", "summary.md");
    assert_told(
        &gatepost.run(),
        4,
        &[
            "it does not become FAILED: another target of this run is the same commit, and ends it as STOPPED\n",
            "to do:    give both targets the same STATE, or remove one of them\n",
            "✖ 2 targets: 1 status ended, 2 younger than SETTLE_AFTER, 1 not ended\n",
        ],
    );
    assert_eq!(counted(&sandbox).1, 1);
    assert_eq!(states(&sandbox, 1)[1], ("sonar".to_owned(), "STOPPED".to_owned()));
    assert!(
        folder
            .read("results.jsonl")
            .contains("another target of this run is the same status with another content")
    );
    assert!(
        folder
            .read("summary.md")
            .contains("not ended: another target of this run is the same commit, and ends it as STOPPED")
    );
}

/// A search sends one request for each repository. Bitbucket allows 1,000 requests an hour.
#[test]
fn a_run_that_needs_more_than_the_allowance_says_so() {
    let (sandbox, folder) = (Sandbox::start(World::fleet(251)), Folder::new());
    let gatepost = nightly(&sandbox, &folder, "service-*").set("TARGETS_FROM", "main-branches");
    let run = stopped_by("-TERM", &gatepost, || sandbox.request_count() >= 10);
    // For each: one of the search, the branch, the list, and a status that is ended.
    assert_told(&run, 143, &["! the run needs up to 1004 requests"]);
}

/// Without `SETTLE_KEYS`, each target ends the status that a run which publishes would replace.
#[test]
fn each_target_has_its_own_key() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let targets = json!([
        { "repo_slug": "service-001", "branch": "feature/change", "key": "sonar" },
        { "repo_slug": "service-002", "branch": "feature/change", "key": "red", "state": "passed" },
    ]);
    let gatepost =
        settle(&sandbox, &folder, &targets).unset("SETTLE_KEYS").set("SETTLE_STATES", "INPROGRESS,FAILED");
    assert_told(
        &gatepost.run(),
        0,
        &["  keys:     the KEY of each target\n", "✔ 2 targets: 2 statuses ended\n"],
    );
    assert_eq!(states(&sandbox, 1)[1].1, "STOPPED");
    assert_eq!(states(&sandbox, 2)[0], ("red".to_owned(), "SUCCESSFUL".to_owned()));
}

/// The throttle of the credential makes all targets wait, and each is read again before it is ended.
#[test]
fn a_rate_limit_pauses_all_targets() {
    let (sandbox, folder) = (fleet(10), Folder::new());
    sandbox.fault_after(12, Fault::rate_limited_with("2"));
    let run = settle(&sandbox, &folder, &heads(&sandbox, 10)).run();
    assert_told(&run, 0, &["Bitbucket answered 429", "✔ 10 targets: 10 statuses ended, 10 younger"]);
    assert!(run.took > Duration::from_secs(2), "{:?}", run.took);
    let posts = counted(&sandbox).1;
    assert!((10..=11).contains(&posts), "{posts}");
}

#[test]
fn the_steps_of_a_parallel_group_share_the_targets() {
    let (sandbox, folder) = (fleet(3), Folder::new());
    let step = settle(&sandbox, &folder, &heads(&sandbox, 3))
        .set("SPLIT", "true")
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "2");
    let first = step.clone().set("BITBUCKET_PARALLEL_STEP", "0").run();
    let share = "✔ 2 of 3 targets, the rest belongs to the other steps: 2 statuses ended, 2 younger than SETTLE_AFTER\n";
    assert_told(&first, 0, &["step 1 of 2 of the parallel group: 2 of 3 targets\n", share]);
    assert_told(&step.set("BITBUCKET_PARALLEL_STEP", "1").run(), 0, &["1 of 3 targets"]);
    assert_eq!(counted(&sandbox), (3, 3));
}
