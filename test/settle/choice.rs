//! Which statuses are ended, and how they look then.

use serde_json::{Value, json};

use sandbox::API_TOKEN;

use super::{BRANCH, HOUR, counted, leave, left, pair, present, requests, settle, standing};
use crate::run::{Folder, assert_told, in_pull_request_build};

#[test]
fn an_old_inprogress_gets_the_state_that_the_user_names() {
    let sandbox = present();
    leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR), ("lint", "INPROGRESS", 26 * HOUR)]);
    let run = settle(&sandbox).run();
    let told = run.told().replace(&day(26), "DAY");
    insta::assert_snapshot!(told, @r#"
    gatepost 0.1.0: INPROGRESS for 24 hours or longer becomes STOPPED on acme/api commit 94277cd267a8 with the access token (BITBUCKET_ACCESS_TOKEN)
      keys:     sonar
    ✔ key sonar, branch feature/login: INPROGRESS is STOPPED now: 26 hours old, created by the access token "Repository access token" on DAY
    ✔ acme/api commit 94277cd267a8: 1 status ended
    exit code 0
    "#);
    assert_eq!(standing(&sandbox), [pair("lint", "INPROGRESS"), pair("sonar", "STOPPED")]);
    assert_eq!(counted(&sandbox), (1, 1));

    let commit = sandbox.head("acme/api", BRANCH);
    let listed = &requests(&sandbox, "GET")[0].path;
    let start = format!("/2.0/repositories/acme/api/commit/{commit}/statuses?pagelen=100&fields=next%2C");
    assert!(listed.starts_with(&start), "{listed}");
    let mut body: Value = serde_json::from_str(&requests(&sandbox, "POST")[0].body).unwrap();
    let description = body["description"].take();
    assert_eq!(
        body,
        json!({
            "type": "build",
            "key": "sonar",
            "state": "STOPPED",
            "name": "Build sonar",
            "description": null,
            "url": "https://ci.acme.example/builds/1",
            "refname": BRANCH,
        })
    );
    let description = description.as_str().unwrap();
    assert!(description.starts_with("Ended by Gatepost on "), "{description}");
    assert!(
        description.contains(" UTC: INPROGRESS since ") && description.ends_with(" UTC"),
        "{description}"
    );
}

/// The day so many hours ago, as the log shows it.
fn day(hours: u32) -> String {
    sandbox::timestamp(std::time::SystemTime::now() - hours * HOUR)[..10].to_owned()
}

#[test]
fn the_second_run_changes_nothing() {
    let sandbox = present();
    leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR), ("sonar-web", "FAILED", 26 * HOUR)]);
    let gatepost = settle(&sandbox).set("SETTLE_KEYS", "*").set("SETTLE_STATES", "INPROGRESS,FAILED,STOPPED");
    assert_told(&gatepost.run(), 0, &["2 statuses ended\n"]);
    let (ended, writes) = (standing(&sandbox), counted(&sandbox).1);
    let again = gatepost.run();
    assert_told(&again, 0, &["✔ acme/api commit 94277cd267a8: no status to end\n"]);
    assert_eq!((standing(&sandbox), counted(&sandbox).1), (ended, writes));
}

#[test]
fn exactly_what_was_asked_for_is_ended() {
    let all = [
        ("lint", "INPROGRESS", 26 * HOUR),
        ("sonar", "INPROGRESS", 26 * HOUR),
        ("sonar-api", "INPROGRESS", 26 * HOUR),
        ("sonar-pr-feature/a", "INPROGRESS", 26 * HOUR),
        ("sonar-red", "FAILED", 26 * HOUR),
        ("sonar-green", "SUCCESSFUL", 26 * HOUR),
        ("sonar-young", "INPROGRESS", 23 * HOUR),
    ];
    for (keys, states, after, ended) in [
        ("sonar-*", "", "", vec!["sonar-api", "sonar-pr-feature/a"]),
        ("sonar-?pi, lint", "", "", vec!["lint", "sonar-api"]),
        ("sonar-*", "failed", "", vec!["sonar-red"]),
        (
            "*",
            "INPROGRESS,FAILED",
            "90m",
            vec!["lint", "sonar", "sonar-api", "sonar-pr-feature/a", "sonar-red", "sonar-young"],
        ),
        ("", "", "", vec!["sonar"]),
        ("*", "", "2d", vec![]),
    ] {
        let sandbox = present();
        leave(&sandbox, &all);
        let run = settle(&sandbox)
            .set("SETTLE_KEYS", keys)
            .set("SETTLE_STATES", states)
            .set("SETTLE_AFTER", after)
            .run();
        assert_eq!(run.code, 0, "{}", run.output);
        let stopped: Vec<_> = standing(&sandbox)
            .into_iter()
            .filter(|(_, state)| state == "STOPPED")
            .map(|(key, _)| key)
            .collect();
        assert_eq!(stopped, ended, "{keys} {states} {after}");
        assert_eq!(counted(&sandbox), (1, ended.len()));
    }
}

#[test]
fn what_stays_is_told_with_its_age_and_creator() {
    let sandbox = present();
    leave(&sandbox, &[("sonar", "INPROGRESS", 2 * HOUR)]);
    let run = settle(&sandbox).run();
    insta::assert_snapshot!(run.told().replace(&day(2), "DAY"), @r#"
    gatepost 0.1.0: INPROGRESS for 24 hours or longer becomes STOPPED on acme/api commit 94277cd267a8 with the access token (BITBUCKET_ACCESS_TOKEN)
      keys:     sonar
      key sonar, branch feature/login: INPROGRESS stays: 2 hours old, created by the access token "Repository access token" on DAY
    ✔ acme/api commit 94277cd267a8: 0 statuses ended, 1 younger than SETTLE_AFTER
    exit code 0
    "#);
    assert_eq!(counted(&sandbox), (1, 0));
}

/// The last write counts: a build that still writes its status is not dead.
#[test]
fn the_age_is_the_time_since_the_last_write() {
    let sandbox = present();
    sandbox.world(|world| {
        let mut status = left(world, "sonar", "INPROGRESS", HOUR);
        status.created_on = left(world, "sonar", "INPROGRESS", 99 * HOUR).created_on;
        world.add_status("acme/api", status);
    });
    let run = settle(&sandbox).run();
    assert_told(
        &run,
        0,
        &["  key sonar, branch feature/login: INPROGRESS stays: 60 minutes old, created by"],
    );
    assert_eq!(standing(&sandbox), [pair("sonar", "INPROGRESS")]);
}

#[test]
fn a_dry_run_shows_what_would_happen_and_writes_nothing() {
    let (sandbox, folder) = (present(), Folder::new());
    leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
    let run = settle(&sandbox)
        .within(folder.path())
        .set("DRY_RUN", "true")
        .set("RESULT_FILE", "results.jsonl")
        .run();
    assert_told(
        &run,
        0,
        &[
            "DRY_RUN: this request was not sent\n  request:  POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/",
            "  body:     {\"type\":\"build\",\"key\":\"sonar\",\"state\":\"STOPPED\",\"name\":\"Build sonar\"",
            "✔ key sonar, branch feature/login: DRY_RUN: INPROGRESS would become STOPPED: 26 hours old, created by the access token \"Repository access token\" on ",
            "✔ acme/api commit 94277cd267a8: 1 status printed (DRY_RUN)\n",
        ],
    );
    assert_eq!(counted(&sandbox), (1, 0));
    let line: Value = serde_json::from_str(folder.read("results.jsonl").trim()).unwrap();
    assert_eq!((&line["outcome"], &line["status"]["state"]), (&json!("printed"), &json!("STOPPED")));
}

/// Bitbucket keeps two statuses of one key when their branches differ. Both block merging.
#[test]
fn one_key_with_two_branches_is_ended_twice_and_each_keeps_its_branch() {
    let sandbox = present();
    sandbox.world(|world| {
        for refname in [None, Some(BRANCH), Some("release")] {
            let mut status = left(world, "sonar", "INPROGRESS", 26 * HOUR);
            status.refname = refname.map(str::to_owned);
            world.add_status("acme/api", status);
        }
    });
    let run = settle(&sandbox).run();
    assert_told(
        &run,
        0,
        &["✔ key sonar: INPROGRESS is STOPPED now", "✔ key sonar, branch release: ", "3 statuses ended"],
    );
    let statuses = sandbox.statuses("acme/api", &sandbox.head("acme/api", BRANCH));
    let mut refnames: Vec<_> = statuses.iter().map(|status| status.refname.as_deref()).collect();
    refnames.sort_unstable();
    assert_eq!(refnames, [None, Some(BRANCH), Some("release")]);
    assert!(statuses.iter().all(|status| status.state == "STOPPED"));
    assert_eq!(counted(&sandbox), (1, 3));
}

/// In the build of a pull request, nothing but the state is needed.
#[test]
fn a_pull_request_is_looked_up_and_its_head_is_settled() {
    let sandbox = present();
    leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
    let in_build = in_pull_request_build(&sandbox).set("MODE", "settle").set("STATE", "cancelled");
    assert_told(&in_build.run(), 0, &["1 status ended"]);
    assert_eq!(counted(&sandbox), (1, 1));
    leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
    let by_number = settle(&sandbox).unset("COMMIT").unset("BRANCH").set("PULL_REQUEST", "7");
    assert_told(&by_number.run(), 0, &["pull request 7 comes from branch feature/login", "1 status ended"]);
    assert_eq!(standing(&sandbox), [pair("sonar", "STOPPED")]);
}

/// The fork has its own statuses, which another credential reaches.
#[test]
fn a_pull_request_from_a_fork_is_settled_in_the_fork() {
    let sandbox = present();
    let head = sandbox.head("jane/api", "patch-1");
    sandbox.world(|world| {
        let mut status = left(world, "sonar", "INPROGRESS", 26 * HOUR);
        status.commit.clone_from(&head);
        status.refname = Some("patch-1".to_owned());
        status.author = world.account_of(API_TOKEN);
        world.add_status("jane/api", status);
    });
    let run = settle(&sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", API_TOKEN)
        .unset("COMMIT")
        .unset("BRANCH")
        .set("PULL_REQUEST", "9")
        .run();
    assert_told(&run, 0, &["1 status ended"]);
    assert_eq!(sandbox.statuses("jane/api", &head)[0].state, "STOPPED");
}
