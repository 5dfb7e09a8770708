//! Every example of the documents is run as it is written.

use std::{collections::BTreeSet, process::Command};

use sandbox::{Analysis, Condition, Dialect, End, Gate, Level, PipelinesProxy, Projects, SonarQube};
use serde_json::{Value, json};

use super::{
    IMAGE, Section, central, many_targets, repository_file, settle,
    step::{Step, pipes},
};
use crate::run::{Folder, acme, after_scan, bare, in_branch_build, in_pull_request_build, scanned};

/// A test for each section that has examples, and the list of these sections.
macro_rules! examples {
    ($($name:ident: $document:literal, $($heading:literal)&+ => $run:expr;)+) => {
        const RUN: &[(&str, &str)] = &[$($(($document, $heading)),+),+];

        $(#[test]
        fn $name() {
            let run: fn(&Section) = $run;
            let sections = [$(Section::find($document, $heading)),+];
            run(&sections[0]);
        })+
    };
}

examples! {
    the_commands_of_readme_exist: "README.md", "Bitbucket Pipelines Pipe: Gatepost" => commands_exist;
    both_forms_of_the_pipe_line_work: "README.md", "YAML Definition" => pipe_lines;
    the_check_of_a_token_works: "README.md", "Prerequisites" => check_of_a_token;
    the_basic_example_works: "README.md", "Basic example" => scan_in_its_step;
    the_short_central_pipeline_works: "README.md", "Central pipeline" => central::after_script;
    the_given_state_is_posted: "README.md", "A state that you give" => given_state;
    the_docker_command_works: "README.md", "By hand, with Docker" => by_hand_with_docker;
    every_scanner_works: "docs/scanners.md", "The pipeline" => scanners;
    a_private_certificate_is_trusted: "docs/scanners.md", "A private certificate" => scan_in_its_step;
    a_red_gate_may_leave_the_step_green: "docs/scanners.md", "A red gate that does not fail the step" => scan_in_its_step;
    conditions_may_only_advise: "docs/scanners.md", "Conditions that only advise" => advice;
    a_monorepo_gets_a_status_for_each_project: "docs/scanners.md", "A monorepo" =>
        |section| after_a_scan(&section.only_yaml(), &["api/.scannerwork", "web/.scannerwork"]);
    a_project_that_a_change_does_not_touch_has_a_status: "docs/scanners.md", "Projects that a change does not touch" =>
        unaffected_projects;
    the_gate_may_be_in_another_step: "docs/scanners.md", "The gate in another step" => scan_in_its_step;
    a_project_is_asked_about_without_a_file: "docs/scanners.md", "By project, without a file" =>
        |section| after_a_scan(&section.only_yaml(), &[]);
    the_curl_script_fails_and_says_nothing: "docs/moving-from-curl.md", "Moving from a curl script and an app password" => curl_script;
    the_pipe_replaces_the_curl_script: "docs/moving-from-curl.md", "The steps" => scan_in_its_step;
    the_central_pipeline_works: "docs/central-pipeline.md",
        "The repository that triggers" & "The central repository" => central::triggered;
    every_credential_of_a_central_pipeline_works: "docs/central-pipeline.md", "Credentials for many repositories" =>
        central::credentials;
    the_shared_configuration_works: "docs/central-pipeline.md", "Shared pipeline configuration" => shared_configuration;
    the_list_of_targets_works: "docs/many-targets.md", "Many targets in one run" => many_targets::list;
    the_nightly_run_works: "docs/many-targets.md",
        "Nightly, over all open pull requests" & "Parallel steps" => many_targets::nightly;
    the_nightly_settle_works: "docs/settle.md", "Every night" => settle::nightly;
    the_line_of_the_result_file_is_written: "docs/results-and-exit-codes.md", "RESULT_FILE" => result_file;
    the_line_of_a_report_is_written: "docs/results-and-exit-codes.md", "The line of a report" => line_of_report;
    a_report_without_a_credential_works: "docs/reports.md", "Without a credential" => without_credential;
    the_commands_for_contributors_exist: "docs/contributing.md", "Build and test" => commands_exist;
    the_commands_for_the_page_of_faults_exist: "docs/faults.md", "Faults" => commands_exist;
    the_commands_to_verify_an_image_ask_for_what_is_released: "docs/security.md", "Verify an image" => commands_to_verify;
}

#[test]
fn every_example_is_run() {
    let has_example = |section: &Section| {
        ["yaml", "sh", "json"].iter().any(|language| !section.blocks(language).is_empty())
    };
    let sections = Section::all();
    let examples: BTreeSet<_> = sections
        .iter()
        .filter(|section| has_example(section))
        .map(|section| (section.document.as_str(), section.heading.as_str()))
        .collect();
    assert_eq!(RUN.iter().copied().collect::<BTreeSet<_>>(), examples);
}

/// Another server than SonarQube Cloud needs it: the token must not go where a scanned repository says.
#[test]
fn every_central_example_names_the_server() {
    let sections = Section::all();
    let documents: Vec<Value> = sections.iter().flat_map(Section::yaml).collect();
    let central = documents.iter().flat_map(pipes).filter(|pipe| {
        let has = |name: &str| pipe["variables"].get(name).is_some();
        (has("REPO_SLUG") || has("TARGETS_FILE")) && has("SONAR_TOKEN")
    });
    let mut named = 0;
    for pipe in central {
        named += 1;
        assert_eq!(pipe["variables"]["SONAR_HOST_URL"], "$SONAR_HOST_URL", "{pipe}");
    }
    assert!(named >= 4, "{named}");
}

/// `test/run` runs them; here it is enough that they are there.
fn commands_exist(section: &Section) {
    for line in section.block("sh").lines() {
        let program = line.split(' ').next().unwrap();
        assert!(program == "cargo" || repository_file(program).is_file(), "{line}");
    }
}

/// They need a registry; here it is enough that they name this version, its files and its key.
fn commands_to_verify(section: &Section) {
    let commands = section.blocks("sh").concat();
    let words: Vec<_> = commands.split_whitespace().collect();
    let images: Vec<_> = words.iter().filter(|word| word.starts_with("gatepost/gatepost:")).collect();
    assert!(!images.is_empty() && images.iter().all(|image| **image == IMAGE), "{commands}");
    assert!(commands.contains(concat!("--branch ", env!("CARGO_PKG_VERSION"), " ")), "{commands}");
    let dockerfile = super::read("Dockerfile");
    for file in words.iter().filter_map(|word| word.strip_prefix("gatepost:")) {
        assert!(dockerfile.contains(&format!("{file} ")), "{file}");
    }
    let pipeline = super::read("bitbucket-pipelines.yml");
    assert!(words.contains(&"gatepost/docs/cosign.pub") && pipeline.contains("--key docs/cosign.pub"));
}

fn pipe_lines(section: &Section) {
    let documents = section.yaml();
    let forms: Vec<_> = documents[1..].iter().map(|document| document[0]["pipe"].as_str().unwrap()).collect();
    assert_eq!(forms, [IMAGE, concat!("docker://gatepost/gatepost:", env!("CARGO_PKG_VERSION"))]);
    for document in &documents[1..] {
        after_a_scan(document, &[".scannerwork"]);
    }
}

/// The scan runs in the root of the repository.
fn scan_in_its_step(section: &Section) {
    let document = section.only_yaml();
    assert!(document.to_string().contains("\"sonar-scanner\""), "{document}");
    after_a_scan(&document, &[".scannerwork"]);
}

/// Each row of the table takes the place of `sonar-scanner` in the pipeline.
fn scanners(section: &Section) {
    let document = section.only_yaml();
    let rows = section.rows();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let code = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let (lines, folder) = (code(row[1]), code(row[2]));
        let mut document = document.clone();
        let script = &mut document["pipelines"]["pull-requests"]["**"][0]["step"]["script"];
        assert_eq!(*script, json!(["sonar-scanner"]));
        *script = json!(lines);
        after_a_scan(&document, &[&folder[0]]);
    }
}

/// Runs the pipes of an example in the build of a pull request, after a scan that left its file in these folders:
/// with a red gate, with a green one, and, if the example passes the exit code, after a scan that crashed.
fn after_a_scan(document: &Value, folders: &[&str]) {
    let text = document.to_string();
    let is_advisory = text.contains("FAIL_ON_RED_GATE");
    let projects = ["acme_api", "acme_web"];
    for (gate, state, code) in
        [(Gate::failed(), "FAILED", i32::from(!is_advisory)), (Gate::passed(), "SUCCESSFUL", 0)]
    {
        let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
        let folder = Folder::new();
        let analysis = |project| Analysis::of_pull_request(project, "7", gate.clone());
        for (place, project) in folders.iter().zip(projects) {
            let submitted = sonarqube.submit(analysis(project));
            folder.write(&format!("{place}/report-task.txt"), submitted.report_task.as_bytes());
        }
        if folders.is_empty() {
            sonarqube.submit(analysis("acme_api"));
        }
        let has_certificate = text.contains("SONAR_ROOT_CERT");
        let url = if has_certificate { sonarqube.https_url() } else { sonarqube.http_url() };
        let known = [
            ("BITBUCKET_EXIT_CODE", "0"),
            ("SONAR_HOST_URL", &url),
            ("SONAR_ROOT_CERT", sonarqube.root_certificate_pem()),
        ];
        let step = Step::new(in_pull_request_build(&sandbox).within(folder.path()), &known);
        for pipe in pipes(document) {
            step.run(pipe, code);
        }
        let shown = sandbox.pull_request_statuses("acme/api", 7);
        assert_eq!(shown.len(), folders.len().max(1));
        assert!(shown.iter().all(|status| status.state == state), "{shown:?}");
    }
    if text.contains("BITBUCKET_EXIT_CODE") {
        after_a_crash(document);
    }
}

/// The gate is red: by coverage alone, and by other conditions as well.
fn advice(section: &Section) {
    let document = section.only_yaml();
    let coverage = Condition::new(Level::Error, "new_coverage", "LT", "80", "54.89417989417989");
    for (gate, code, description) in [
        (Gate::of(vec![coverage]), 0, "Quality gate passed, except for advice: 54.9% Coverage on New Code"),
        (
            Gate::failed(),
            1,
            "C Reliability Rating on New Code (is worse than A), 3 New Issues (is greater than 0)",
        ),
    ] {
        let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
        let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", gate));
        let folder = scanned(".scannerwork", &submitted);
        Step::new(in_pull_request_build(&sandbox).within(folder.path()), &[]).run(pipes(&document)[0], code);
        let shown = &sandbox.pull_request_statuses("acme/api", 7)[0];
        assert_eq!(shown.description.as_deref(), Some(description));
    }
}

/// The change touches one project of three, and then none.
fn unaffected_projects(section: &Section) {
    let document = section.only_yaml();
    let sandbox = acme();
    let sonarqube = SonarQube::start(Projects::acme(Dialect::Server2025));
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
    for (folder, exit_code, code, states) in [
        (Folder::new(), "1", 3, ["FAILED", "FAILED", "FAILED", "FAILED"]),
        (scanned("api/.scannerwork", &submitted), "0", 0, ["SUCCESSFUL"; 4]),
        (Folder::new(), "0", 0, ["SUCCESSFUL"; 4]),
    ] {
        let build = in_pull_request_build(&sandbox).within(folder.path());
        Step::new(build, &[("BITBUCKET_EXIT_CODE", exit_code)]).run(pipes(&document)[0], code);
        let statuses = sandbox.pull_request_statuses("acme/api", 7).into_iter();
        let mut posted: Vec<_> = statuses.map(|status| (status.key, status.state)).collect();
        posted.sort();
        let keys = ["sonar", "sonar-acme_api", "sonar-acme_docs", "sonar-acme_web"].map(str::to_owned);
        assert_eq!(posted, keys.into_iter().zip(states.map(str::to_owned)).collect::<Vec<_>>());
    }
    let description = |key: &str| {
        let statuses = sandbox.pull_request_statuses("acme/api", 7);
        statuses.into_iter().find(|status| status.key == key).and_then(|status| status.description)
    };
    // What stands is a verdict, and stays.
    let gate = "Quality gate passed: acme_api, pull request 7";
    assert_eq!(description("sonar-acme_api").as_deref(), Some(gate));
    assert_eq!(description("sonar-acme_web").as_deref(), Some("Not affected by this change"));
}

fn after_a_crash(document: &Value) {
    let (sandbox, folder) = (acme(), Folder::new());
    let known =
        [("BITBUCKET_EXIT_CODE", "1"), ("SONAR_HOST_URL", "https://localhost:9"), ("SONAR_ROOT_CERT", "")];
    let step = Step::new(in_pull_request_build(&sandbox).within(folder.path()), &known);
    step.run(pipes(document)[0], 3);
    let shown = sandbox.pull_request_statuses("acme/api", 7);
    assert_eq!(shown[0].description.as_deref(), Some("The scan did not finish (exit code 1)"));
}

fn given_state(section: &Section) {
    let document = section.only_yaml();
    for (exit_code, state) in [("0", "SUCCESSFUL"), ("1", "FAILED")] {
        let sandbox = acme();
        let step = Step::new(in_branch_build(&sandbox), &[("BITBUCKET_EXIT_CODE", exit_code)]);
        let states: Vec<_> = pipes(&document)
            .into_iter()
            .map(|pipe| {
                step.run(pipe, 0);
                let statuses = sandbox.statuses("acme/api", &sandbox.head("acme/api", "main"));
                assert_eq!(statuses.len(), 1, "one key");
                statuses[0].state.clone()
            })
            .collect();
        assert_eq!(states, ["INPROGRESS", state]);
    }
}

fn by_hand_with_docker(section: &Section) {
    let sandbox = acme();
    let words = shell_words(section.block("sh"));
    assert_eq!(words[..3], ["docker", "run", "--rm"]);
    assert_eq!(words.last().unwrap(), IMAGE);
    let mut run = bare().set("BITBUCKET_API_URL", sandbox.http_url());
    for pair in words[3..words.len() - 1].chunks(2) {
        assert_eq!(pair[0], "-e");
        run = match pair[1].split_once('=') {
            Some((name, value)) => run.set(name, value),
            None => run.set(&pair[1], sandbox::REPOSITORY_TOKEN),
        };
    }
    let ended = run.run();
    assert_eq!(ended.code, 0, "{}", ended.output);
    let shown = &sandbox.pull_request_statuses("acme/api", 7)[0];
    assert_eq!(
        (shown.state.as_str(), shown.description.as_deref()),
        ("FAILED", Some("54.9 % coverage on new code, less than 80 %"))
    );
}

/// The words of a command with line continuations and double quotes.
fn shell_words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.replace("\\\n", " ").trim().chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn check_of_a_token(section: &Section) {
    let document = section.only_yaml();
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let step = Step::new(in_branch_build(&sandbox), &[("SONAR_HOST_URL", &sonarqube.http_url())]);
    step.run(pipes(&document)[0], 0);
    assert!(sandbox.requests().iter().all(|request| request.method == "GET"));
}

/// The script fails, but curl does not say so.
fn curl_script(section: &Section) {
    let (sandbox, folder) = (acme(), Folder::new());
    let commit = sandbox.head("acme/web", "fix/header");
    let ended = Command::new("sh")
        .arg("-c")
        .arg(section.block("sh").replace("https://api.bitbucket.org/2.0", &sandbox.http_url()))
        .current_dir(folder.path())
        .env("BITBUCKET_USERNAME", sandbox::CI_USERNAME)
        .env("BITBUCKET_APP_PASSWORD", sandbox::APP_PASSWORD)
        .env("TARGET_WORKSPACE", "acme")
        .env("TARGET_REPO_SLUG", "web")
        .env("TARGET_COMMIT", &commit)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(String::from_utf8_lossy(&ended.stdout).contains("CHANGE-3222"));
    assert_eq!(sandbox.requests()[0].method, "POST");
    assert!(sandbox.statuses("acme/web", &commit).is_empty());
}

fn shared_configuration(section: &Section) {
    let [exported, importing] = &section.yaml()[..] else { panic!("two examples") };
    let import = &importing["pipelines"]["pull-requests"]["**"]["import"];
    let name = import.as_str().unwrap().strip_prefix("central-pipeline:main:").unwrap();
    assert_eq!(exported["export"], true);
    assert!(exported["definitions"]["pipelines"][name].is_array(), "{exported}");
    after_a_scan(exported, &[".scannerwork"]);
}

fn result_file(section: &Section) {
    let (sandbox, folder) = (acme(), Folder::new());
    let build = in_pull_request_build(&sandbox).within(folder.path());
    let run = build.set("STATE", "failed").set("RESULT_FILE", "results.jsonl").run();
    assert_eq!(run.code, 0, "{}", run.output);
    let mut expected: Value = serde_json::from_str(section.block("json")).unwrap();
    expected["target"]["commit"] = sandbox.head("acme/api", "feature/login")[..12].into();
    assert_eq!(serde_json::from_str::<Value>(&folder.read("results.jsonl")).unwrap(), expected);
}

/// The line after that of the status.
fn line_of_report(section: &Section) {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let red = Analysis::of_pull_request("acme_api", "7", Gate::failed());
    let folder = scanned(".scannerwork", &sonarqube.submit(red));
    let run = after_scan(&sandbox, &folder).unset("REPORT").set("RESULT_FILE", "results.jsonl").run();
    assert_eq!(run.code, 1, "{}", run.output);
    let mut expected: Value = serde_json::from_str(section.block("json")).unwrap();
    expected["target"]["commit"] = sandbox.head("acme/api", "feature/login")[..12].into();
    let results = folder.read("results.jsonl");
    let line = results.lines().nth(1).unwrap();
    assert_eq!(serde_json::from_str::<Value>(line).unwrap(), expected);
}

/// The repository has no credential, and the step has the proxy of Pipelines.
fn without_credential(section: &Section) {
    let document = section.only_yaml();
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let red = Analysis::of_pull_request("acme_api", "7", Gate::failed());
    let folder = scanned(".scannerwork", &sonarqube.submit(red));
    let proxy = PipelinesProxy::beside("acme/api", sandbox.http_port(), sandbox::REPOSITORY_TOKEN);
    let build = in_pull_request_build(&sandbox).within(folder.path()).set("REPORT_PROXY", proxy.url());
    let mut step = Step::new(build, &[]);
    let _ = step.known.remove("BITBUCKET_ACCESS_TOKEN");
    step.run(pipes(&document)[0], 1);
    let head = sandbox.head("acme/api", "feature/login");
    let reports = sandbox.world(|world| world.reports("acme/api", &head));
    assert_eq!((reports.len(), reports[0].annotations.len()), (1, 3));
    assert!(sandbox.pull_request_statuses("acme/api", 7).is_empty());
}

#[test]
fn each_event_of_a_scan_has_the_state_and_the_exit_code_of_its_row() {
    let section = Section::find("docs/scanners.md", "Which state is posted");
    let rows = section.rows();
    assert_eq!(rows.len(), 10);
    for row in rows {
        let green = Analysis::of_pull_request("acme_api", "7", Gate::passed());
        let gate = |gate| Analysis { gate, ..green.clone() };
        let failed = End::Failed { message: "out of disk".to_owned() };
        let (analysis, variable) = match row[0] {
            event if event.contains("is green") => (Some(green), ("DEBUG", "false")),
            event if event.contains("ADVISORY_CONDITIONS") => {
                (Some(gate(Gate::failed())), ("ADVISORY_CONDITIONS", "*"))
            }
            event if event.contains("is red") => (Some(gate(Gate::failed())), ("DEBUG", "false")),
            event if event.contains("no quality gate") => (Some(gate(Gate::none())), ("DEBUG", "false")),
            event if event.contains("another pull request") => {
                (Some(Analysis::of_pull_request("acme_api", "3", Gate::passed())), ("DEBUG", "false"))
            }
            event if event.contains("there is no `report-task.txt`") => (None, ("SCAN_EXIT_CODE", "0")),
            event if event.contains("nothing proves") => {
                (Some(green.submitted("2026-09-01T08:00:00+0000")), ("SCAN_EXIT_CODE", "1"))
            }
            event if event.contains("analysis failed") => {
                (Some(Analysis { end: failed, ..green }), ("DEBUG", "false"))
            }
            event if event.contains("did not finish") => {
                (Some(Analysis { polls: u32::MAX, ..green }), ("SONAR_TIMEOUT", "1"))
            }
            event if event.contains("neither") => (None, ("DEBUG", "false")),
            event => panic!("nothing runs the row {event}"),
        };
        let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
        let folder = match analysis {
            Some(analysis) => scanned(".scannerwork", &sonarqube.submit(analysis)),
            None => Folder::new(),
        };
        let run = after_scan(&sandbox, &folder).set(variable.0, variable.1).run();
        assert!(row[2].starts_with(&run.code.to_string()), "{}: {}", row[0], run.output);
        let posted = sandbox.pull_request_statuses("acme/api", 7);
        let state = posted.first().map_or("nothing is posted", |status| &status.state);
        // The default of ON_NO_GATE.
        let expected = row[1].trim_matches('`').replace("ON_NO_GATE", "FAILED");
        assert_eq!(expected, state, "{}", row[0]);
    }
}

#[test]
fn each_word_of_the_table_is_its_state() {
    for row in Section::find("docs/variables.md", "Words for a state").rows() {
        for word in row[1].split(", ") {
            let (sandbox, word) = (acme(), word.trim_matches('`'));
            let run = in_pull_request_build(&sandbox).set("STATE", word).set("DRY_RUN", "true").run();
            let told = format!("would post {} on acme/api", row[0].trim_matches('`'));
            assert!(run.output.contains(&told), "{word}: {}", run.output);
        }
    }
}
