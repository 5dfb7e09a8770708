//! Many targets in one run: all of them, so many at once, and each by itself.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use sandbox::{
    Analysis, Dialect, Gate, Projects, Recorded, SonarQube, WORKSPACE_TOKEN, repository_token, service,
};
use serde_json::{Value, json};

use crate::run::{Fault, Folder, Gatepost, Run, Sandbox, World, assert_told, bare, stopped_by};

/// The address of a commit of each repository of the fleet, in their order.
fn fleet(count: usize) -> Sandbox {
    Sandbox::start(World::fleet(count))
}

/// A run by hand with the workspace's token, over these targets.
fn nightly(sandbox: &Sandbox, folder: &Folder, targets: &Value) -> Gatepost {
    folder.write("targets.json", &serde_json::to_vec(targets).unwrap());
    bare()
        .within(folder.path())
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("TARGETS_FILE", "targets.json")
        .set("TIMEOUT", "20")
}

/// An entry for the head of each repository's pull request, with nothing to look up.
fn entries(sandbox: &Sandbox, numbers: impl IntoIterator<Item = usize>) -> Vec<Value> {
    let entry = |number| {
        let slug = service(number);
        let commit = sandbox.head(&format!("acme/{slug}"), "feature/change");
        json!({ "repo_slug": slug, "commit": commit, "branch": "feature/change", "state": "passed" })
    };
    numbers.into_iter().map(entry).collect()
}

fn state_of(sandbox: &Sandbox, number: usize) -> Option<String> {
    let statuses = sandbox.pull_request_statuses(&format!("acme/{}", service(number)), 1);
    assert!(statuses.len() <= 1, "{statuses:#?}");
    statuses.into_iter().next().map(|status| status.state)
}

/// How often each address was posted to.
fn posts(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let mut posts = BTreeMap::new();
    for request in sandbox.requests() {
        if request.method == "POST" {
            *posts.entry(request.path).or_default() += 1;
        }
    }
    posts
}

fn results(folder: &Folder) -> Vec<Value> {
    folder.read("results.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_target_has_its_own_status_and_its_own_end() {
    let (sandbox, folder) = (fleet(5), Folder::new());
    let mut targets = entries(&sandbox, 1..=4);
    targets[1]["state"] = json!("failed");
    targets[1]["key"] = json!("gate");
    targets[2]["repo_slug"] = json!("no-such-service");
    targets.push(
        json!({ "repo_slug": "https://bitbucket.org/acme/service-005.git", "pull_request": 1, "state": 1 }),
    );
    let run = nightly(&sandbox, &folder, &json!(targets))
        .set("CONCURRENCY", "1")
        .set("RESULT_FILE", "results.jsonl")
        .run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: 5 targets, 1 at once
    ✖ acme/no-such-service: failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/no-such-service/commit/0ff21673cc24c8acd2108c0ca4cae003743046c1/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 404 Not Found, "You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    the repository bitbucket.org/acme/no-such-service does not exist, or it is private and this credential may not see it: Bitbucket gives the same answer for both
      to do 1:  open the repository in a browser and compare its address bitbucket.org/workspace/slug with WORKSPACE and REPO_SLUG (a renamed repository has a new slug)
      to do 1:  if it is the same, the credential lacks access: give it to the API token's account (Repository settings > Repository permissions), or use a token of this repository
      why 2:    a workspace access token only reaches the repositories of its workspace; acme/no-such-service may not be one of them
      to do 2:  use a token that was created in this repository, or in its project or workspace; or an API token
      repository            commit        state       outcome
    ✔ acme/service-001      31021ff96f3f  SUCCESSFUL  posted
    ✔ acme/service-002      64630d9df82d  FAILED      posted
    ✖ acme/no-such-service  0ff21673cc24  SUCCESSFUL  not posted: 404
    ✔ acme/service-004      93399b7f11d0  SUCCESSFUL  posted
    ✔ acme/service-005      2c1ede3b3fcd  FAILED      posted
    ✖ 5 targets: 4 posted, 1 not posted
    exit code 4
    "#);
    let states: Vec<_> = (1..=5).map(|number| state_of(&sandbox, number)).collect();
    let state = |state: &str| Some(state.to_owned());
    assert_eq!(states, [state("SUCCESSFUL"), state("FAILED"), None, state("SUCCESSFUL"), state("FAILED")]);
    let outcomes: Vec<_> =
        results(&folder).iter().map(|line| line["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes, ["delivered", "delivered", "refused", "delivered", "delivered"]);
}

#[test]
fn the_list_may_come_as_text_and_may_have_one_entry_or_none() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!([])).set("STATE", "passed");
    insta::assert_snapshot!(gatepost.run().told(), @"
    gatepost 0.1.0: 0 targets, 0 at once
    ! there is no target: nothing is done
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
fn every_problem_is_told_by_index_and_field_before_anything_is_sent() {
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
    ✖ TIMEOUT is "0", which is no number that can be used
      accepted: a whole number from 1 to 3600
      to do:    pass such a number, or leave TIMEOUT out: 120 is used
    ✖ TARGETS_FILE[0].commit is "HEAD", which is no commit hash
      accepted: 7 to 40 hexadecimal digits
      to do:    pass a hash such as $BITBUCKET_COMMIT; a branch goes into BRANCH, a pull request into PULL_REQUEST
    ✖ TARGETS_FILE[0].state is "perhaps", which is no state
      accepted: SUCCESSFUL, FAILED, INPROGRESS, STOPPED, an everyday word for one of them (passed, error, running, cancelled ...), or an exit code from 0 to 255
      to do:    pass one of these words, or in after-script `STATE: $BITBUCKET_EXIT_CODE`
    ✖ TARGETS_FILE[1].comit is not known
      accepted: workspace, repo_slug, commit, pull_request, branch, refname, state, key, name, description, url, sonar_token, sonar_host_url, sonar_report_task, sonar_project_key, sonar_pull_request, sonar_branch, sonar_timeout, scan_exit_code, on_no_gate, fail_on_red_gate
      to do:    did you mean commit?
    ✖ TARGETS_FILE[2].State is not known
      accepted: workspace, repo_slug, commit, pull_request, branch, refname, state, key, name, description, url, sonar_token, sonar_host_url, sonar_report_task, sonar_project_key, sonar_pull_request, sonar_branch, sonar_timeout, scan_exit_code, on_no_gate, fail_on_red_gate
      to do:    did you mean state?
    ✖ TARGETS_FILE[3].timeout is a variable of the run, not of a target
      accepted: workspace, repo_slug, commit, pull_request, branch, refname, state, key, name, description, url, sonar_token, sonar_host_url, sonar_report_task, sonar_project_key, sonar_pull_request, sonar_branch, sonar_timeout, scan_exit_code, on_no_gate, fail_on_red_gate
      to do:    pass it to the run
    ✖ TARGETS_FILE[4].colour is not known
      accepted: workspace, repo_slug, commit, pull_request, branch, refname, state, key, name, description, url, sonar_token, sonar_host_url, sonar_report_task, sonar_project_key, sonar_pull_request, sonar_branch, sonar_timeout, scan_exit_code, on_no_gate, fail_on_red_gate
      to do:    see the variables of Target, Status and SonarQube in the README
    ✖ TARGETS_FILE[5].commit is an object
      accepted: text, a number, true or false
      to do:    write the value itself
    ✖ TARGETS_FILE[5].repo_slug is an array
      accepted: text, a number, true or false
      to do:    write the value itself
    ✖ TARGETS_FILE[6] is no object
      accepted: a JSON array of objects, one a target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    write an object with the variables of the target
    ✖ TARGETS_FILE[7] is no object
      accepted: a JSON array of objects, one a target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    write an object with the variables of the target
    ✖ TARGETS_FILE[8].repo_slug is not set, and neither is BITBUCKET_REPO_SLUG
      accepted: a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git
      to do:    outside Pipelines nothing tells the target: pass REPO_SLUG
    ✖ TARGETS_FILE[9].state is not set, and neither is SONAR_PROJECT_KEY: nothing tells the verdict for this target
      accepted: STATE (SUCCESSFUL, FAILED, INPROGRESS, STOPPED, an everyday word for one of them (passed, error, running, cancelled ...), or an exit code from 0 to 255), SONAR_PROJECT_KEY with SONAR_PULL_REQUEST or SONAR_BRANCH, or SONAR_REPORT_TASK
      to do:    add one of them to the entry, or pass it to the run for all entries
    ✖ TARGETS_FILE[10].commit is not set: which commit of acme/service-001 is meant cannot be known
      accepted: one of COMMIT, PULL_REQUEST and BRANCH
      to do:    pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID
    ✖ TARGETS_FILE[11].commit holds the name of a variable that was not replaced by its value (it begins with $)
      accepted: the value itself
      to do:    the list is taken as it stands: write the values with the tool that makes it
    ✖ TARGETS_FILE[12].description holds what looks like a token
      accepted: text that everybody may see
      to do:    tokens of repositories belong into BITBUCKET_ACCESS_TOKENS; if it was ever shown, revoke it and create a new one
    ✖ TARGETS_FILE[13].bitbucket_access_token is a variable of the run, not of a target
      accepted: workspace, repo_slug, commit, pull_request, branch, refname, state, key, name, description, url, sonar_token, sonar_host_url, sonar_report_task, sonar_project_key, sonar_pull_request, sonar_branch, sonar_timeout, scan_exit_code, on_no_gate, fail_on_red_gate
      to do:    pass it to the run
    ✖ 17 variables are wrong; nothing was sent
    exit code 2
    "#);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_list_that_is_none_is_told_with_its_place() {
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
    ✖ TARGETS_FILE is no JSON: key must be a string at line 2 column 21
      accepted: a JSON array of objects, one a target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    see that line and column: a comma, quote or bracket is missing there or too much; jq . shows it too
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is no JSON: EOF while parsing a list at line 1 column 19
      accepted: a JSON array of objects, one a target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    see that line and column: a comma, quote or bracket is missing there or too much; jq . shows it too
    ✖ TARGETS_FILE[0].commit is not set: which commit of acme/a is meant cannot be known
      accepted: one of COMMIT, PULL_REQUEST and BRANCH
      to do:    pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID
    ✖ 2 variables are wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is no JSON: trailing characters at line 1 column 6
      accepted: a JSON array of objects, one a target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    see that line and column: a comma, quote or bracket is missing there or too much; jq . shows it too
    ✖ TARGETS_FILE[0].repo_slug is not set, and neither is BITBUCKET_REPO_SLUG
      accepted: a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git
      to do:    outside Pipelines nothing tells the target: pass REPO_SLUG
    ✖ TARGETS_FILE[0].commit is not set: which commit of the target is meant cannot be known
      accepted: one of COMMIT, PULL_REQUEST and BRANCH
      to do:    pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID
    ✖ 3 variables are wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is JSON, but no array of objects
      accepted: a JSON array of objects, one a target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    put [ and ] around the objects, and commas between them; jq --slurp . makes such an array of one object a line
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is JSON, but no array of objects
      accepted: a JSON array of objects, one a target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    put [ and ] around the objects, and commas between them; jq --slurp . makes such an array of one object a line
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is empty
      accepted: a JSON array of objects, one a target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    see whether the command that makes the list failed; [] is a list without targets
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is no JSON: control character (\u0000-\u001F) found while parsing a string at line 1 column 16
      accepted: a JSON array of objects, one a target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    see that line and column: a comma, quote or bracket is missing there or too much; jq . shows it too
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ TARGETS_FILE is JSON, but no array of objects
      accepted: a JSON array of objects, one a target, with the variables of Target, Status and SonarQube by their names in lower case: [{"repo_slug": "api", "pull_request": 7, "state": "passed"}]
      to do:    put [ and ] around the objects, and commas between them; jq --slurp . makes such an array of one object a line
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_list_that_cannot_be_read_is_told() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!([])).set("STATE", "passed");
    folder.write("targets.json", &[b'[', b'"', 0xff, b'"', b']']);
    assert_told(
        &gatepost.run(),
        2,
        &["✖ TARGETS_FILE is no JSON: invalid unicode code point at line 1 column 3"],
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
        &["✖ TARGETS is no JSON", "TARGETS takes the JSON itself; the path of a file goes into TARGETS_FILE"],
    );
    let both = gatepost.clone().set("TARGETS", "[]").run();
    assert_told(&both, 2, &["✖ TARGETS is set, and so is TARGETS_FILE"]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    folder.write("targets.json", deep.as_bytes());
    assert_told(&gatepost.run(), 2, &["✖ TARGETS_FILE[0] is no object"]);
    for (name, value) in [("CONCURRENCY", "0"), ("CONCURRENCY", "65"), ("CONCURRENCY", "many")] {
        assert_told(
            &gatepost.clone().set(name, value).run(),
            2,
            &["✖ CONCURRENCY is", "a whole number from 1 to 64"],
        );
    }
    assert!(sandbox.requests().is_empty());
}

/// Ten thousand wrong entries are one trouble, not ten thousand.
#[test]
fn the_problems_of_a_long_list_are_counted() {
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
            "✖ 9980 problems more of the same list\n",
            "✖ 10000 variables are wrong; nothing was sent\n",
        ],
    );
    assert!(run.output.lines().count() < 80, "{}", run.output);
}

#[test]
fn duplicates_are_said_and_posted_once_and_contradictions_are_refused() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let one = entries(&sandbox, [1]).remove(0);
    let run = nightly(
        &sandbox,
        &folder,
        &json!([one, one, { "repo_slug": "service-002", "pull_request": 1, "state": "ok" }, one]),
    )
    .run();
    insta::assert_snapshot!(run.told(), @"
    ! TARGETS_FILE[1] is the same as TARGETS_FILE[0]: posted once
    ! TARGETS_FILE[3] is the same as TARGETS_FILE[0]: posted once
    gatepost 0.1.0: 2 targets, 2 at once
      repository        commit        state       outcome
    ✔ acme/service-001  31021ff96f3f  SUCCESSFUL  posted
    ✔ acme/service-002  64630d9df82d  SUCCESSFUL  posted
    ✔ 2 targets: 2 posted
    exit code 0
    ");
    assert_eq!(posts(&sandbox).values().sum::<usize>(), 2);
    let mut other = one.clone();
    other["state"] = json!("failed");
    let run = nightly(&sandbox, &folder, &json!([one, other])).run();
    insta::assert_snapshot!(run.told(), @"
    ✖ TARGETS_FILE[1] is the same status as TARGETS_FILE[0] (repository, commit, branch and key), but says something else
      accepted: one entry for each status
      to do:    remove one of the two, or give it another key
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
    other["key"] = json!("other");
    assert_eq!(nightly(&sandbox, &folder, &json!([one, other])).run().code, 0);
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

/// What one credential's allowance allows is nothing to the other one, and its limit is met once, not by each request.
#[test]
fn a_limit_pauses_one_credential_once_and_no_other() {
    let (sandbox, folder) = (fleet(40), Folder::new());
    let window = Duration::from_secs(2);
    sandbox.world(|world| {
        world.set_allowance_per(&repository_token("service-001"), 0, window);
    });
    sandbox.fault_always(Fault::Delay(Duration::from_millis(20)));
    let token = repository_token("service-001");
    let entry = |key: usize| json!({ "repo_slug": "service-001", "commit": sandbox.head("acme/service-001", "main"), "state": "ok", "key": format!("k{key}") });
    let mut targets: Vec<_> = (0..8).map(entry).collect();
    targets.extend(entries(&sandbox, 2..=40));
    let begun = Instant::now();
    let child = nightly(&sandbox, &folder, &json!(targets))
        .set("CONCURRENCY", "16")
        .set("BITBUCKET_ACCESS_TOKENS", json!({ "service-001": token }).to_string());
    let process = child.start();
    // The others are done while the limited one waits.
    while posts(&sandbox).keys().filter(|path| !path.contains("service-001")).count() < 39 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the others wait, too");
        thread::yield_now();
    }
    let limited = || {
        sandbox
            .requests()
            .into_iter()
            .filter(|request| request.path.contains("service-001"))
            .collect::<Vec<_>>()
    };
    assert!(limited().iter().all(|request| request.status != Some(201)));
    sandbox.world(|world| {
        world.set_allowance_per(&token, 1000, window);
    });
    let run = child.finish(process, begun);
    assert_told(&run, 0, &["✔ 47 targets: 47 posted"]);
    let pauses = run.output.matches("Bitbucket answered 429 Too Many Requests; trying again in").count();
    assert!(pauses >= 1, "{}", run.output);
    // Eight requests meet the limit at once, and come back together after each pause.
    assert!(limited().len() <= 8 * (pauses + 1), "{} requests, {pauses} pauses", limited().len());
}

#[test]
fn an_allowance_that_is_nearly_used_up_slows_down() {
    let (sandbox, folder) = (fleet(3), Folder::new());
    sandbox.world(|world| {
        world.set_allowance(WORKSPACE_TOKEN, 150);
    });
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=3))).set("CONCURRENCY", "1").run();
    let told = "! Bitbucket says that the hourly allowance of requests is nearly used up with the access token (BITBUCKET_ACCESS_TOKEN): requests are slowed down";
    assert_told(&run, 0, &[told]);
    assert_eq!(run.output.matches("nearly used up").count(), 1, "{}", run.output);
    // The first request learns of it, and the third keeps its distance from the second.
    let received: Vec<_> = sandbox.requests().into_iter().map(|request| request.received).collect();
    assert!(received[2] - received[1] >= Duration::from_millis(900), "{received:?}");
}

/// More than an hour's allowance cannot be had; the rest of the run ends at once instead of waiting for each target.
#[test]
fn a_limit_that_does_not_end_is_given_up_for_all_targets_together() {
    let (sandbox, folder) = (fleet(200), Folder::new());
    sandbox.world(|world| {
        world.set_allowance(sandbox::API_TOKEN, 50);
    });
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=200)))
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
        .set("TIMEOUT", "2")
        .set("RESULT_FILE", "results.jsonl")
        .run();
    assert_told(&run, 4, &["✖ 200 targets: 50 posted, 150 not posted", "(as told above)", "not posted: 429"]);
    assert!(run.took < Duration::from_secs(6), "{:?}", run.took);
    assert!(sandbox.request_count() < 150, "{}", sandbox.request_count());
    assert_eq!(results(&folder).len(), 200);
}

#[test]
fn what_does_not_fit_into_the_allowance_is_said_before() {
    let (sandbox, folder) = (fleet(1001), Folder::new());
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1001))).set("DRY_RUN", "true").run();
    assert_eq!(run.output.matches("DRY_RUN: this request was not sent\n").count(), 1001);
    assert_told(
        &run,
        0,
        &[
            "! up to 1001 requests are needed with the access token (BITBUCKET_ACCESS_TOKEN), but 1000 an hour are certain",
        ],
    );
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1000))).set("DRY_RUN", "true").run();
    assert!(!run.output.contains("requests are needed"));
    assert_eq!(sandbox.request_count(), 0);
}

#[test]
fn a_pull_request_is_looked_up_once_for_all_its_statuses() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let entry = |slug: &str, key: usize| json!({ "repo_slug": slug, "pull_request": 1, "state": "ok", "key": format!("k{key}") });
    let mut targets: Vec<_> = (0..20).map(|key| entry("service-001", key)).collect();
    targets.extend((0..20).map(|key| json!({ "repo_slug": "service-002", "branch": "main", "state": "ok", "key": format!("k{key}") })));
    let run = nightly(&sandbox, &folder, &json!(targets)).run();
    assert_eq!(run.code, 0, "{}", run.output);
    let gets: Vec<_> = sandbox
        .requests()
        .into_iter()
        .filter(|request| request.method == "GET")
        .map(|request| request.path)
        .collect();
    assert_eq!(gets.len(), 2, "{gets:#?}");
    assert_eq!(sandbox.request_count(), 42);
}

#[test]
fn tokens_of_single_repositories_stand_beside_a_common_one() {
    let (sandbox, folder) = (fleet(4), Folder::new());
    let tokens = json!({
        "service-001": repository_token("service-001"),
        "acme/service-002": repository_token("service-002"),
        "service-003": repository_token("service-003"),
        "servise-004": repository_token("service-004"),
    });
    sandbox.world(|world| {
        world.revoke(&repository_token("service-003"));
    });
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=4)))
        .set("CONCURRENCY", "1")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string());
    let run = gatepost.run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: 4 targets, 1 at once
    ✖ acme/service-003: failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/service-003/commit/0ff21673cc24c8acd2108c0ca4cae003743046c1/statuses/build with the access token (BITBUCKET_ACCESS_TOKENS, service-003)
      answered: 401 Unauthorized, "Token is invalid, expired, or not supported for this endpoint."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    the access token has expired, was revoked, or was copied incompletely
      to do 1:  look for it in Repository settings > Security > Access tokens (or on the same page of the project or workspace), which shows when it was last used and when it expires; if it has expired or is missing, create a new one with the scope Repositories: Read and save it in BITBUCKET_ACCESS_TOKEN (or in its entry of BITBUCKET_ACCESS_TOKENS)
      why 2:    the token is for another product of Atlassian: the keys of an organization begin with ATCTT too
      to do 2:  use an access token of the repository, project or workspace: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests)
    ! BITBUCKET_ACCESS_TOKENS has tokens for repositories that are no target: servise-004
      repository        commit        state       outcome
    ✔ acme/service-001  31021ff96f3f  SUCCESSFUL  posted
    ✔ acme/service-002  64630d9df82d  SUCCESSFUL  posted
    ✖ acme/service-003  0ff21673cc24  SUCCESSFUL  not posted: 401
    ✔ acme/service-004  93399b7f11d0  SUCCESSFUL  posted
    ✖ 4 targets: 3 posted, 1 not posted
    exit code 4
    "#);
    let used: Vec<_> = sandbox.requests().into_iter().map(|request| request.authorization.unwrap()).collect();
    let bearer = |token: &str| format!("Bearer {token}");
    assert_eq!(
        used,
        [
            bearer(&repository_token("service-001")),
            bearer(&repository_token("service-002")),
            bearer(&repository_token("service-003")),
            bearer(WORKSPACE_TOKEN),
        ]
    );
    // Without a common one, who is not named has none.
    let alone = gatepost.unset("BITBUCKET_ACCESS_TOKEN").run();
    assert_told(
        &alone,
        2,
        &["✖ BITBUCKET_ACCESS_TOKENS[\"acme/service-004\"] is not there, and there is no other credential"],
    );
}

#[test]
fn a_token_of_another_kind_in_the_map_is_told_by_its_name() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let tokens = json!({ "service-001": repository_token("service-001"), "service-002": sandbox::API_TOKEN });
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=2)))
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string())
        .run();
    insta::assert_snapshot!(run.told(), @r#"
    ✖ BITBUCKET_ACCESS_TOKENS["service-002"] is an API token (it begins with ATATT), which works only as HTTP Basic with its account's e-mail address
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass it as ATLASSIAN_API_TOKEN, with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    assert_eq!(sandbox.request_count(), 0);
}

#[test]
fn a_single_target_finds_its_token_in_the_map() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let tokens = json!({ "service-001": repository_token("service-001"), "service-002": repository_token("service-002") });
    let run = nightly(&sandbox, &folder, &json!([]))
        .unset("TARGETS_FILE")
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string())
        .set("REPO_SLUG", "service-002")
        .set("PULL_REQUEST", "1")
        .set("STATE", "passed")
        .run();
    assert_told(&run, 0, &["with the access token (BITBUCKET_ACCESS_TOKENS, service-002)"]);
}

/// Targets are independent of each other, also in time.
#[test]
fn a_thousand_targets_take_their_share_of_the_latency_and_a_request_each() {
    const TARGETS: u32 = 1000;
    let (sandbox, folder) = (fleet(TARGETS as usize), Folder::new());
    let latency = Duration::from_millis(20);
    sandbox.fault_always(Fault::Delay(latency));
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=TARGETS as usize)))
        .set("RESULT_FILE", "results.jsonl")
        .run();
    assert_told(&run, 0, &["1000 targets, 8 at once", "✔ 1000 targets: 1000 posted"]);
    assert_eq!((sandbox.request_count(), sandbox.most_at_once()), (TARGETS as usize, 8));
    // How close it comes to the eighth part of the latency, test/image measures where nothing else runs.
    assert!(run.took < latency * TARGETS / 2, "{:?}", run.took);
    assert_eq!(results(&folder).len(), TARGETS as usize);
    assert!(run.output.lines().count() < 120, "{}", run.output);
}

#[test]
fn a_server_that_goes_away_half_way_and_comes_back_loses_nothing() {
    let (sandbox, folder) = (fleet(60), Folder::new());
    sandbox.outage(30, 20);
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=60))).run();
    assert_told(&run, 0, &["✔ 60 targets: 60 posted", "trying again in"]);
    assert!((1..=60).all(|number| state_of(&sandbox, number).is_some()));
}

#[test]
fn a_server_that_stays_away_ends_the_run_once_not_sixty_times() {
    let (sandbox, folder) = (fleet(60), Folder::new());
    sandbox.outage(30, 10_000);
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=60))).set("TIMEOUT", "2").run();
    assert_told(&run, 4, &["✖ 60 targets: 30 posted, 30 not posted", "not posted: no answer"]);
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
}

/// Starts a run and kills it when that many requests have arrived.
fn killed_at(gatepost: &Gatepost, sandbox: &Sandbox, requests: usize) {
    let mut child: Child = gatepost.start();
    let begun = Instant::now();
    while sandbox.request_count() < requests {
        assert!(begun.elapsed() < Duration::from_mins(1), "only {} requests", sandbox.request_count());
        thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Whatever the moment: what is recorded is not posted again, and what is not is.
#[test]
fn a_run_that_was_killed_goes_on_where_it_was() {
    const TARGETS: usize = 10_000;
    let (sandbox, folder) = (fleet(TARGETS), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=TARGETS)))
        .set("RESULT_FILE", "results.jsonl")
        .set("RESUME", "true");
    let mut at = 0;
    for point in [1, 777, 2_500, 5_003] {
        at += point;
        killed_at(&gatepost, &sandbox, at);
        at = sandbox.request_count();
    }
    let recorded = folder.read("results.jsonl").lines().filter(|line| line.contains("\"delivered\"")).count();
    let run = gatepost.run();
    assert_told(&run, 0, &["10000 targets: "]);
    assert!(
        run.output.contains(&format!("{recorded} skipped, for RESULT_FILE says they were delivered")),
        "{}",
        run.output
    );
    let posts = posts(&sandbox);
    assert_eq!(posts.len(), TARGETS, "none is lost");
    // What was under way when it was killed could not be recorded any more: at most eight, four times.
    let twice = posts.values().filter(|count| **count > 1).count();
    assert!(twice <= 4 * 8, "{twice} were posted more than once");
    let run = gatepost.run();
    assert_told(&run, 0, &["0 posted, 10000 skipped"]);
}

/// What is looked up counts against the allowance, too: a list that is longer comes to its end all the same.
#[test]
fn a_run_that_goes_on_looks_nothing_up_again() {
    const TARGETS: usize = 150;
    const ALLOWANCE: u32 = 100;
    let (sandbox, folder) = (fleet(TARGETS), Folder::new());
    let entry = |number| json!({ "repo_slug": service(number), "pull_request": 1, "state": "passed" });
    let targets: Vec<_> = (1..=TARGETS).map(entry).collect();
    let gatepost = nightly(&sandbox, &folder, &json!(targets))
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
        .set("TIMEOUT", "1")
        .set("RESULT_FILE", "results.jsonl")
        .set("RESUME", "true");
    let mut posted = Vec::new();
    for _ in 0..4 {
        sandbox.world(|world| {
            world.set_allowance(sandbox::API_TOKEN, ALLOWANCE);
        });
        gatepost.run();
        posted.push((1..=TARGETS).filter(|number| state_of(&sandbox, *number).is_some()).count());
    }
    // A lookup and a post each; up to eight lookups of a run are lost at its end.
    assert!(posted[0] >= 42 && posted[1] >= 2 * 42 && posted[2] >= 3 * 42, "{posted:?}");
    assert_eq!(posted[3], TARGETS);
    let accepted =
        |request: &&Recorded| request.method == "POST" && request.status.is_some_and(|code| code < 300);
    assert_eq!(sandbox.requests().iter().filter(accepted).count(), TARGETS);
    let before = sandbox.request_count();
    assert_told(&gatepost.run(), 0, &["0 posted, 150 skipped"]);
    assert_eq!(sandbox.request_count(), before);
    // What says something else is looked up: there may be another commit by now.
    let commit = sandbox.world(|world| world.push("acme/service-001", "feature/change"));
    let changed: Vec<_> =
        targets[..1].iter().map(|target| merged(target, json!({ "state": "failed" }))).collect();
    folder.write("targets.json", json!(changed).to_string().as_bytes());
    assert_told(&gatepost.run(), 0, &["✔ 1 target: 1 posted"]);
    assert_eq!(sandbox.statuses("acme/service-001", &commit)[0].state, "FAILED");
}

/// What stands on another branch, or was found by the way out, is told apart.
#[test]
fn what_was_delivered_otherwise_is_recalled_as_it_was() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let entry = json!({ "repo_slug": "service-001", "pull_request": 1, "state": "passed" });
    let resumed = |targets: &[Value]| {
        nightly(&sandbox, &folder, &json!(targets))
            .set("RESULT_FILE", "results.jsonl")
            .set("RESUME", "true")
            .run()
    };
    // With a branch of its own it counts for no pull request, and is no reason to leave the right one out.
    let elsewhere = merged(&entry, json!({ "refname": "elsewhere" }));
    assert_told(&resumed(std::slice::from_ref(&elsewhere)), 0, &["1 posted"]);
    assert_told(&resumed(&[elsewhere, entry.clone()]), 0, &["1 posted, 1 skipped"]);
    // A merge commit of the build is not asked for again.
    let merge =
        merged(&entry, json!({ "commit": "ffffffffffff", "branch": "feature/change", "key": "merge" }));
    assert_told(&resumed(std::slice::from_ref(&merge)), 0, &["1 posted"]);
    let before = sandbox.request_count();
    assert_told(&resumed(&[merge, entry]), 0, &["0 posted, 2 skipped"]);
    assert_eq!(sandbox.request_count(), before);
}

/// An entry with other fields over its own.
fn merged(entry: &Value, over: Value) -> Value {
    let fields = [entry.clone(), over].into_iter().flat_map(|fields| fields.as_object().unwrap().clone());
    Value::Object(fields.collect())
}

#[test]
fn two_runs_at_once_on_the_same_targets_do_no_harm() {
    let (sandbox, folder) = (fleet(50), Folder::new());
    sandbox.fault_always(Fault::Delay(Duration::from_millis(5)));
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=50)));
    let (one, other) =
        (gatepost.clone().set("RESULT_FILE", "one.jsonl"), gatepost.set("RESULT_FILE", "other.jsonl"));
    let begun = Instant::now();
    let children = [one.start(), other.start()];
    for (gatepost, child) in [&one, &other].into_iter().zip(children) {
        assert_told(&gatepost.finish(child, begun), 0, &["✔ 50 targets: 50 posted"]);
    }
    assert!((1..=50).all(|number| state_of(&sandbox, number).as_deref() == Some("SUCCESSFUL")));
}

#[test]
fn a_result_file_that_cannot_be_written_is_told_before() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    fs::create_dir(folder.path().join("results.jsonl")).unwrap();
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=2)))
        .set("RESULT_FILE", "results.jsonl")
        .run();
    assert_told(&run, 2, &["✖ RESULT_FILE names \"results.jsonl\", which cannot be written"]);
    assert_eq!(sandbox.request_count(), 0);
}

#[test]
fn parallel_steps_divide_the_targets() {
    let (sandbox, folder) = (fleet(10), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=10)))
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "3");
    let counts: Vec<_> = (0..3)
        .map(|step| {
            let before = sandbox.request_count();
            let run = gatepost.clone().set("BITBUCKET_PARALLEL_STEP", step.to_string()).run();
            assert_told(&run, 0, &[&format!("\nstep {} of 3 of the parallel group: ", step + 1)]);
            sandbox.request_count() - before
        })
        .collect();
    assert_eq!(counts, [4, 3, 3]);
    assert!(posts(&sandbox).values().all(|count| *count == 1));
    assert_eq!(posts(&sandbox).len(), 10);
    for (step, count, told) in
        [("3", "3", "BITBUCKET_PARALLEL_STEP is \"3\""), ("0", "0", "BITBUCKET_PARALLEL_STEP_COUNT is \"0\"")]
    {
        let run = gatepost
            .clone()
            .set("BITBUCKET_PARALLEL_STEP", step)
            .set("BITBUCKET_PARALLEL_STEP_COUNT", count)
            .run();
        assert_told(&run, 2, &[told]);
    }
}

/// Pipelines sets these for every step of a group, whatever it does.
#[test]
fn a_single_target_is_not_divided() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let run = nightly(&sandbox, &folder, &json!([]))
        .unset("TARGETS_FILE")
        .set("REPO_SLUG", "service-001")
        .set("PULL_REQUEST", "1")
        .set("STATE", "passed")
        .set("BITBUCKET_PARALLEL_STEP", "1")
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "3")
        .run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
}

/// A SonarQube with a project for each repository, and an analysis of each pull request: red for every third.
fn analysed(count: usize) -> SonarQube {
    let mut projects = Projects::acme(Dialect::Server2025);
    for number in 1..=count {
        projects.add_project(&format!("acme_{}", service(number)), "A service", true);
    }
    let sonarqube = SonarQube::start(projects);
    for number in 1..=count {
        let gate = if number % 3 == 0 { Gate::failed() } else { Gate::passed() };
        sonarqube.submit(Analysis::of_pull_request(&format!("acme_{}", service(number)), "1", gate));
    }
    sonarqube
}

fn judged(number: usize) -> Value {
    let slug = service(number);
    json!({ "repo_slug": slug, "pull_request": 1, "sonar_project_key": format!("acme_{slug}"), "sonar_pull_request": 1 })
}

#[test]
fn each_target_may_have_its_own_verdict_of_sonarqube() {
    let (sandbox, sonarqube, folder) = (fleet(6), analysed(6), Folder::new());
    let mut targets: Vec<_> = (1..=5).map(judged).collect();
    targets[4]["sonar_project_key"] = json!("acme_unknown");
    targets.push(json!({ "repo_slug": "service-006", "pull_request": 1, "state": "stopped" }));
    let run = nightly(&sandbox, &folder, &json!(targets))
        .set("CONCURRENCY", "1")
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("URL", "https://sonar.acme.example/")
        .run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: 6 targets, 1 at once
    ✖ acme/service-005: failed to ask for the quality gate: SonarQube answered 404 Not Found
      sent:     GET http://127.0.0.1:PORT/api/qualitygates/project_status?projectKey=acme_unknown&pullRequest=1 with the token (SONAR_TOKEN)
      answered: 404 Not Found, "Project 'acme_unknown' not found"
      why:      SonarQube does not know the task, project, branch or pull request, or does not show it to this token; or the address lacks the base path of the server
      to do:    check SONAR_HOST_URL (base path included), SONAR_PROJECT_KEY, SONAR_PULL_REQUEST and SONAR_BRANCH; SonarQube deletes old tasks, and the Community Build does not have pull requests
      repository        commit        state       outcome
    ✔ acme/service-001  31021ff96f3f  SUCCESSFUL  posted
    ✔ acme/service-002  64630d9df82d  SUCCESSFUL  posted
    ✖ acme/service-003  0ff21673cc24  FAILED      posted, without a green quality gate
    ✔ acme/service-004  93399b7f11d0  SUCCESSFUL  posted
    ✖ acme/service-005  2c1ede3b3fcd  FAILED      posted, without a verdict of SonarQube
    ✔ acme/service-006  3538c601207d  STOPPED     posted
    ✖ 6 targets: 6 posted, 1 without a green quality gate, 1 without a verdict of SonarQube
    exit code 3
    "#);
    let states: Vec<_> = (1..=6).map(|number| state_of(&sandbox, number).unwrap()).collect();
    assert_eq!(states, ["SUCCESSFUL", "SUCCESSFUL", "FAILED", "SUCCESSFUL", "FAILED", "STOPPED"]);
    assert_eq!(sandbox.pull_request_statuses("acme/service-001", 1)[0].key, "sonar-acme_service-001");
}

#[test]
fn sonarqube_is_asked_by_no_more_at_once_than_bitbucket() {
    let (sandbox, sonarqube, folder) = (fleet(30), analysed(30), Folder::new());
    sonarqube.fault_always(Fault::Delay(Duration::from_millis(20)));
    let run = nightly(&sandbox, &folder, &json!((1..=30).map(judged).collect::<Vec<_>>()))
        .set("CONCURRENCY", "5")
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("URL", "https://sonar.acme.example/")
        .run();
    assert_told(
        &run,
        1,
        &["✖ 30 targets: 30 posted, 10 without a green quality gate", "posted, without a green quality gate"],
    );
    assert_eq!((sonarqube.request_count(), sonarqube.most_at_once()), (30, 5));
}

/// Once it is known that SonarQube is away, nobody waits for it as long as the first one did.
#[test]
fn a_sonarqube_that_is_away_is_not_waited_for_by_each_target() {
    let (sandbox, sonarqube, folder) = (fleet(40), analysed(40), Folder::new());
    sonarqube.fault_always(Fault::ResetBeforeAnswer);
    let run = nightly(&sandbox, &folder, &json!((1..=40).map(judged).collect::<Vec<_>>()))
        .set("TIMEOUT", "2")
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .run();
    assert_told(&run, 3, &["40 posted, 40 without a verdict of SonarQube"]);
    assert!(run.took < Duration::from_secs(15), "{:?}", run.took);
    assert_eq!(state_of(&sandbox, 40).as_deref(), Some("FAILED"));
}

#[test]
fn what_an_entry_tells_of_sonarqube_goes_before_the_runs_state() {
    let (sandbox, sonarqube, folder) = (fleet(3), analysed(3), Folder::new());
    let mut inherits = judged(2);
    inherits.as_object_mut().unwrap().remove("sonar_project_key");
    inherits.as_object_mut().unwrap().remove("sonar_pull_request");
    let run = nightly(&sandbox, &folder, &json!([judged(3), inherits]))
        .set("STATE", "stopped")
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .run();
    assert_eq!(run.code, 1, "{}", run.output);
    assert_eq!([3, 2].map(|number| state_of(&sandbox, number).unwrap()), ["FAILED", "STOPPED"]);
}

#[test]
fn a_token_of_sonarqube_in_an_entry_is_used_and_never_shown() {
    let (sandbox, sonarqube, folder) = (fleet(1), analysed(1), Folder::new());
    let mut target = judged(1);
    target["sonar_token"] = json!(sandbox::REVOKED_SONAR_TOKEN);
    sonarqube.fault(Fault::Answer {
        status: 400,
        headers: vec![],
        body: format!("no: {}", sandbox::REVOKED_SONAR_TOKEN).into_bytes(),
    });
    let run = nightly(&sandbox, &folder, &json!([target]))
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("DEBUG", "true")
        .run();
    assert_eq!(run.code, 3, "{}", run.output);
    assert!(sonarqube.requests()[0].authorization.is_some());
    assert!(!run.output.contains("deadbeef00dea"), "{}", run.output);
}

#[test]
fn a_stopped_run_leaves_no_inprogress_of_any_target() {
    let (sandbox, folder) = (fleet(60), Folder::new());
    sandbox.fault_always(Fault::Delay(Duration::from_millis(20)));
    let gatepost =
        nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=60))).set("RESULT_FILE", "results.jsonl");
    let targets: Vec<Value> = serde_json::from_str::<Vec<Value>>(&folder.read("targets.json"))
        .unwrap()
        .into_iter()
        .map(|mut target| {
            target["state"] = json!("running");
            target
        })
        .collect();
    folder.write("targets.json", &serde_json::to_vec(&targets).unwrap());
    let run = stopped_by("-TERM", &gatepost, || sandbox.request_count() >= 30);
    assert_told(
        &run,
        143,
        &[
            "✖ stopped before the end; 60 targets: ",
            "INPROGRESS (those under way included), which would block merging",
        ],
    );
    assert!(run.took < Duration::from_secs(9), "Docker kills after 10 s, this took {:?}", run.took);
    let states: Vec<_> = (1..=60).filter_map(|number| state_of(&sandbox, number)).collect();
    assert!(states.len() >= 20 && states.len() < 60, "{}", states.len());
    assert!(states.iter().all(|state| state == "STOPPED"), "{states:?}");
    // What was stopped is posted again by the run that goes on.
    sandbox.clear_faults();
    assert_eq!(gatepost.set("RESUME", "true").run().code, 0);
    assert!((1..=60).all(|number| state_of(&sandbox, number).as_deref() == Some("INPROGRESS")));
}

/// To be slowed down is for those that have time.
#[test]
fn the_last_words_of_a_run_are_in_time_though_the_allowance_is_nearly_used_up() {
    let (sandbox, folder) = (fleet(200), Folder::new());
    sandbox.fault_always(Fault::Delay(Duration::from_millis(20)));
    let mut targets = entries(&sandbox, 1..=200);
    for target in &mut targets {
        target["state"] = json!("running");
    }
    let run = stopped_by("-TERM", &nightly(&sandbox, &folder, &json!(targets)), || {
        let is_time = sandbox.request_count() >= 120;
        if is_time {
            sandbox.world(|world| {
                world.set_allowance(WORKSPACE_TOKEN, 150);
            });
        }
        is_time
    });
    assert_told(&run, 143, &["INPROGRESS (those under way included), which would block merging"]);
    assert!(run.took < Duration::from_secs(6), "{:?}", run.took);
    let states: Vec<_> = (1..=200).filter_map(|number| state_of(&sandbox, number)).collect();
    assert!(states.len() >= 100 && states.iter().all(|state| state == "STOPPED"), "{states:?}");
}

/// What never had a place has nothing to be ended.
#[test]
fn an_inprogress_for_an_unknown_commit_is_not_stopped_over() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    sandbox.fault(Fault::status(503));
    let targets = json!([{ "repo_slug": "service-001", "commit": "8d081548cabb", "pull_request": 1, "state": "running" }]);
    let run = nightly(&sandbox, &folder, &targets).run();
    assert_told(&run, 0, &["✔ 1 target: 1 posted"]);
    assert!(!run.output.contains("may be left"), "{}", run.output);
    assert_eq!(state_of(&sandbox, 1).as_deref(), Some("INPROGRESS"));
}

/// The answer is lost and the status is there: what nobody will end is ended at once, and told.
#[test]
fn an_inprogress_whose_answer_is_lost_is_ended() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    sandbox.fault_always(Fault::Within("INPROGRESS", Box::new(Fault::ResetInAnswer)));
    let target = json!({ "repo_slug": "service-001", "pull_request": 1, "state": "running" });
    let many =
        nightly(&sandbox, &folder, &json!([target])).set("TIMEOUT", "1").set("RESULT_FILE", "results.jsonl");
    let single = many
        .clone()
        .unset("TARGETS_FILE")
        .set("REPO_SLUG", "service-001")
        .set("PULL_REQUEST", "1")
        .set("STATE", "INPROGRESS");
    for gatepost in [single, many] {
        let left =
            "STOPPED was posted over the INPROGRESS, which may have been applied and would block merging";
        assert_told(&gatepost.run(), 4, &[&format!("  left:     {left}\n")]);
        assert_eq!(state_of(&sandbox, 1).as_deref(), Some("STOPPED"));
        let recorded = &results(&folder)[0];
        assert_eq!(recorded["outcome"], "refused");
        assert!(recorded["reason"].as_str().unwrap().ends_with(&format!("; left on the commit: {left}")));
    }
}

#[test]
fn the_check_looks_at_every_target() {
    let (sandbox, folder) = (fleet(3), Folder::new());
    sandbox.world(|world| {
        world.delete_repository("acme/service-002");
    });
    let targets = json!([
        { "repo_slug": "service-001", "pull_request": 1 },
        { "repo_slug": "service-001", "pull_request": 77 },
        { "repo_slug": "service-001", "branch": "main" },
        { "repo_slug": "service-002" },
        { "repo_slug": "service-003", "branch": "main" },
    ]);
    let gatepost = nightly(&sandbox, &folder, &targets).set("MODE", "check");
    let run = gatepost.run();
    assert_told(
        &run,
        4,
        &[
            "check of 5 targets; nothing is posted",
            "✖ acme/service-001 pull request 77: failed to look up pull request 77 of acme/service-001",
            "✖ acme/service-001 pull request 77: 1 of 6 checks failed; nothing was posted",
            "✖ acme/service-002: failed to read the repository acme/service-002: Bitbucket answered 404 Not Found",
            "✖ 3 of 5 targets work; nothing was posted\n",
        ],
    );
    assert!(!run.output.contains("✔ acme"), "those that work are counted: {}", run.output);
    assert!(sandbox.requests().iter().all(|request| request.method == "GET"));
    // Each repository is looked at once.
    let looks = |slug: &str| sandbox.requests().iter().filter(|request| request.path.ends_with(slug)).count();
    assert_eq!(["service-001", "service-002", "service-003"].map(looks), [1, 1, 1]);
    let in_group =
        gatepost.set("BITBUCKET_PARALLEL_STEP", "0").set("BITBUCKET_PARALLEL_STEP_COUNT", "2").run();
    assert_told(&in_group, 0, &["\nstep 1 of 2 of the parallel group: 3 of the 5 targets\n"]);
}

/// A repository once, and for each target its lookup, its commit and its status.
#[test]
fn the_check_says_when_it_needs_more_than_the_allowance() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let targets: Vec<_> = (0..501)
        .map(|key| json!({ "repo_slug": "service-001", "pull_request": 1, "key": format!("k{key}") }))
        .collect();
    sandbox.world(|world| {
        world.revoke(WORKSPACE_TOKEN);
    });
    let run = nightly(&sandbox, &folder, &json!(targets)).set("MODE", "check").run();
    assert_told(&run, 4, &["! up to 1004 requests are needed", "✖ 0 of 501 targets work"]);
    assert_eq!(sandbox.request_count(), 1);
}

#[test]
fn ten_thousand_failures_can_still_be_read() {
    let (sandbox, folder) = (fleet(10_000), Folder::new());
    sandbox.world(|world| {
        world.revoke(WORKSPACE_TOKEN);
    });
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=10_000)))
        .set("RESULT_FILE", "results.jsonl")
        .run();
    assert_told(
        &run,
        4,
        &[
            "✖ 10000 targets: 0 posted, 10000 not posted",
            "lines about single targets were left out, all for reasons told above; RESULT_FILE has each",
        ],
    );
    assert!(run.output.lines().count() < 600, "{}", run.output.lines().count());
    assert_eq!(results(&folder).len(), 10_000);
}

/// More of its targets than are at work at once wait for one credential; the others do not wait with them.
#[test]
fn a_limited_credential_takes_no_room_from_the_others() {
    let (sandbox, folder) = (fleet(20), Folder::new());
    let limited = repository_token("service-001");
    sandbox.fault_always_for(&limited, Fault::rate_limited_with("1"));
    let commit = sandbox.head("acme/service-001", "main");
    let entry = |key: usize| json!({ "repo_slug": "service-001", "commit": commit, "state": "ok", "key": format!("k{key}") });
    let mut targets: Vec<_> = (0..20).map(entry).collect();
    targets.extend(entries(&sandbox, 2..=20));
    let gatepost = nightly(&sandbox, &folder, &json!(targets))
        .set("CONCURRENCY", "2")
        .set("BITBUCKET_ACCESS_TOKENS", json!({ "service-001": limited }).to_string());
    let begun = Instant::now();
    let process = gatepost.start();
    while (2..=20).any(|number| state_of(&sandbox, number).is_none()) {
        assert!(begun.elapsed() < Duration::from_secs(10), "the others wait, too");
        thread::yield_now();
    }
    // None of the limited ones was posted so far, and all are once the limit is over.
    assert!(sandbox.statuses("acme/service-001", &commit).is_empty());
    sandbox.clear_faults();
    let run = gatepost.finish(process, begun);
    assert_told(&run, 0, &["✔ 39 targets: 39 posted"]);
}

/// One token is one credential, however many repositories it is given for.
#[test]
fn a_token_under_many_names_has_one_allowance() {
    let (sandbox, folder) = (fleet(20), Folder::new());
    sandbox.world(|world| {
        world.set_allowance_per(WORKSPACE_TOKEN, 5, Duration::from_secs(1));
    });
    let tokens: BTreeMap<_, _> = (1..=20).map(|number| (service(number), WORKSPACE_TOKEN)).collect();
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=20)))
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", json!(tokens).to_string())
        .run();
    assert_told(&run, 0, &["✔ 20 targets: 20 posted"]);
    let refused = sandbox.requests().iter().filter(|request| request.status == Some(429)).count();
    let pauses = run.output.matches("trying again in").count();
    // Those that were under way together meet a limit together.
    assert!(pauses >= 1 && refused <= 8 * pauses, "{refused} were refused, {pauses} pauses\n{}", run.output);
}

/// What fails for some targets is no reason to give the others up unheard.
#[test]
fn targets_that_fail_take_no_others_with_them() {
    let (sandbox, folder) = (fleet(20), Folder::new());
    let tokens: BTreeMap<_, _> =
        (1..=6).map(|number| (service(number), repository_token(&service(number)))).collect();
    for token in tokens.values() {
        sandbox.fault_always_for(token, Fault::status(503));
    }
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=20)))
        .set("BITBUCKET_ACCESS_TOKENS", json!(tokens).to_string())
        .set("CONCURRENCY", "2")
        .set("TIMEOUT", "1")
        .run();
    assert_told(&run, 4, &["✖ 20 targets: 14 posted, 6 not posted", "not posted: 503"]);
    assert!((7..=20).all(|number| state_of(&sandbox, number).is_some()));
}

/// A pull request and its source commit are one place, which is known only when it was looked up.
#[test]
fn targets_that_turn_out_to_be_one_are_posted_once() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let commit = sandbox.head("acme/service-001", "feature/change");
    let by_commit = |state: &str| json!({ "repo_slug": "service-001", "commit": commit[..12], "branch": "feature/change", "state": state });
    let by_pull_request =
        |state: &str| json!({ "repo_slug": "service-001", "pull_request": 1, "state": state });
    let gatepost =
        nightly(&sandbox, &folder, &json!([by_commit("ok"), by_pull_request("ok")])).set("CONCURRENCY", "1");
    let same = gatepost.run();
    assert_told(&same, 0, &["✔ 2 targets: 1 posted, 1 the same as others, posted once"]);
    assert_eq!(posts(&sandbox).values().sum::<usize>(), 1);

    let (sandbox, folder) = (fleet(2), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!([by_commit("ok"), by_pull_request("failed")]))
        .set("CONCURRENCY", "1")
        .set("RESULT_FILE", "results.jsonl");
    let other = gatepost.run();
    assert_told(
        &other,
        4,
        &[
            "✖ acme/service-001: not posted: another target of this run is the same commit with the same key, and says something else\n  to do:    remove one of the two, or give it another KEY",
            "✖ 2 targets: 1 posted, 1 not posted",
            "another one says something else",
        ],
    );
    assert_eq!(state_of(&sandbox, 1).as_deref(), Some("SUCCESSFUL"));
    assert_eq!(results(&folder)[1]["outcome"], "refused");
}

/// What one credential may not do is left to the other one, and not taken for done.
#[test]
fn a_target_whose_twin_was_refused_is_posted() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let commit = sandbox.head("acme/service-001", "feature/change");
    let by_commit = json!({ "repo_slug": "service-001", "commit": commit[..12], "branch": "feature/change", "state": "ok" });
    let by_pull_request = json!({ "repo_slug": "service-001", "pull_request": 1, "state": "ok" });
    sandbox.fault(Fault::status(409));
    let run = nightly(&sandbox, &folder, &json!([by_commit, by_pull_request])).set("CONCURRENCY", "1").run();
    assert_told(&run, 4, &["✖ 2 targets: 1 posted, 1 not posted"]);
    assert_eq!(state_of(&sandbox, 1).as_deref(), Some("SUCCESSFUL"));
}

/// A run that goes on refuses what the one before it refused, whether the hash is abbreviated or not.
#[test]
fn a_contradiction_stays_one_when_resumed() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let commit = sandbox.head("acme/service-001", "feature/change");
    let by_commit =
        json!({ "repo_slug": "service-001", "commit": commit, "branch": "feature/change", "state": "ok" });
    let by_pull_request = json!({ "repo_slug": "service-001", "pull_request": 1, "state": "failed" });
    let gatepost = nightly(&sandbox, &folder, &json!([by_commit, by_pull_request]))
        .set("CONCURRENCY", "1")
        .set("RESULT_FILE", "results.jsonl")
        .set("RESUME", "true");
    for _ in 0..3 {
        let run = gatepost.run();
        assert_told(&run, 4, &["1 not posted", "another one says something else"]);
        assert_eq!(state_of(&sandbox, 1).as_deref(), Some("SUCCESSFUL"));
    }
}

/// The run's own branch and the end of its own build are nothing to a commit elsewhere.
#[test]
fn what_the_run_says_of_its_own_build_is_not_put_on_others() {
    let (sandbox, folder, sonarqube) = (fleet(1), Folder::new(), analysed(1));
    let mut entry = judged(1);
    entry["commit"] = json!(sandbox.head("acme/service-001", "feature/change"));
    entry["branch"] = json!("feature/change");
    let run = nightly(&sandbox, &folder, &json!([entry]))
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("REFNAME", "main")
        .set("BITBUCKET_EXIT_CODE", "1")
        .run();
    let status = &sandbox.pull_request_statuses("acme/service-001", 1)[0];
    assert_eq!(status.refname.as_deref(), Some("feature/change"), "{}", run.output);
    assert!(!run.output.contains("The scan did not finish"), "{}", run.output);
    assert!(!sonarqube.requests().is_empty());
}

/// What is new is told in full however much was told before it.
#[test]
fn a_new_kind_of_failure_is_told_after_hundreds_of_others() {
    let (sandbox, folder) = (fleet(450), Folder::new());
    sandbox.world(|world| {
        world.revoke(WORKSPACE_TOKEN);
    });
    let known = repository_token("service-450");
    sandbox.fault_always_for(&known, Fault::status(409));
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=450)))
        .set("BITBUCKET_ACCESS_TOKENS", json!({ "service-450": known }).to_string())
        .set("CONCURRENCY", "1")
        .run();
    assert_told(
        &run,
        4,
        &[
            "✖ acme/service-001: failed to post the status: Bitbucket answered 401",
            "✖ acme/service-450: failed to post the status: Bitbucket answered 409 Conflict\n  sent:     POST",
            "lines about single targets were left out, all for reasons told above\n",
        ],
    );
}

/// Of many refusals the first are looked into; each read counts against the allowance.
#[test]
fn not_every_refusal_is_looked_into() {
    let (sandbox, folder) = (fleet(200), Folder::new());
    sandbox.world(|world| {
        for number in 1..=200 {
            world.delete_repository(&format!("acme/{}", service(number)));
        }
    });
    let list = (1..=200)
        .map(|number| json!({ "repo_slug": service(number), "commit": "8d081548cabb", "state": "ok" }));
    let run = nightly(&sandbox, &folder, &json!(list.collect::<Vec<_>>())).run();
    assert_told(&run, 4, &["✖ 200 targets: 0 posted, 200 not posted"]);
    let reads = sandbox.requests().iter().filter(|request| request.method == "GET").count();
    assert!((1..=100).contains(&reads), "{reads} reads");
}

#[test]
fn an_inprogress_that_was_refused_is_not_stopped_over() {
    let (sandbox, folder) = (fleet(10), Folder::new());
    sandbox.fault_always(Fault::rate_limited_with("15"));
    let mut targets = entries(&sandbox, 1..=10);
    for target in &mut targets {
        target["state"] = json!("running");
    }
    let gatepost = nightly(&sandbox, &folder, &json!(targets));
    let run = stopped_by("-TERM", &gatepost, || {
        sandbox.requests().iter().filter(|request| request.status == Some(429)).count() >= 8
    });
    assert_eq!(run.code, 143, "{}", run.output);
    assert!(!run.output.contains("STOPPED was posted over"), "{}", run.output);
    assert!(sandbox.requests().iter().all(|request| !request.body.contains("STOPPED")));
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
}

/// However the path is written: it would be written over.
#[test]
fn the_results_never_take_the_place_of_the_list() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1)));
    let list = folder.read("targets.json");
    symlink("targets.json", folder.path().join("symbolic.json")).unwrap();
    fs::hard_link(folder.path().join("targets.json"), folder.path().join("hard.json")).unwrap();
    for name in ["targets.json", "./targets.json", "symbolic.json", "hard.json"] {
        let run = gatepost.clone().set("RESULT_FILE", name).run();
        assert_told(
            &run,
            2,
            &["✖ RESULT_FILE names the file that TARGETS_FILE names: it would be written over"],
        );
        assert_eq!(folder.read("targets.json"), list);
    }
}

/// The step that is one of three sees a third of the list, and the allowance is that of all.
#[test]
fn the_budget_is_that_of_the_whole_group_and_of_what_is_left_to_do() {
    let (sandbox, folder) = (fleet(1_200), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1_200)))
        .set("DRY_RUN", "true")
        .set("BITBUCKET_PARALLEL_STEP", "0")
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "3");
    let warned = "! up to 1200 requests are needed with the access token (BITBUCKET_ACCESS_TOKEN) in the 3 steps together, but 1000 an hour are certain";
    assert_told(&gatepost.run(), 0, &[warned]);
    let whole = gatepost
        .unset("DRY_RUN")
        .unset("BITBUCKET_PARALLEL_STEP")
        .unset("BITBUCKET_PARALLEL_STEP_COUNT")
        .set("RESULT_FILE", "results.jsonl")
        .set("RESUME", "true");
    sandbox.world(|world| {
        world.set_allowance(WORKSPACE_TOKEN, 10_000);
    });
    assert_told(&whole.run(), 0, &["! up to 1200 requests are needed"]);
    let again = whole.run();
    assert_told(&again, 0, &["0 posted, 1200 skipped"]);
    assert!(!again.output.contains("requests are needed"), "{}", again.output);
}

#[test]
fn every_repository_without_a_token_is_told() {
    let (sandbox, folder) = (fleet(4), Folder::new());
    let tokens = json!({ "service-002": repository_token("service-002") });
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=4)))
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string())
        .run();
    let told = ["001", "003", "004"].map(|number| {
        format!("✖ BITBUCKET_ACCESS_TOKENS[\"acme/service-{number}\"] is not there, and there is no other credential")
    });
    assert_told(&run, 2, &told.each_ref().map(String::as_str));
    assert_told(&run, 2, &["✖ 3 variables are wrong; nothing was sent"]);
}

/// What makes the list did not find the name; it would go to the central repository itself.
#[test]
fn a_repository_that_is_left_blank_is_not_the_pipelines_own() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!([]))
        .set("BITBUCKET_WORKSPACE", "acme")
        .set("BITBUCKET_REPO_SLUG", "central-pipeline")
        .set("BITBUCKET_COMMIT", sandbox.head("acme/central-pipeline", "main"));
    for slug in [json!(null), json!(""), json!(" ")] {
        let targets = json!([{ "repo_slug": slug, "pull_request": 1, "state": "ok" }]);
        folder.write("targets.json", targets.to_string().as_bytes());
        assert_told(&gatepost.run(), 2, &["✖ TARGETS_FILE[0].repo_slug is empty\n"]);
    }
    assert!(sandbox.requests().is_empty());
}

/// A credential that is wrong is told, and not that there is none; a name that is near is told, too.
#[test]
fn what_is_told_of_the_tokens_is_true() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let tokens = json!({ "servise-001": repository_token("service-001") }).to_string();
    let gatepost =
        nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1))).set("BITBUCKET_ACCESS_TOKENS", tokens);
    let two = gatepost
        .clone()
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
        .run();
    assert_told(&two, 2, &["two credentials", "✖ 1 variable is wrong; nothing was sent"]);
    let alone = gatepost.unset("BITBUCKET_ACCESS_TOKEN").run();
    assert_told(&alone, 2, &["; or is the entry \"servise-001\" meant for it?\n"]);
}

/// Of two with one name a reader of JSON keeps the last, and nobody would know.
#[test]
fn a_field_that_is_there_twice_is_told() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!([]));
    let twice = r#"[{"repo_slug": "service-001", "commit": "abcdef1", "commit": "abcdef2", "state": "ok"}]"#;
    folder.write("targets.json", twice.as_bytes());
    assert_told(&gatepost.run(), 2, &["✖ TARGETS_FILE[0].commit is there twice"]);
    let (one, other) = (repository_token("service-001"), WORKSPACE_TOKEN);
    folder.write("targets.json", json!(entries(&sandbox, 1..=1)).to_string().as_bytes());
    let tokens = format!(r#"{{"service-001": "{one}", "service-001": "{other}"}}"#);
    let run = gatepost.set("BITBUCKET_ACCESS_TOKENS", tokens).run();
    assert_told(
        &run,
        2,
        &["✖ BITBUCKET_ACCESS_TOKENS[\"service-001\"] names a repository that another entry names, too"],
    );
    assert!(sandbox.requests().is_empty());
}

/// The pages that commits link to by default have to be the same for that.
#[test]
fn one_commit_is_one_target_however_many_digits_it_is_written_with() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let commit = sandbox.head("acme/service-001", "feature/change");
    let entry = |commit: &str| json!({ "repo_slug": "service-001", "commit": commit, "branch": "feature/change", "state": "ok" });
    let targets = json!([
        entry(&commit),
        entry(&commit[..13]),
        { "repo_slug": "service-001", "pull_request": 1, "state": "ok" },
    ]);
    let run = nightly(&sandbox, &folder, &targets).run();
    assert_told(&run, 0, &["✔ 3 targets: 1 posted, 2 the same as others, posted once\n"]);
}

#[test]
fn half_of_what_parallel_steps_are_told_by_is_not_enough() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1)))
        .set("BITBUCKET_PARALLEL_STEP", "0")
        .run();
    assert_told(
        &run,
        2,
        &[
            "✖ BITBUCKET_PARALLEL_STEP is set, and BITBUCKET_PARALLEL_STEP_COUNT is not: every step would post everything",
        ],
    );
}

/// The most memory that a process held at once, in KiB, as the kernel counted it until shortly before its end.
fn peak_kib(gatepost: &Gatepost) -> (u64, Run) {
    let begun = Instant::now();
    let mut child = gatepost.start();
    let mut peak = 0;
    let status = format!("/proc/{}/status", child.id());
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = kib.unwrap_or(peak);
    }
    (peak, gatepost.finish(child, begun))
}

/// Commits that are given, and pull requests that are looked up.
#[test]
fn memory_grows_by_less_than_two_kib_an_entry() {
    let sandbox = fleet(10_000);
    let given = |count| entries(&sandbox, 1..=count);
    let looked_up = |count| {
        let entry = |number| json!({ "repo_slug": service(number), "pull_request": 1 });
        (1..=count).map(entry).collect::<Vec<_>>()
    };
    for bytes_an_entry in [bytes_an_entry(&sandbox, given), bytes_an_entry(&sandbox, looked_up)] {
        assert!(bytes_an_entry < 2048, "{bytes_an_entry} bytes an entry");
    }
}

/// How much more memory each of 10,000 entries takes than each of 100.
fn bytes_an_entry(sandbox: &Sandbox, entries: impl Fn(usize) -> Vec<Value>) -> u64 {
    let folder = Folder::new();
    // INPROGRESS is remembered until the end, and every text of the entry is its own.
    let entry = |(number, mut entry): (usize, Value)| {
        entry["state"] = json!("running");
        entry["name"] = json!(format!("Quality gate of service {number} in the nightly run"));
        entry["description"] =
            json!(format!("The analysis of service {number} is under way {}", "and goes on ".repeat(12)));
        entry["url"] =
            json!(format!("https://sonar.example.com/dashboard?id=acme_service_{number}&pullRequest=1"));
        entry
    };
    let [few, many] = [100, 10_000].map(|count| {
        let targets: Vec<_> = entries(count).into_iter().enumerate().map(entry).collect();
        let gatepost = nightly(sandbox, &folder, &json!(targets)).set("RESULT_FILE", "results.jsonl");
        let (peak, run) = peak_kib(&gatepost);
        assert_eq!(run.code, 0, "{}", run.output);
        peak
    });
    (many - few) * 1024 / 9_900
}
