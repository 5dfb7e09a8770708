//! How a list of targets is read, and the messages about a wrong list.

use sandbox::{WORKSPACE_TOKEN, repository_token};
use serde_json::json;

use crate::run::{Folder, assert_told};

use super::{entries, fleet, nightly, state_of};

#[test]
fn an_empty_list_is_accepted_and_targets_holds_the_list_itself() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!([])).set("STATE", "passed");
    insta::assert_snapshot!(gatepost.run().told(), @"
    gatepost 0.1.0: 0 targets, 0 at once
    ! the list has no targets: there is nothing to do
    ✔ 0 targets: 0 posted
    exit code 0
    ");
    let text = r#"[{"repo_slug": "service-001", "pull_request": "1"}]"#;
    let run = gatepost.unset("TARGETS_FILE").set("TARGETS", text).run();
    assert_told(&run, 0, &["1 target, 1 at once", "✔ 1 target: 1 posted"]);
    assert_eq!(state_of(&sandbox, 1).as_deref(), Some("SUCCESSFUL"));
}

#[test]
fn the_runs_variables_are_the_defaults_of_every_entry() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let targets = json!([
        { "repo_slug": "service-001" },
        { "repo_slug": "service-002", "branch": "main", "state": "failed", "name": "Own" },
    ]);
    let run = nightly(&sandbox, &folder, &targets)
        .set("STATE", "passed")
        .set("PULL_REQUEST", "1")
        .set("NAME", "Nightly")
        .set("URL", "https://ci.acme.example/nightly")
        .run();
    assert_eq!(run.code, 0, "{}", run.output);
    let first = &sandbox.pull_request_statuses("acme/service-001", 1)[0];
    assert_eq!((first.state.as_str(), first.name.as_deref()), ("SUCCESSFUL", Some("Nightly")));
    let second = &sandbox.statuses("acme/service-002", &sandbox.head("acme/service-002", "main"))[0];
    assert_eq!((second.state.as_str(), second.name.as_deref()), ("FAILED", Some("Own")));
    assert_eq!(second.url.as_deref(), Some("https://ci.acme.example/nightly"));
    assert!(
        sandbox.pull_request_statuses("acme/service-002", 1).is_empty(),
        "its own branch, not the run's pull request"
    );
}

#[test]
fn every_problem_names_its_index_and_field_and_nothing_is_sent() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let targets = json!([
        { "repo_slug": "service-001", "commit": "HEAD", "state": "perhaps" },
        { "repo_slug": "service-001", "comit": "abcdef1", "state": "passed" },
        { "repo_slug": "service-001", "commit": "abcdef1", "State": "passed" },
        { "repo_slug": "service-001", "commit": "abcdef1", "state": "passed", "timeout": 5 },
        { "repo_slug": "service-001", "commit": "abcdef1", "state": "passed", "colour": "red" },
        { "repo_slug": ["service-001"], "commit": { "hash": "abcdef1" }, "state": true },
        "service-001",
        7,
        { "state": "passed", "commit": "abcdef1" },
        { "repo_slug": "service-001", "commit": "abcdef1" },
        { "repo_slug": "service-001", "state": "passed" },
        { "repo_slug": "service-001", "commit": "$BITBUCKET_COMMIT", "state": "passed" },
        { "repo_slug": "service-001", "commit": "abcdef1", "state": "passed", "description": sandbox::API_TOKEN },
        { "repo_slug": "service-001", "commit": "abcdef1", "state": "passed", "bitbucket_access_token": "x" },
    ]);
    let run = nightly(&sandbox, &folder, &targets).set("TIMEOUT", "0").run();
    insta::assert_snapshot!(run.told(), @r#"
    ! TIMEOUT is "0", not a whole number from 1 to 3600; the default is used (accepted: a whole number from 1 to 3600)
    ✖ TARGETS_FILE[0].commit is "HEAD", which is not a commit hash
      accepted: 7 to 40 hexadecimal digits
      to do:    pass a hash such as $BITBUCKET_COMMIT; a branch goes into BRANCH, a pull request into PULL_REQUEST
    ✖ TARGETS_FILE[0].state is "perhaps", which is not a state
      accepted: SUCCESSFUL, FAILED, INPROGRESS, STOPPED, a common word for one of them (passed, error, running, cancelled ...), or an exit code
      to do:    pass one of these words, or in after-script `STATE: $BITBUCKET_EXIT_CODE`
    ✖ TARGETS_FILE[1].comit is not known
      accepted: workspace, repo_slug, commit, pull_request, branch, refname, state, key, name, description, status, url, sonar_token, sonar_host_url, sonar_report_task, sonar_project_key, sonar_projects, sonar_pull_request, sonar_branch, sonar_timeout, scan_exit_code, on_no_gate, fail_on_red_gate, advisory_conditions, report, sonar_base_dir
      to do:    did you mean commit?
    ✖ TARGETS_FILE[2].State is not known
      accepted: workspace, repo_slug, commit, pull_request, branch, refname, state, key, name, description, status, url, sonar_token, sonar_host_url, sonar_report_task, sonar_project_key, sonar_projects, sonar_pull_request, sonar_branch, sonar_timeout, scan_exit_code, on_no_gate, fail_on_red_gate, advisory_conditions, report, sonar_base_dir
      to do:    did you mean state?
    ✖ TARGETS_FILE[3].timeout is a variable of the run, not of a target
      accepted: workspace, repo_slug, commit, pull_request, branch, refname, state, key, name, description, status, url, sonar_token, sonar_host_url, sonar_report_task, sonar_project_key, sonar_projects, sonar_pull_request, sonar_branch, sonar_timeout, scan_exit_code, on_no_gate, fail_on_red_gate, advisory_conditions, report, sonar_base_dir
      to do:    pass it to the run
    ✖ TARGETS_FILE[4].colour is not known
      accepted: workspace, repo_slug, commit, pull_request, branch, refname, state, key, name, description, status, url, sonar_token, sonar_host_url, sonar_report_task, sonar_project_key, sonar_projects, sonar_pull_request, sonar_branch, sonar_timeout, scan_exit_code, on_no_gate, fail_on_red_gate, advisory_conditions, report, sonar_base_dir
      to do:    see the variables of Target, Status and SonarQube in the README
    ✖ TARGETS_FILE[5].commit is an object
      accepted: text, a number, true or false
      to do:    write the value itself
    ✖ TARGETS_FILE[5].repo_slug is an array
      accepted: text, a number, true or false
      to do:    write the value itself
    ✖ TARGETS_FILE[6] is not an object
      accepted: a JSON array of objects, one for each target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    write an object with the variables of the target
    ✖ TARGETS_FILE[7] is not an object
      accepted: a JSON array of objects, one for each target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    write an object with the variables of the target
    ✖ TARGETS_FILE[8].repo_slug is not set, and neither is BITBUCKET_REPO_SLUG
      accepted: a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git
      to do:    outside Pipelines there is no default: pass REPO_SLUG
    ✖ TARGETS_FILE[9].state is not set, and neither is SONAR_PROJECT_KEY: this target has no verdict
      accepted: STATE (SUCCESSFUL, FAILED, INPROGRESS, STOPPED, a common word for one of them (passed, error, running, cancelled ...), or an exit code), SONAR_PROJECT_KEY with SONAR_PULL_REQUEST or SONAR_BRANCH, or SONAR_REPORT_TASK
      to do:    add one of them to the entry, or pass it to the run for all entries
    ✖ TARGETS_FILE[10].commit is not set: nothing names the commit of acme/service-001
      accepted: one of COMMIT, PULL_REQUEST and BRANCH
      to do:    pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID
    ✖ TARGETS_FILE[11].commit holds the name of a variable instead of its value (it begins with $)
      accepted: the value itself
      to do:    Gatepost does not replace variables in the list: write the values with the tool that makes it
    ✖ TARGETS_FILE[12].description holds what looks like a token
      accepted: text that everybody may see
      to do:    pass tokens of repositories in BITBUCKET_ACCESS_TOKENS; if the token was ever visible, revoke it and create a new one
    ✖ TARGETS_FILE[13].bitbucket_access_token is a variable of the run, not of a target
      accepted: workspace, repo_slug, commit, pull_request, branch, refname, state, key, name, description, status, url, sonar_token, sonar_host_url, sonar_report_task, sonar_project_key, sonar_projects, sonar_pull_request, sonar_branch, sonar_timeout, scan_exit_code, on_no_gate, fail_on_red_gate, advisory_conditions, report, sonar_base_dir
      to do:    pass it to the run
    ✖ 16 variables are wrong; nothing was sent
    exit code 2
    "#);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn text_that_is_not_a_json_array_is_refused_with_its_line_and_column() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!([])).set("STATE", "passed");
    let told: Vec<_> = [
        "[\n  {\"repo_slug\": \"a\",}\n]",
        "[{\"repo_slug\": \"a\"}",
        "[{}] []",
        "{\"repo_slug\": \"a\"}",
        "\"service-001\"",
        "",
        "[{\"repo_slug\": \"\u{1}\"}]",
        "{\"repo_slug\": \"a\"}\n{\"repo_slug\": \"b\"}",
    ]
    .iter()
    .map(|text| {
        folder.write("targets.json", text.as_bytes());
        gatepost.run().told()
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    ✖ TARGETS_FILE is not JSON: key must be a string at line 2 column 21
      accepted: a JSON array of objects, one for each target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    check that line and column for a missing or additional comma, quote or bracket; jq . reports it as well
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is not JSON: EOF while parsing a list at line 1 column 19
      accepted: a JSON array of objects, one for each target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    check that line and column for a missing or additional comma, quote or bracket; jq . reports it as well
    ✖ TARGETS_FILE[0].commit is not set: nothing names the commit of acme/a
      accepted: one of COMMIT, PULL_REQUEST and BRANCH
      to do:    pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID
    ✖ 2 variables are wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is not JSON: trailing characters at line 1 column 6
      accepted: a JSON array of objects, one for each target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    check that line and column for a missing or additional comma, quote or bracket; jq . reports it as well
    ✖ TARGETS_FILE[0].repo_slug is not set, and neither is BITBUCKET_REPO_SLUG
      accepted: a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git
      to do:    outside Pipelines there is no default: pass REPO_SLUG
    ✖ TARGETS_FILE[0].commit is not set: nothing names the commit of the target
      accepted: one of COMMIT, PULL_REQUEST and BRANCH
      to do:    pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID
    ✖ 3 variables are wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is JSON, but not an array of objects
      accepted: a JSON array of objects, one for each target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    put [ and ] around the objects, and commas between them; jq --slurp . makes an array from a file with one object on each line
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is JSON, but not an array of objects
      accepted: a JSON array of objects, one for each target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    put [ and ] around the objects, and commas between them; jq --slurp . makes an array from a file with one object on each line
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is empty
      accepted: a JSON array of objects, one for each target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    check whether the command that writes the list failed; [] is a list without targets
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is not JSON: control character (\u0000-\u001F) found while parsing a string at line 1 column 16
      accepted: a JSON array of objects, one for each target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    check that line and column for a missing or additional comma, quote or bracket; jq . reports it as well
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is JSON, but not an array of objects
      accepted: a JSON array of objects, one for each target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    put [ and ] around the objects, and commas between them; jq --slurp . makes an array from a file with one object on each line
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn an_unreadable_list_is_explained() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!([])).set("STATE", "passed");
    folder.write("targets.json", &[b'[', b'"', 0xff, b'"', b']']);
    assert_told(
        &gatepost.run(),
        2,
        &["✖ TARGETS_FILE is not JSON: invalid unicode code point at line 1 column 3"],
    );
    let nowhere = gatepost.clone().set("TARGETS_FILE", "/no/such/targets.json").run();
    assert_told(
        &nowhere,
        2,
        &["✖ TARGETS_FILE names \"/no/such/targets.json\", a file that cannot be read: No such file"],
    );
    let utf_16: Vec<u8> = "\u{feff}[]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    folder.write("targets.json", &utf_16);
    assert_told(&gatepost.run(), 2, &["✖ TARGETS_FILE is UTF-16 text, as PowerShell writes it\n"]);
    let path = gatepost.clone().unset("TARGETS_FILE").set("TARGETS", "targets.json").run();
    assert_told(
        &path,
        2,
        &[
            "✖ TARGETS is not JSON",
            "TARGETS takes the JSON itself; the path of a file goes into TARGETS_FILE",
        ],
    );
    let both = gatepost.clone().set("TARGETS", "[]").run();
    assert_told(&both, 2, &["✖ TARGETS is set, and so is TARGETS_FILE"]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    folder.write("targets.json", deep.as_bytes());
    assert_told(&gatepost.run(), 2, &["✖ TARGETS_FILE[0] is not an object"]);
    assert!(sandbox.requests().is_empty());
}

/// Ten thousand wrong entries usually have one cause.
#[test]
fn only_the_first_problems_of_a_long_list_are_printed() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let targets: Vec<_> = (0..10_000)
        .map(|_| json!({ "repo_slug": "My Repository", "commit": "abcdef1", "state": "passed" }))
        .collect();
    let run = nightly(&sandbox, &folder, &json!(targets)).run();
    assert_told(
        &run,
        2,
        &[
            "✖ TARGETS_FILE[19].repo_slug has \"My Repository\"",
            "✖ 9980 more problems in this list\n",
            "✖ 10000 variables are wrong; nothing was sent\n",
        ],
    );
    assert!(run.output.lines().count() < 80, "{}", run.output);
}

#[test]
fn a_file_of_ten_megabytes_is_read() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let mut targets = entries(&sandbox, 1..=2);
    targets[0]["description"] = json!("word ".repeat(1_000_000));
    targets[1]["description"] = json!("word ".repeat(1_000_000));
    let run = nightly(&sandbox, &folder, &json!(targets)).run();
    assert_eq!(run.code, 0, "{}", run.output);
    assert!(
        sandbox.pull_request_statuses("acme/service-002", 1)[0].description.as_ref().unwrap().ends_with('…')
    );
}

/// The tool that makes the list did not find the name, and the default would be the central repository.
#[test]
fn a_blank_repo_slug_in_an_entry_is_refused() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!([]))
        .set("BITBUCKET_WORKSPACE", "acme")
        .set("BITBUCKET_REPO_SLUG", "central-pipeline")
        .set("BITBUCKET_COMMIT", sandbox.head("acme/central-pipeline", "main"));
    for slug in [json!(null), json!(""), json!(" ")] {
        let targets = json!([{ "repo_slug": slug, "pull_request": 1, "state": "ok" }]);
        folder.write("targets.json", targets.to_string().as_bytes());
        let found = if slug.is_null() { "null" } else { "empty" };
        let told = format!("✖ TARGETS_FILE[0].repo_slug is {found}\n");
        assert_told(&gatepost.run(), 2, &[told.as_str()]);
    }
    assert!(sandbox.requests().is_empty());
}

/// JSON parsers usually keep the last of two fields with one name, so nobody would notice.
#[test]
fn a_field_that_occurs_twice_is_refused() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!([]));
    let twice = r#"[{"repo_slug": "service-001", "commit": "abcdef1", "commit": "abcdef2", "state": "ok"}]"#;
    folder.write("targets.json", twice.as_bytes());
    assert_told(&gatepost.run(), 2, &["✖ TARGETS_FILE[0].commit occurs twice"]);
    let (one, other) = (repository_token("service-001"), WORKSPACE_TOKEN);
    folder.write("targets.json", json!(entries(&sandbox, 1..=1)).to_string().as_bytes());
    let tokens = format!(r#"{{"service-001": "{one}", "service-001": "{other}"}}"#);
    let run = gatepost.set("BITBUCKET_ACCESS_TOKENS", tokens).run();
    assert_told(
        &run,
        2,
        &["✖ BITBUCKET_ACCESS_TOKENS[\"service-001\"] names the same repository as another entry"],
    );
    assert!(sandbox.requests().is_empty());
}
