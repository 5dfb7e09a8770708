//! Which targets are meant: lists, what is present but empty, and parallel steps.

use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube, WORKSPACE_TOKEN, service};
use serde_json::{Value, json};

use super::{assert_refused_unsent, last_line, posts, standing, tests};
use crate::run::{
    Gatepost, Run, Sandbox, World, acme, after_scan, assert_told, bare, by_hand, in_branch_build,
    in_central_pipeline, scanned,
};

/// Runs in the central pipeline never post to its own repository.
fn assert_central_is_untouched(sandbox: &Sandbox) {
    let central = sandbox.head("acme/central-pipeline", "main");
    assert_eq!(standing(sandbox, "acme/central-pipeline", &central), []);
}

#[test]
fn a_list_in_yaml_is_a_list_of_targets() {
    let sandbox = acme();
    let (web, api) = (sandbox.head("acme/web", "fix/header"), sandbox.head("acme/api", "feature/login"));
    let entry = |slug: &str, commit: &str| {
        json!({ "repo_slug": slug, "commit": commit, "state": "passed", "key": "tests" }).to_string()
    };
    let central = in_central_pipeline(&sandbox).unset("STATE");
    let run = central.clone().set("TARGETS_COUNT", "1").set("TARGETS_0", entry("web", &web)).run();
    assert_told(&run, 0, &["✔ 1 target: 1 posted"]);
    assert_eq!(standing(&sandbox, "acme/web", &web).len(), 1);

    let run = central
        .set("TARGETS_COUNT", "2")
        .set("TARGETS_0", entry("web", &web))
        .set("TARGETS_1", entry("api", &api))
        .run();
    assert_told(&run, 0, &[]);
    assert_eq!(standing(&sandbox, "acme/api", &api).len(), 1);
    assert_central_is_untouched(&sandbox);
}

#[test]
fn a_list_in_yaml_with_a_broken_entry_is_refused_by_its_place() {
    let sandbox = acme();
    let run = tests(in_central_pipeline(&sandbox))
        .set("TARGETS_COUNT", "2")
        .set("TARGETS_0", json!({ "repo_slug": "web", "branch": "main" }).to_string())
        .set("TARGETS_1", "{\"repo_slug\": ")
        .run();
    assert_refused_unsent(&sandbox, &run, &["✖ TARGETS"]);
    let place = ["TARGETS_1", "TARGETS[1]"].iter().any(|place| run.output.contains(place));
    assert!(place, "{}", run.output);
}

/// An item that did not arrive is a target that would be left out.
#[test]
fn an_item_of_a_list_that_is_empty_or_missing_is_refused_by_its_name() {
    let sandbox = acme();
    let web = sandbox.head("acme/web", "fix/header");
    let good = json!({ "repo_slug": "web", "commit": web, "state": "passed", "key": "tests" }).to_string();
    let central = in_central_pipeline(&sandbox).unset("STATE");
    for (count, items, told) in [
        ("2", vec![(0, &good[..]), (1, "")], "✖ TARGETS_1 is empty"),
        ("2", vec![(0, &good), (1, " \n")], "✖ TARGETS_1 is empty"),
        ("2", vec![(0, &good)], "✖ TARGETS_1 is missing"),
        ("3", vec![(0, &good), (2, &good)], "✖ TARGETS_1 is missing"),
        ("1", vec![], "✖ TARGETS_0 is missing"),
        ("1", vec![(0, &good), (1, &good)], "✖ TARGETS_COUNT is \"1\""),
        ("two", vec![(0, &good)], "✖ TARGETS_COUNT is \"two\""),
    ] {
        let mut gatepost = central.clone().set("TARGETS_COUNT", count);
        for (number, item) in items {
            gatepost = gatepost.set(&format!("TARGETS_{number}"), item);
        }
        for mode in ["publish", "check"] {
            let run = gatepost.clone().set("MODE", mode).run();
            assert_refused_unsent(&sandbox, &run, &[told, "to do:", "✖ 1 variable is wrong"]);
        }
    }
}

/// Each file gives a status of its own: one that did not arrive would be a status less.
#[test]
fn an_empty_item_of_the_analyses_is_refused_by_its_name() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
    let folder = scanned("target/sonar", &submitted);
    let run = after_scan(&sandbox, &folder)
        .set("SONAR_REPORT_TASK_COUNT", "2")
        .set("SONAR_REPORT_TASK_0", "target/sonar/report-task.txt")
        .set("SONAR_REPORT_TASK_1", "")
        .run();
    assert_refused_unsent(&sandbox, &run, &["✖ SONAR_REPORT_TASK_1 is empty"]);
}

/// Neither is there a commit to post to, nor may the target be left out without a word.
#[test]
fn a_target_that_only_a_tag_or_head_names_is_refused() {
    let sandbox = acme();
    for branch in ["refs/tags/v1", "tags/v1", "HEAD", "origin/HEAD", "refs/pull-requests/7/from"] {
        let web = json!({ "repo_slug": "web", "branch": branch, "state": "failed", "key": "tests" });
        let api = json!({ "repo_slug": "api", "branch": "main", "state": "passed", "key": "tests" });
        for targets in [json!([web, api]), json!([web])] {
            for mode in ["publish", "check"] {
                let run = tests(in_central_pipeline(&sandbox))
                    .set("TARGETS", targets.to_string())
                    .set("MODE", mode)
                    .run();
                let told = format!("✖ TARGETS[0].branch is \"{branch}\", which is not a branch");
                assert_refused_unsent(&sandbox, &run, &[&told, "acme/web", "✖ 1 variable is wrong"]);
            }
        }
        let run = tests(in_central_pipeline(&sandbox)).set("REPO_SLUG", "web").set("BRANCH", branch).run();
        let told = format!("✖ BRANCH is \"{branch}\", which is not a branch");
        assert_refused_unsent(&sandbox, &run, &[&told, "accepted:", "to do:", "✖ 1 variable is wrong"]);
    }
}

/// What is only a warning of a run must not let its targets vanish.
#[test]
fn a_variable_of_the_run_with_a_secret_refuses_the_list() {
    let sandbox = acme();
    let targets = json!([{ "repo_slug": "web", "branch": "fix/header", "state": "passed", "key": "tests" }]);
    let run = in_central_pipeline(&sandbox)
        .unset("STATE")
        .set("DESCRIPTION", format!("by {WORKSPACE_TOKEN}"))
        .set("TARGETS", targets.to_string())
        .run();
    assert_refused_unsent(&sandbox, &run, &["✖ DESCRIPTION holds", "✖ 1 variable is wrong"]);
}

/// What works as the value of `TARGETS` is one item too much in a list.
#[test]
fn an_array_in_a_list_in_yaml_is_told_as_that() {
    let sandbox = acme();
    let entry = json!({ "repo_slug": "web", "branch": "main", "state": "passed", "key": "tests" });
    for (item, told) in [
        (json!([entry]), "✖ TARGETS_0 is an array, and TARGETS is a list already"),
        (json!("web"), "✖ TARGETS_0 is JSON, but not an object"),
    ] {
        let central = tests(in_central_pipeline(&sandbox)).set("TARGETS_COUNT", "1");
        let run = central.set("TARGETS_0", item.to_string()).run();
        assert_refused_unsent(&sandbox, &run, &[told, "accepted: one JSON object", "✖ 1 variable is wrong"]);
    }
}

/// The reason must be true: beside a good list, no own repository is in question.
#[test]
fn an_empty_list_beside_another_list_is_told_as_that() {
    let (sandbox, folder) = (acme(), crate::run::Folder::new());
    let entry = json!([{ "repo_slug": "web", "branch": "main", "state": "passed", "key": "tests" }]);
    let file = folder.write("targets.json", entry.to_string().as_bytes());
    let run = tests(in_central_pipeline(&sandbox)).set("TARGETS", "").set("TARGETS_FILE", file).run();
    assert_refused_unsent(&sandbox, &run, &["✖ TARGETS is empty: TARGETS_FILE is set as well"]);
    let central = tests(in_central_pipeline(&sandbox)).set("TARGETS", entry.to_string());
    let run = central.set("TARGETS_FILE", "").run();
    assert_refused_unsent(&sandbox, &run, &["✖ TARGETS_FILE is empty: TARGETS is set as well"]);
}

/// More steps than targets.
#[test]
fn a_step_without_a_share_says_so() {
    let sandbox = acme();
    let entry = json!([{ "repo_slug": "web", "branch": "main", "state": "passed", "key": "tests" }]);
    let run = tests(in_central_pipeline(&sandbox))
        .set("TARGETS", entry.to_string())
        .set("SPLIT", "true")
        .set("BITBUCKET_PARALLEL_STEP", "1")
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "2")
        .run();
    assert_told(
        &run,
        0,
        &["! the list has fewer targets than the parallel group has steps", "0 of 1 target"],
    );
    assert!(!run.output.contains("the list has no targets"), "{}", run.output);
}

/// A value was meant to arrive and did not: the run must not take what was left out for what was wanted.
#[test]
fn a_list_that_is_present_and_empty_is_refused() {
    for variable in ["TARGETS", "TARGETS_FILE"] {
        for value in ["", "  ", "\n"] {
            let sandbox = acme();
            let run = tests(in_central_pipeline(&sandbox)).set(variable, value).run();
            assert_refused_unsent(&sandbox, &run, &[&format!("✖ {variable} is empty"), "to do:"]);
        }
    }
    let sandbox = acme();
    let run = tests(in_central_pipeline(&sandbox)).set("TARGETS_COUNT", "0").run();
    assert_refused_unsent(&sandbox, &run, &["✖ TARGETS"]);
}

#[test]
fn a_repository_that_is_present_and_empty_is_refused() {
    let sandbox = acme();
    for gatepost in [tests(in_central_pipeline(&sandbox)), tests(in_branch_build(&sandbox))] {
        let run = gatepost.set("REPO_SLUG", "").run();
        assert_refused_unsent(&sandbox, &run, &["✖ REPO_SLUG is empty: ", "to do:"]);
    }
}

/// The verdict of SonarQube never stands under another tool's key.
#[test]
fn a_state_that_is_present_and_empty_is_refused() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
    let folder = scanned("target/sonar", &submitted);
    let before = sonarqube.request_count();
    let run = after_scan(&sandbox, &folder).set("STATE", "").set("KEY", "tests").run();
    assert_refused_unsent(&sandbox, &run, &["✖ STATE is empty: ", "to do:"]);
    assert_eq!(sonarqube.request_count(), before);
}

/// Pipelines passes what a step does not have as empty text; such variables decide nothing.
#[test]
fn other_variables_that_are_empty_count_as_unset() {
    let sandbox = acme();
    let mut gatepost = tests(in_branch_build(&sandbox));
    for variable in ["COMMIT", "BRANCH", "PULL_REQUEST", "REFNAME", "NAME", "DESCRIPTION", "URL", "WORKSPACE"]
    {
        gatepost = gatepost.set(variable, "");
    }
    let run = gatepost.run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL on acme/api"]);
}

#[test]
fn the_list_form_of_a_variable_that_takes_none_is_a_problem() {
    let sandbox = acme();
    for variable in ["STATE", "COMMIT", "REPO_SLUG", "KEY"] {
        let run = tests(in_branch_build(&sandbox))
            .unset(variable)
            .set(&format!("{variable}_COUNT"), "1")
            .set(&format!("{variable}_0"), "passed")
            .run();
        assert_refused_unsent(&sandbox, &run, &[&format!("✖ {variable}"), "list"]);
        assert!(!run.output.contains("did you mean"), "{}", run.output);
    }
}

/// Six targets of a fleet, as one step of two posts them.
fn step(sandbox: &Sandbox, number: usize) -> Gatepost {
    let entry = |number| {
        let slug = service(number);
        let commit = sandbox.head(&format!("acme/{slug}"), "main");
        json!({ "repo_slug": slug, "commit": commit, "state": "passed", "key": "tests" })
    };
    let targets: Vec<Value> = (1..=6).map(entry).collect();
    bare()
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("TARGETS", json!(targets).to_string())
        .set("TIMEOUT", "20")
        .set("BITBUCKET_PARALLEL_STEP", number.to_string())
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "2")
}

/// How many of the six have their status.
fn posted(sandbox: &Sandbox) -> usize {
    let has_status = |number: &usize| {
        let name = format!("acme/{}", service(*number));
        !standing(sandbox, &name, &sandbox.head(&name, "main")).is_empty()
    };
    (1..=6).filter(has_status).count()
}

#[test]
fn a_parallel_step_handles_every_target_unless_it_is_told_to_split() {
    for number in [0, 1] {
        let sandbox = Sandbox::start(World::fleet(6));
        let run = step(&sandbox, number).run();
        assert_told(&run, 0, &[]);
        assert_eq!((posted(&sandbox), posts(&sandbox).len()), (6, 6), "{}", run.output);
        assert!(!last_line(&run).contains("other steps"), "{}", run.output);
    }
}

#[test]
fn targets_that_are_split_are_each_handled_once_and_the_last_line_says_how_many() {
    let sandbox = Sandbox::start(World::fleet(6));
    let split = |number| -> Run { step(&sandbox, number).set("SPLIT", "true").run() };
    for (number, so_far) in [(0, 3), (1, 6)] {
        let run = split(number);
        assert_told(&run, 0, &[]);
        assert!(
            last_line(&run).contains("3 of 6 targets, the rest belongs to the other steps"),
            "{}",
            run.output
        );
        assert_eq!(posted(&sandbox), so_far, "{}", run.output);
    }
    assert_eq!(posts(&sandbox).len(), 6);
}

/// The group's numbers decide nothing when nothing is split.
#[test]
fn numbers_of_a_parallel_group_that_make_no_sense_matter_only_to_a_split() {
    let sandbox = Sandbox::start(World::fleet(6));
    let odd = step(&sandbox, 7);
    assert_told(&odd.run(), 0, &[]);
    assert_eq!(posted(&sandbox), 6);
    let before = sandbox.request_count();
    let run = odd.set("SPLIT", "true").run();
    assert_told(&run, 2, &["BITBUCKET_PARALLEL_STEP"]);
    assert_eq!(sandbox.request_count(), before);
}

#[test]
fn split_without_a_parallel_group_is_every_target() {
    let sandbox = acme();
    let commit = sandbox.head("acme/api", "main");
    let run = tests(by_hand(&sandbox)).set("COMMIT", &commit).set("SPLIT", "true").run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    assert_eq!(standing(&sandbox, "acme/api", &commit).len(), 1);
}
