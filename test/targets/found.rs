//! Targets that a run finds by itself, in the repositories of `REPOSITORIES`.

use std::time::Duration;

use sandbox::{
    Analysis, Dialect, Fault, Gate, Projects, PullRequest, SonarQube, USER_TOKEN, repository_token, service,
};
use serde_json::{Value, json};

use super::{fleet, posts, results, state_of};
use crate::run::{Folder, Gatepost, Sandbox, assert_told, over_found, stopped_by};

/// Two more pull requests in each repository.
fn with_three_each(count: usize) -> Sandbox {
    let sandbox = fleet(count);
    sandbox.world(|world| {
        for slug in (1..=count).map(service) {
            let full_name = format!("acme/{slug}");
            for (id, branch) in [(2, "feature/second"), (3, "feature/third")] {
                world.push(&full_name, branch);
                world.open_pull_request(PullRequest::new(&full_name, id, branch));
            }
        }
    });
    sandbox
}

/// The requests by method and the end of their path, with how often each was sent.
fn counted(sandbox: &Sandbox) -> (usize, usize, usize) {
    let requests = sandbox.requests();
    let lists = requests.iter().filter(|request| request.path.contains("/pullrequests?")).count();
    let posted = requests.iter().filter(|request| request.method == "POST").count();
    (lists, posted, requests.len() - lists - posted)
}

#[test]
fn sixty_repositories_take_one_list_request_each_and_one_status_for_each_pull_request() {
    let sandbox = with_three_each(60);
    let names: Vec<String> = (1..=60).map(service).collect();
    let run = over_found(&sandbox, &names.join(",")).run();
    assert_told(&run, 0, &["found 180 open pull requests in 60 repositories\n", "✔ 180 targets: 180 posted"]);
    assert_eq!(counted(&sandbox), (60, 180, 0));
    assert!(posts(&sandbox).values().all(|count| *count == 1));
}

#[test]
fn all_repositories_of_a_workspace_take_one_more_request_for_each_hundred() {
    let sandbox = fleet(120);
    let run = over_found(&sandbox, "* !central-*").run();
    assert_told(
        &run,
        0,
        &["found 120 open pull requests in 120 repositories\n", "✔ 120 targets: 120 posted"],
    );
    assert_eq!(counted(&sandbox), (120, 120, 2));
}

#[test]
fn a_thousand_repositories_are_found_in_pages() {
    let sandbox = fleet(1000);
    let run = over_found(&sandbox, "*").set("MODE", "targets").set("TARGETS_FROM", "main-branches").run();
    assert_told(&run, 0, &["found 1,001 main branches in 1,001 repositories\n"]);
    assert_eq!(sandbox.request_count(), 11);
}

#[test]
fn a_repository_of_many_pull_requests_is_read_to_the_last_page() {
    let sandbox = fleet(1);
    sandbox.world(|world| {
        for id in 2..=3000 {
            let branch = format!("feature/{id}");
            world.push("acme/service-001", &branch);
            world.open_pull_request(PullRequest::new("acme/service-001", id, &branch));
        }
    });
    let run = over_found(&sandbox, "service-001").set("MODE", "targets").run();
    assert_told(&run, 0, &["found 3,000 open pull requests in 1 repository\n"]);
    assert_eq!(sandbox.request_count(), 60);
}

#[test]
fn projects_globs_and_exclusions_choose_the_repositories() {
    let sandbox = fleet(12);
    let run = over_found(&sandbox, "project:APPS !service-01?").set("TARGETS_FROM", "main-branches").run();
    assert_told(&run, 0, &["found 9 main branches in 9 repositories\n", "✔ 9 targets: 9 posted"]);
    let run = over_found(&sandbox, "acme/service-00[12], central-pipeline")
        .set("TARGETS_FROM", "branch:main")
        .run();
    assert_told(&run, 0, &["found 3 branches in 3 repositories\n", "✔ 3 targets: 3 posted"]);
}

#[test]
fn sonarqube_is_asked_for_the_project_and_the_pull_request_of_each_target() {
    let sandbox = fleet(2);
    let mut projects = Projects::acme(Dialect::Server2025).with_public_url("https://sonar.acme.example");
    for number in 1..=2 {
        projects.add_project(&format!("acme_{}", service(number)), "A service", true);
    }
    let sonarqube = SonarQube::start(projects);
    for (number, gate) in [(1, Gate::passed()), (2, Gate::failed())] {
        sonarqube.submit(Analysis::of_pull_request(&format!("acme_{}", service(number)), "1", gate));
    }
    let run = over_found(&sandbox, "service-*")
        .unset("STATE")
        .set("SONAR_PROJECT_KEY", "acme_{repo_slug}")
        .set("SONAR_TOKEN", USER_TOKEN)
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("NAME", "{workspace}/{repo_slug}: {branch} into {destination}")
        .run();
    assert_told(&run, 1, &["2 targets: 2 posted"]);
    assert_eq!([1, 2].map(|number| state_of(&sandbox, number).unwrap()), ["SUCCESSFUL", "FAILED"]);
    let status = &sandbox.pull_request_statuses("acme/service-002", 1)[0];
    assert_eq!(status.name.as_deref(), Some("acme/service-002: feature/change into main"));
}

/// Two pull requests of one branch have one commit, one key and one branch. These are the gates of both.
fn of_one_branch(first: &Gate, second: &Gate) -> (Sandbox, SonarQube) {
    let sandbox = fleet(1);
    sandbox.world(|world| {
        let second = PullRequest::new("acme/service-001", 2, "feature/change");
        world.open_pull_request(PullRequest { destination_branch: "develop".to_owned(), ..second });
    });
    let mut projects = Projects::acme(Dialect::Server2025).with_public_url("https://sonar.acme.example");
    projects.add_project("acme_service-001", "A service", true);
    let sonarqube = SonarQube::start(projects);
    for (id, gate) in [("1", first), ("2", second)] {
        sonarqube.submit(Analysis::of_pull_request("acme_service-001", id, gate.clone()));
    }
    (sandbox, sonarqube)
}

fn with_gates(sandbox: &Sandbox, sonarqube: &SonarQube, folder: &Folder) -> Gatepost {
    over_found(sandbox, "service-*")
        .within(folder.path())
        .unset("STATE")
        .set("SONAR_PROJECT_KEY", "acme_{repo_slug}")
        .set("SONAR_TOKEN", USER_TOKEN)
        .set("SONAR_HOST_URL", sonarqube.http_url())
}

/// A green of one must not hide the red of the other.
#[test]
fn two_pull_requests_of_one_branch_have_the_worse_verdict() {
    for (first, second) in [(Gate::passed(), Gate::failed()), (Gate::failed(), Gate::passed())] {
        for concurrency in ["1", "8"] {
            let ((sandbox, sonarqube), folder) = (of_one_branch(&first, &second), Folder::new());
            let gatepost = with_gates(&sandbox, &sonarqube, &folder)
                .set("CONCURRENCY", concurrency)
                .set("RESULT_FILE", "results.jsonl")
                .set("SUMMARY_FILE", "summary.md")
                .set("RESUME", "true");
            // The green of a run that goes on is not newer than the red that RESULT_FILE records.
            for _ in 0..3 {
                let run = gatepost.run();
                assert_eq!(run.code, 1, "{}", run.output);
                assert!(!run.output.contains("not posted"), "{}", run.output);
                assert_eq!(state_of(&sandbox, 1).as_deref(), Some("FAILED"), "{}", run.output);
            }
            // Both verdicts are known before anything is posted.
            assert_eq!(posts(&sandbox).values().sum::<usize>(), 1);
            let page = folder.read("summary.md");
            assert!(page.contains("- Failed: **2**\n") && !page.contains("Successful"), "{page}");
        }
    }
}

/// Only the lookups show that both are one commit.
#[test]
fn a_green_does_not_take_the_place_of_a_red_that_could_not_be_posted() {
    let ((sandbox, sonarqube), folder) = (of_one_branch(&Gate::failed(), &Gate::passed()), Folder::new());
    let of = |id: u32| json!({ "repo_slug": "service-001", "pull_request": id, "sonar_project_key": "acme_service-001", "sonar_pull_request": id });
    // After the lookup, the first status is refused.
    sandbox.fault_after(1, Fault::refusal(403, "no"));
    let run = with_gates(&sandbox, &sonarqube, &folder)
        .unset("REPOSITORIES")
        .unset("SONAR_PROJECT_KEY")
        .set("TARGETS", json!([of(1), of(2)]).to_string())
        .set("CONCURRENCY", "1")
        .run();
    assert_told(
        &run,
        4,
        &[
            "not posted: another target of this run is the same commit with the same key and another verdict, which is worse and could not be posted\n  to do:    run again when the other one can be posted\n",
            "✖ 2 targets: 0 posted, 2 not posted\n",
        ],
    );
    assert_eq!(state_of(&sandbox, 1), None);
}

/// The report says what the status says.
#[test]
fn two_pull_requests_of_one_branch_have_one_report() {
    for (first, second) in [(Gate::passed(), Gate::failed()), (Gate::failed(), Gate::passed())] {
        let ((sandbox, sonarqube), folder) = (of_one_branch(&first, &second), Folder::new());
        let run = with_gates(&sandbox, &sonarqube, &folder).set("REPORT", "gate").run();
        assert_eq!(run.code, 1, "{}", run.output);
        let head = sandbox.head("acme/service-001", "feature/change");
        let reports = sandbox.world(|world| world.reports("acme/service-001", &head));
        let results: Vec<_> = reports.iter().map(|report| report.fields["result"].clone()).collect();
        assert_eq!(results, ["FAILED"]);
    }
}

/// Each step would post the verdict that it knows, and the last one would stand.
#[test]
fn one_step_of_a_parallel_group_has_all_targets_of_a_commit() {
    for (first, second) in [(Gate::passed(), Gate::failed()), (Gate::failed(), Gate::passed())] {
        let ((sandbox, sonarqube), folder) = (of_one_branch(&first, &second), Folder::new());
        let list = with_gates(&sandbox, &sonarqube, &folder)
            .set("MODE", "targets")
            .set("RESULT_FILE", "targets.json");
        assert_eq!(list.run().code, 0);
        let step = list
            .unset("MODE")
            .unset("REPOSITORIES")
            .unset("RESULT_FILE")
            .unset("SONAR_PROJECT_KEY")
            .set("TARGETS_FILE", "targets.json")
            .set("SPLIT", "true")
            .set("BITBUCKET_PARALLEL_STEP_COUNT", "2");
        let codes = ["0", "1"].map(|number| step.clone().set("BITBUCKET_PARALLEL_STEP", number).run().code);
        assert_eq!(codes, [1, 0]);
        assert_eq!(state_of(&sandbox, 1).as_deref(), Some("FAILED"));
    }
}

#[test]
fn the_targets_are_written_as_a_list_that_another_step_takes() {
    let (sandbox, folder) = (fleet(3), Folder::new());
    let finds = over_found(&sandbox, "service-*")
        .within(folder.path())
        .set("MODE", "targets")
        .set("NAME", "{repo_slug}")
        .set("RESULT_FILE", "targets.json");
    assert_told(&finds.run(), 0, &["✔ wrote \"targets.json\": pass it on as TARGETS_FILE"]);
    let list: Vec<Value> = serde_json::from_str(&folder.read("targets.json")).unwrap();
    let head = sandbox.head("acme/service-001", "feature/change");
    assert_eq!(
        list[0],
        json!({ "repo_slug": "acme/service-001", "pull_request": 1, "commit": head[..12], "branch": "refs/heads/feature/change", "name": "service-001" })
    );
    let posts_them =
        finds.unset("REPOSITORIES").unset("MODE").unset("RESULT_FILE").set("TARGETS_FILE", "targets.json");
    assert_told(&posts_them.run(), 0, &["✔ 3 targets: 3 posted"]);
    assert_eq!(counted(&sandbox), (3, 3, 1));
}

#[test]
fn targets_that_cannot_be_written_are_told() {
    let sandbox = fleet(1);
    for (file, why) in [
        ("/dev/full", "No space left on device"),
        ("/no/such/folder/targets.json", "No such file or directory"),
        ("/tmp", "Is a directory"),
    ] {
        let run = over_found(&sandbox, "service-*").set("MODE", "targets").set("RESULT_FILE", file).run();
        let told = format!(
            "✖ the targets are not written: RESULT_FILE names \"{file}\", which cannot be written: {why}"
        );
        assert_told(&run, 2, &[&told]);
    }
}

#[test]
fn drafts_forks_and_deleted_sources_are_told() {
    let sandbox = fleet(1);
    sandbox.world(|world| {
        world.add_fork("acme/service-001", "jane/service-001", false);
        world.push("jane/service-001", "feature/fork");
        let fork = PullRequest {
            source_repository: "jane/service-001".to_owned(),
            ..PullRequest::new("acme/service-001", 2, "feature/fork")
        };
        world.open_pull_request(fork);
        world.push("acme/service-001", "feature/draft");
        let draft =
            PullRequest { is_draft: true, ..PullRequest::new("acme/service-001", 3, "feature/draft") };
        world.open_pull_request(draft);
        world.push("acme/service-001", "feature/gone");
        world.open_pull_request(PullRequest::new("acme/service-001", 4, "feature/gone"));
    });
    let run = over_found(&sandbox, "service-001").run();
    assert_told(
        &run,
        4,
        &[
            "found 4 open pull requests in 1 repository, 1 draft, 1 from a fork\n",
            "4 targets: 3 posted, 1 not posted",
        ],
    );
}

/// Whoever may push a branch chooses its name.
#[test]
fn a_name_that_cannot_be_used_stops_no_other_target() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let pull_request = |id: u32, branch: &str| {
        let place = format!("work-{id}");
        sandbox.world(|world| {
            world.push("acme/service-001", &place);
        });
        let commit = sandbox.head("acme/service-001", &place);
        json!({
            "id": id, "destination": { "branch": { "name": "main" } },
            "source": {
                "repository": { "full_name": "acme/service-001" }, "branch": { "name": branch },
                "commit": { "hash": commit[..12] },
            },
        })
    };
    let values = [
        pull_request(1, "feature/change"),
        pull_request(2, "feature..two"),
        pull_request(3, &format!("feature/{}", sandbox::REPOSITORY_TOKEN)),
        pull_request(4, "fix/password=reset"),
        // These are names of branches like any other.
        pull_request(5, "null"),
        pull_request(6, "origin/$x"),
        pull_request(7, "$x"),
    ];
    let list = || Fault::json(200, &json!({ "values": values }));
    let finds = over_found(&sandbox, "service-001").within(folder.path()).set("KEY", "sonar-{branch}");
    sandbox.fault(list());
    let told = [
        "✖ left out: acme/service-001 pull request 2: BRANCH is \"refs/heads/feature..two\", which is not a branch name\n",
        "✖ left out: acme/service-001 pull request 3: the name of its branch holds what looks like a secret, which Gatepost does not send\n",
        "✖ left out: acme/service-001 pull request 4: the name of its branch holds what looks like a secret",
    ];
    let outcome = ["✖ 4 targets: 4 posted; 3 targets are left out\n"];
    assert_told(&finds.run(), 4, &[&told[..], &outcome].concat());
    for (id, branch) in [(5, "null"), (6, "origin/$x"), (7, "$x")] {
        let status = &sandbox
            .statuses("acme/service-001", &sandbox.head("acme/service-001", &format!("work-{id}")))[0];
        let key = format!("sonar-{branch}");
        assert_eq!((status.refname.as_deref(), &status.key), (Some(branch), &key));
    }
    // The step that takes the list reports what is left out.
    sandbox.fault(list());
    let writes = finds.clone().unset("KEY").set("MODE", "targets").set("RESULT_FILE", "targets.json");
    let written = ["✔ wrote \"targets.json\": pass it on as TARGETS_FILE; 3 targets are left out\n"];
    assert_told(&writes.run(), 0, &[&told[..], &written].concat());
    let takes = finds
        .unset("REPOSITORIES")
        .set("TARGETS_FILE", "targets.json")
        .set("KEY", "nightly")
        .set("RESULT_FILE", "results.jsonl")
        .set("SUMMARY_FILE", "summary.md");
    assert_told(&takes.run(), 4, &[&told[..], &outcome].concat());
    let lines: Vec<Value> = results(&folder).into_iter().filter(|line| line["status"].is_null()).collect();
    let named: Vec<_> = lines.iter().map(|line| &line["target"]["lookup"]["pull_request"]).collect();
    assert_eq!(named, [&json!(3), &json!(4), &json!(2)]);
    let page = folder.read("summary.md");
    assert!(page.contains("## Left out: 3\n"), "{page}");
    assert!(
        page.contains(
            "| acme/service-001 | [pull request 2](https://bitbucket.org/acme/service-001/pull-requests/2) | - |  | left out when the list was made: BRANCH is "
        ),
        "{page}"
    );
    // With SPLIT, one step does.
    let step =
        takes.set("SPLIT", "true").set("BITBUCKET_PARALLEL_STEP_COUNT", "2").set("RESULT_FILE", "step.jsonl");
    let codes = ["0", "1"].map(|number| step.clone().set("BITBUCKET_PARALLEL_STEP", number).run().code);
    assert_eq!(codes, [4, 0]);
}

/// A central pipeline may be one of its own targets. What it builds is not what is found.
#[test]
fn the_head_of_a_branch_is_not_the_commit_that_the_pipeline_builds() {
    let sandbox = fleet(2);
    let built = sandbox.head("acme/service-001", "main");
    sandbox.world(|world| {
        world.push("acme/service-001", "main");
    });
    let folder = Folder::new();
    let gatepost = over_found(&sandbox, "service-*")
        .within(folder.path())
        .set("TARGETS_FROM", "main-branches")
        .set("BITBUCKET_WORKSPACE", "acme")
        .set("BITBUCKET_REPO_SLUG", "service-001")
        .set("BITBUCKET_COMMIT", &built)
        .set("BITBUCKET_BRANCH", "main");
    let counted = || {
        let head = sandbox.head("acme/service-001", "main");
        [&built, &head].map(|commit| sandbox.statuses("acme/service-001", commit).len())
    };
    assert_told(&gatepost.run(), 0, &["✔ 2 targets: 2 posted"]);
    assert_eq!(counted(), [0, 1]);
    // A step that takes the list looks the head up, too.
    let writes = gatepost.clone().set("MODE", "targets").set("RESULT_FILE", "targets.json");
    assert_eq!(writes.run().code, 0);
    let takes = gatepost.unset("REPOSITORIES").unset("TARGETS_FROM").set("TARGETS_FILE", "targets.json");
    assert_told(&takes.set("KEY", "again").run(), 0, &["✔ 2 targets: 2 posted"]);
    assert_eq!(counted(), [0, 2]);
}

#[test]
fn a_repository_that_cannot_be_listed_is_a_failure_of_its_own() {
    let (sandbox, folder) = (fleet(3), Folder::new());
    sandbox.world(|world| {
        world.delete_repository("acme/service-002");
    });
    let gatepost = over_found(&sandbox, "service-001 service-002 service-003").within(folder.path());
    let found = "found 2 open pull requests in 3 repositories; 1 repository could not be read\n";
    let why = "✖ failed to list the pull requests of acme/service-002: ";
    let last = "✖ 2 targets: 2 posted; 1 repository could not be read\n";
    assert_told(&gatepost.run(), 4, &[why, found, last]);
    let last = "✔ wrote \"targets.json\": pass it on as TARGETS_FILE; 1 repository could not be read\n";
    let finds = gatepost.clone().set("MODE", "targets").set("RESULT_FILE", "targets.json");
    assert_told(&finds.run(), 0, &[why, found, "exit code 4\n", last]);
    let last = "✖ 2 of 2 targets work; nothing was posted; 1 repository could not be read\n";
    assert_told(&gatepost.clone().set("MODE", "check").run(), 4, &[why, found, last]);
    let last = "✖ 2 targets: no status to end; 1 repository could not be read\n";
    assert_told(
        &gatepost.clone().set("MODE", "settle").set("STATE", "STOPPED").run(),
        4,
        &[why, found, last],
    );
    // A list of nothing else is a failure where it is made.
    let last = "✖ wrote \"targets.json\": pass it on as TARGETS_FILE; 1 repository could not be read\n";
    assert_told(&finds.set("REPOSITORIES", "service-002").run(), 4, &[why, last]);
}

#[test]
fn a_repository_that_was_renamed_is_told_by_its_new_name() {
    let sandbox = fleet(2);
    sandbox.world(|world| {
        world.rename_repository("acme/service-001", "acme/till");
    });
    let new_name = "why:      the repository acme/service-001 has the name acme/till now\n  to do:    pass REPO_SLUG: acme/till, or this name in REPOSITORIES,";
    for from in ["open-pull-requests", "main-branches"] {
        let run = over_found(&sandbox, "service-001 service-002").set("TARGETS_FROM", from).run();
        assert_told(&run, 4, &[new_name, "✖ 1 target: 1 posted; 1 repository could not be read\n"]);
    }
}

/// The others are named, and have their targets.
#[test]
fn a_list_of_repositories_that_cannot_be_read_is_told_to_the_end() {
    let sandbox = fleet(2);
    sandbox.fault_always_at("GET", "/2.0/repositories/acme?", Fault::status(403));
    let run = over_found(&sandbox, "service-001 service-*").run();
    assert_told(
        &run,
        4,
        &[
            "✖ failed to list the repositories of acme: ",
            "found 1 open pull request in 1 repository; 1 list of repositories could not be read\n",
            "✖ 1 target: 1 posted; 1 list of repositories could not be read\n",
        ],
    );
}

#[test]
fn what_cannot_be_read_is_in_the_result_file_and_first_on_the_page() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    sandbox.world(|world| {
        world.delete_repository("acme/service-002");
    });
    let names = "service-001 service-002 other/*";
    let gatepost = over_found(&sandbox, names).within(folder.path()).set("RESULT_FILE", "results.jsonl");
    let run = gatepost.clone().set("SUMMARY_FILE", "summary.html").run();
    assert_told(
        &run,
        4,
        &["✖ 1 target: 1 posted; 1 list of repositories and 1 repository could not be read\n"],
    );
    let unread: Vec<Value> = results(&folder).into_iter().filter(|line| line["status"].is_null()).collect();
    let places = unread.iter().map(|line| (&line["target"]["workspace"], &line["target"]["repo_slug"]));
    assert_eq!(
        places.collect::<Vec<_>>(),
        [(&json!("other"), &Value::Null), (&json!("acme"), &json!("service-002"))]
    );
    for line in &unread {
        assert_eq!((&line["outcome"], &line["exit_code"]), (&json!("refused"), &json!(4)), "{line}");
        assert!(line["reason"].as_str().unwrap().contains(": failed to list the "), "{line}");
    }
    let page = folder.read("summary.html");
    let heading = "<h2>Left out: 2</h2>";
    let (before, rows) = page.split_once(heading).unwrap();
    assert!(before.contains("<p>all repositories of other</p>"), "{before}");
    for row in [
        "<tr role=row><th role=rowheader scope=row>all repositories of other<td role=cell>-<td role=cell>-<td role=cell><td role=cell>not read: 404 (<a href=\"#r",
        ">acme/service-002<td role=cell>-<td role=cell>-<td role=cell><td role=cell>not read: 404 (<a href=\"#r",
        "<h2>Successful: 1</h2>",
    ] {
        assert!(rows.contains(row), "{row} in {rows}");
    }
    // RESUME reads these lines, and looks there again.
    let run = gatepost.set("RESUME", "true").run();
    assert_told(&run, 4, &["✖ 1 target: 0 posted, 1 skipped"]);
    assert!(!run.output.contains("that Gatepost did not write"), "{}", run.output);
}

#[test]
fn a_repository_that_is_removed_between_list_and_post_stops_no_other() {
    let (sandbox, folder) = (fleet(3), Folder::new());
    let finds = over_found(&sandbox, "service-*")
        .within(folder.path())
        .set("MODE", "targets")
        .set("RESULT_FILE", "targets.json");
    assert_eq!(finds.run().code, 0);
    sandbox.world(|world| {
        world.delete_repository("acme/service-002");
    });
    let posts_them = finds
        .unset("REPOSITORIES")
        .unset("MODE")
        .set("TARGETS_FILE", "targets.json")
        .set("RESULT_FILE", "results.jsonl");
    assert_told(&posts_them.run(), 4, &["3 targets: 2 posted, 1 not posted"]);
    assert_eq!(results(&folder).len(), 3);
}

#[test]
fn each_repository_is_listed_with_its_own_token() {
    let sandbox = fleet(2);
    let tokens: Value = (1..=2)
        .map(service)
        .map(|slug| (slug.clone(), json!(repository_token(&slug))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let run = over_found(&sandbox, "service-001 service-002")
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string())
        .run();
    assert_told(&run, 0, &["✔ 2 targets: 2 posted"]);
    let run = over_found(&sandbox, "service-*")
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string())
        .run();
    assert_told(
        &run,
        2,
        &[
            "✖ REPOSITORIES has a glob or a project, and BITBUCKET_ACCESS_TOKENS holds tokens of single repositories only",
        ],
    );
}

#[test]
fn a_page_that_fails_for_a_moment_is_asked_for_again() {
    for fault in [Fault::rate_limited(), Fault::unavailable(None), Fault::page(503, "Down for maintenance")] {
        let sandbox = fleet(2);
        sandbox.fault(fault);
        let run = over_found(&sandbox, "service-*").run();
        assert_told(&run, 0, &["found 2 open pull requests in 2 repositories\n", "✔ 2 targets: 2 posted"]);
    }
}

#[test]
fn a_page_that_is_no_list_is_a_failure_of_its_repository() {
    let sandbox = fleet(2);
    sandbox.fault(Fault::page(200, "Log in"));
    let run = over_found(&sandbox, "service-001 service-002").set("CONCURRENCY", "1").run();
    assert_told(
        &run,
        4,
        &[
            "✖ failed to list the pull requests of acme/service-001: ",
            "✖ 1 target: 1 posted; 1 repository could not be read",
        ],
    );
}

/// Gatepost does not send the credential to another host. It stops reading a list that does not end.
#[test]
fn a_next_page_that_lies_is_not_followed() {
    let sandbox = fleet(1);
    let again = format!("{}/repositories/acme/service-001/pullrequests?page=2", sandbox.http_url());
    for (next, told) in [
        (
            "http://127.0.0.2:9/2.0/repositories/acme/service-001/pullrequests?page=2",
            "which is not Bitbucket's API: the credential is not sent there",
        ),
        (
            "https://api.bitbucket.org.evil.example/2.0/x",
            "which is not Bitbucket's API: the credential is not sent there",
        ),
        ("//evil.example/2.0", "which is not Bitbucket's API: the credential is not sent there"),
        ("not an address", "which is not Bitbucket's API: the credential is not sent there"),
        (again.as_str(), "which was read before: the list does not end"),
    ] {
        sandbox.fault_always(Fault::json(200, &json!({ "values": [], "next": next })));
        let run = over_found(&sandbox, "service-001").run();
        assert_told(&run, 4, &["✖ failed to list the pull requests of acme/service-001: ", told]);
        sandbox.clear_faults();
    }
    assert_eq!(posts(&sandbox).len(), 0);
}

#[test]
fn wrong_variables_are_told_before_the_first_request() {
    let sandbox = fleet(2);
    for (name, value, told) in [
        ("KEY", "sonar-{repo}", "✖ KEY holds \"{repo}\", which is not a placeholder"),
        ("NAME", "{repo_slg}", "to do:    did you mean {repo_slug}?"),
        ("URL", "https://ci.acme.example/{destinatoin}", "did you mean {destination}?"),
        (
            "SSL_CERT_FILE",
            "{repo_slug}.pem",
            "✖ SSL_CERT_FILE holds \"{repo_slug}\", and takes no placeholders",
        ),
        ("TARGETS", "[]", "✖ TARGETS is set, and so is REPOSITORIES, which finds the targets"),
        ("COMMIT", "8d081548cabb", "✖ COMMIT is set, and so is REPOSITORIES, which finds the targets"),
        ("TARGETS_FROM", "open-pull-request", "did you mean open-pull-requests?"),
        ("TARGETS_FROM", "branch:a..b", "✖ TARGETS_FROM is \"branch:a..b\""),
        ("SPLIT", "true", "✖ SPLIT is true, and REPOSITORIES is set"),
        ("STATE", "perhaps", "✖ STATE is \"perhaps\""),
        (
            "SONAR_HOST_URL",
            "https://{branch}.example.com",
            "✖ SONAR_HOST_URL holds \"{branch}\", and takes no placeholders",
        ),
        ("REPOSITORIES", "!legacy-*", "which names no repository to look in"),
        ("REPOSITORIES", " ", "✖ REPOSITORIES is empty"),
    ] {
        let run = over_found(&sandbox, "service-*").set(name, value).run();
        assert_told(&run, 2, &[told]);
    }
    let run = over_found(&sandbox, "service-*")
        .set("TARGETS_FROM", "main-branches")
        .set("KEY", "{pull_request}")
        .run();
    assert_told(
        &run,
        2,
        &["✖ KEY holds \"{pull_request}\", and TARGETS_FROM finds branches, which have none"],
    );
    let run = over_found(&sandbox, "x").unset("REPOSITORIES").set("MODE", "targets").run();
    assert_told(&run, 2, &["✖ MODE is targets, and REPOSITORIES is not set"]);
    assert_eq!(sandbox.request_count(), 0);
}

#[test]
fn repositories_that_match_nothing_are_a_problem() {
    let sandbox = fleet(2);
    let folder = Folder::new();
    folder.write("summary.html", b"the page of yesterday");
    let run =
        over_found(&sandbox, "nothing-*").within(folder.path()).set("SUMMARY_FILE", "summary.html").run();
    let page = folder.read("summary.html");
    assert!(
        page.contains("The variables are wrong, and nothing was posted.") && !page.contains("yesterday"),
        "{page}"
    );
    insta::assert_snapshot!(run.told(), @"
    ✖ REPOSITORIES matches no repository that the credential sees; nothing was posted
      accepted: names, globs and projects of repositories that exist
      to do:    check them, and what is left out with !; bitbucket.org/<workspace> shows the repositories of a workspace
    exit code 2
    ");
}

#[test]
fn two_pull_requests_of_one_commit_have_one_status() {
    let sandbox = fleet(1);
    sandbox.world(|world| {
        let again = PullRequest {
            destination_branch: "release".to_owned(),
            ..PullRequest::new("acme/service-001", 2, "feature/change")
        };
        world.open_pull_request(again);
    });
    let run = over_found(&sandbox, "service-001").run();
    insta::assert_snapshot!(run.told(), @"
    found 2 open pull requests in 1 repository
    gatepost 0.1.0: 2 targets, 2 at once
      repository        commit        state       outcome
    ✔ acme/service-001  31021ff96f3f  SUCCESSFUL  posted
    ✔ acme/service-001  31021ff96f3f  SUCCESSFUL  the same as another target
    ✔ 2 targets: 1 posted, 1 the same as others, posted once
    exit code 0
    ");
    let run = over_found(&sandbox, "service-001").set("KEY", "sonar-{destination}").run();
    assert_told(&run, 0, &["✔ 2 targets: 2 posted"]);
}

#[test]
fn a_search_that_is_stopped_posts_nothing() {
    for (signal, told) in [
        ("-TERM", "The run was stopped before its end. Nothing was posted."),
        ("-KILL", "The run has not ended"),
    ] {
        let (sandbox, folder) = (fleet(3), Folder::new());
        folder.write("summary.md", b"the page of yesterday");
        sandbox.fault_always(Fault::Delay(Duration::from_secs(5)));
        let gatepost =
            over_found(&sandbox, "service-*").within(folder.path()).set("SUMMARY_FILE", "summary.md");
        let run = stopped_by(signal, &gatepost, || sandbox.request_count() >= 1);
        if signal == "-TERM" {
            assert_told(&run, 143, &["✖ stopped before the end; nothing was posted"]);
        }
        assert!(run.took < Duration::from_secs(4), "{:?}", run.took);
        let page = folder.read("summary.md");
        assert!(page.contains(told), "{page}");
    }
}
