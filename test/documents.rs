//! README, `pipe.yml`, `--help` and the code agree, and every example in the README works as it stands.

use std::{collections::BTreeMap, env, fs, os::unix::fs::PermissionsExt as _, process::Command};

use gatepost::{
    config::{help, variables::Variables},
    explain::handbook,
};
use sandbox::{Analysis, Dialect, Gate, Projects, PullRequest, SonarQube, Submitted};
use serde_json::{Value, json};

use crate::run::{
    Folder, Gatepost, Sandbox, World, acme, bare, in_branch_build, in_central_pipeline,
    in_pull_request_build, scanned,
};

const README: &str = include_str!("../README.md");
const PIPE: &str = include_str!("../pipe.yml");
const CHANGELOG: &str = include_str!("../CHANGELOG.md");
const IMAGE: &str = concat!("gatepost/gatepost:", env!("CARGO_PKG_VERSION"));
/// What ended; the README tells of it, but nobody is invited to set it.
const ENDED: [&str; 2] = ["BITBUCKET_USERNAME", "BITBUCKET_APP_PASSWORD"];

/// The code blocks of a language in a part of the README.
fn blocks<'a>(part: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    part.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The part of the README below a heading, up to the next of its level.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let level = heading.split(' ').next().unwrap();
    let (_, rest) =
        text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    rest.split(&format!("\n{level} ")).next().unwrap()
}

fn yaml(text: &str) -> Value {
    serde_yaml_ng::from_str(text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

#[test]
fn the_readme_has_the_tables_of_the_code() {
    for group in [
        "Credentials",
        "Target",
        "Status",
        "SonarQube",
        "Many targets in one run",
        "Behaviour",
        "Set by Pipelines",
    ] {
        let table = help::markdown_table(group);
        assert!(section(README, &format!("### {group}")).contains(&table), "{group} should be\n{table}");
    }
    let table = help::markdown_exit_codes();
    assert!(section(README, "## Details").contains(&table), "the exit codes should be\n{table}");
}

#[test]
fn the_readme_has_the_handbook_of_the_messages() {
    let handbook = help::markdown_handbook();
    assert!(
        section(README, "## When Bitbucket answers 401, 403 or 404").contains(handbook.trim_end()),
        "it should have\n{handbook}"
    );
}

/// Who looks for the words of an answer finds its entry.
#[test]
fn every_trouble_is_found_by_what_bitbucket_answers() {
    let rejected = "Token is invalid, expired, or not supported for this endpoint.";
    let hidden = "You may not have access to this repository or it no longer exists in this workspace.";
    for (trouble, answer) in [
        (&handbook::APP_PASSWORD, "CHANGE-3222 - Functionality has been deprecated"),
        (
            &handbook::APP_PASSWORD,
            "Bitbucket Cloud recently stopped supporting account passwords for API authentication.",
        ),
        (&handbook::GIT_USER_NAME, rejected),
        (&handbook::USER_NAME, rejected),
        (&handbook::API_TOKEN_AS_BEARER, rejected),
        (&handbook::ACCESS_TOKEN_AS_BASIC, rejected),
        (&handbook::NO_SCOPES, "400 with an empty body"),
        (&handbook::API_TOKEN_SCOPE, "Your credentials lack one or more required privilege scopes."),
        (&handbook::ACCESS_TOKEN_SCOPE, "Your credentials lack one or more required privilege scopes."),
        (&handbook::OTHER_REPOSITORY, hidden),
        (&handbook::OTHER_REPOSITORY, "make sure you are authenticated."),
        (&handbook::WRONG_NAME, "The requested repository either does not exist or you do not have access."),
        (&handbook::NO_WORKSPACE, "No workspace with identifier"),
        (&handbook::MANAGED_ACCOUNT, "BitbucketCustom"),
        (&handbook::NOT_THE_API, "There is no API hosted at this URL."),
        (&handbook::API_TOKEN_EXPIRED, rejected),
        (&handbook::API_TOKEN_EXPIRED, "Token is invalid or not supported for this endpoint."),
        (&handbook::API_TOKEN_EXPIRED, "Basic realm=\"Bitbucket.org HTTP\""),
        (&handbook::ACCESS_TOKEN_EXPIRED, rejected),
        (&handbook::OAUTH_TOKEN_EXPIRED, "Access token expired."),
        (&handbook::ANOTHERS_STATUS, "403"),
        (&handbook::LONG_KEY, "Ensure this value has at most 40 characters (it has 48)."),
        (&handbook::UNREACHABLE_URL, "Enter a valid URL."),
        (&handbook::BAD_FIELD, "Bad request"),
        (&handbook::UNKNOWN_COMMIT, "Commit not found"),
        (&handbook::CENTRAL_COMMIT, "on the wrong commit"),
        (&handbook::RATE_LIMIT, "Rate limit for this resource has been exceeded"),
        (&handbook::ORPHAN, "stays blocked"),
        (&handbook::PASTED, rejected),
        (&handbook::NOT_EXPANDED, "401"),
        (&handbook::WRONG_MECHANISM, "This API is not accessible by this authentication mechanism"),
    ] {
        let title = help::marked(trouble.title);
        let entry =
            section(section(README, "## When Bitbucket answers 401, 403 or 404"), &format!("### {title}"));
        let told = entry.lines().find(|line| line.starts_with("- Answer: ")).unwrap();
        assert!(told.contains(answer), "{title}: {told}");
    }
}

#[test]
fn the_readme_has_the_parts_that_pipes_have_in_their_order() {
    let headings: Vec<_> = README.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(
        headings,
        [
            "## YAML Definition",
            "## Variables",
            "## Details",
            "## Prerequisites",
            "## Examples",
            "## When Bitbucket answers 401, 403 or 404",
            "## Support",
            "## License"
        ]
    );
    assert!(README.starts_with("# Bitbucket Pipelines Pipe: Gatepost\n"));
}

#[test]
fn the_definition_lists_every_variable_that_may_be_set() {
    let definition = blocks(section(README, "## YAML Definition"), "yaml")[0].replace("# ", "");
    let definition = definition.replace(" Optional", " # Optional");
    let definition = yaml(&definition);
    let listed: Vec<_> = definition[0]["variables"].as_object().unwrap().keys().cloned().collect();
    let mut known: Vec<_> = Variables::ALL
        .iter()
        .filter(|variable| variable.group != "Set by Pipelines")
        .map(gatepost::config::variables::Variable::name)
        .filter(|name| !ENDED.contains(&name.as_str()))
        .collect();
    known.sort();
    assert_eq!(listed, known);
}

#[test]
fn pipe_yml_has_the_defaults_of_the_code() {
    let pipe = yaml(PIPE);
    assert_eq!(pipe["image"], IMAGE);
    for field in ["name", "description", "category", "repository"] {
        assert!(pipe[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
    }
    for entry in pipe["variables"].as_array().unwrap() {
        let (name, default) = (entry["name"].as_str().unwrap(), entry["default"].as_str().unwrap());
        let variable = Variables::ALL.iter().find(|variable| variable.name() == name);
        let variable = variable.unwrap_or_else(|| panic!("{name} is not known"));
        let expected = match variable.group {
            _ if variable.secret || variable.group == "Credentials" => format!("${{{name}}}"),
            _ => variable.default.trim_matches('`').to_owned(),
        };
        assert_eq!(default, expected, "{name}");
    }
}

#[test]
fn one_version_everywhere() {
    let mut named = 0;
    for (text, what) in [(README, "README.md"), (PIPE, "pipe.yml")] {
        for rest in text.split("gatepost/gatepost:").skip(1) {
            assert!(rest.starts_with(env!("CARGO_PKG_VERSION")), "{what}: {}", rest.lines().next().unwrap());
            named += 1;
        }
    }
    assert!(named >= 7, "{named}");
    let newest = CHANGELOG.lines().find(|line| line.starts_with("## ")).unwrap();
    assert_eq!(newest, concat!("## ", env!("CARGO_PKG_VERSION")));
}

/// What a step knows: the variables that Pipelines sets, and those of the repository or the workspace.
struct Step {
    pipe: Gatepost,
    known: BTreeMap<String, String>,
}

impl Step {
    fn new(build: Gatepost, known: &[(&str, &str)]) -> Self {
        let pipe = build.unset("BITBUCKET_ACCESS_TOKEN").unset("STATE");
        let text = |text: &std::ffi::OsString| text.to_str().unwrap().to_owned();
        let set_by_pipelines = pipe.variables().iter().map(|(name, value)| (text(name), text(value)));
        let secured = [
            ("BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN),
            ("WORKSPACE_ACCESS_TOKEN", sandbox::WORKSPACE_TOKEN),
            ("CENTRAL_PIPELINE_TOKEN", sandbox::WORKSPACE_TOKEN),
            ("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL),
            ("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN),
            ("SONAR_TOKEN", sandbox::USER_TOKEN),
        ];
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let known = set_by_pipelines.chain(secured.map(own)).chain(known.iter().copied().map(own)).collect();
        Self { pipe, known }
    }

    /// A text with each `$NAME` replaced; a name that the step does not know is a mistake in the example.
    fn expand(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut expanded = parts.next().unwrap().to_owned();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            let value = self.known.get(name);
            expanded += value.unwrap_or_else(|| panic!("${name} is not set in this step"));
            expanded += rest;
        }
        expanded
    }

    /// Runs a `- pipe:` as it stands in the example, to an exit code.
    fn run(&self, pipe: &Value, code: i32) {
        let mut run = self.pipe.clone();
        for (name, value) in pipe["variables"].as_object().unwrap() {
            run = run.set(name, self.expand(value.as_str().unwrap()));
        }
        let ended = run.run();
        assert_eq!(ended.code, code, "{}", ended.output);
        // A SonarQube on loopback has no address that a reviewer could open.
        let warned =
            |line: &str| line.starts_with('!') && !line.contains("does not link to SonarQube's dashboard");
        assert!(!ended.output.lines().any(warned), "{}", ended.output);
    }
}

/// Every `- pipe:` with an image whose name begins so, in the order of the document.
fn pipes<'a>(document: &'a Value, image: &str) -> Vec<&'a Value> {
    match document {
        Value::Object(fields)
            if fields.get("pipe").is_some_and(|pipe| pipe.as_str().unwrap().starts_with(image)) =>
        {
            vec![document]
        }
        // `after-script` sorts before `script`, and runs after it.
        Value::Object(fields) => fields.values().rev().flat_map(|value| pipes(value, image)).collect(),
        Value::Array(items) => items.iter().flat_map(|value| pipes(value, image)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_example_works_as_it_stands() {
    let examples = section(README, "## Examples");
    let mut run = 0;
    for example in examples.split("\n### ").skip(1) {
        let (title, text) = example.split_once('\n').unwrap();
        let documents: Vec<Value> = blocks(text, "yaml").into_iter().map(yaml).collect();
        run += documents.len() + blocks(text, "sh").len();
        let document = documents.first();
        match title {
            "Maven" => judged(document.unwrap(), "mvn", &["target/sonar"]),
            "Gradle" => judged(document.unwrap(), "gradlew", &["build/sonar"]),
            ".NET" => judged(document.unwrap(), "dotnet sonarscanner", &[".sonarqube/out/.sonar"]),
            "npm, and the scanner's command line" => {
                judged(document.unwrap(), "@sonar/scan", &[".scannerwork"]);
            }
            "Python" => judged(document.unwrap(), "pysonar", &[".sonar"]),
            "SonarQube Server behind a private certificate" | "Advisory mode" => {
                judged(document.unwrap(), "sonar-scanner", &[".scannerwork"]);
            }
            "Monorepo" => {
                judged(document.unwrap(), "sonar-scanner", &["api/.scannerwork", "web/.scannerwork"]);
            }
            "From another step" => judged(document.unwrap(), "sonar-scanner", &[".scannerwork"]),
            "By project, without a file" => judged(document.unwrap(), "", &[]),
            "A state of your own" => own_state(document.unwrap()),
            "By hand, with Docker" => by_hand_with_docker(blocks(text, "sh")[0]),
            "Check the token" => check_the_token(document.unwrap()),
            "Moving from a curl script and an app password" => {
                curl_script(blocks(text, "sh")[0]);
                judged(&documents[0], "sonar-scanner", &[".scannerwork"]);
                central_after_script(&documents[1]);
            }
            "Credentials of a central pipeline" => documents.iter().for_each(central_credential),
            "Shared pipeline configuration" => shared_configuration(&documents[0], &documents[1]),
            "Nightly, over all open pull requests" => nightly(&documents[0], &documents[1]),
            "Central pipeline" => central_pipeline(&documents[0], &documents[1]),
            _ => panic!("nothing runs the example \"{title}\""),
        }
    }
    let definition = 1;
    assert_eq!(
        run + definition,
        blocks(README, "yaml").len() + blocks(examples, "sh").len(),
        "an example outside ## Examples"
    );
}

/// Runs the pipe of an example behind a scan that its script names, in the build of a pull request: with a red
/// gate, with a green one, and, in `after-script`, after a scan that crashed.
fn judged(document: &Value, scanner: &str, places: &[&str]) {
    assert!(document.to_string().contains(scanner), "{scanner} is not in {document}");
    let in_after_script = document.to_string().contains("after-script");
    let advisory = document.to_string().contains("FAIL_ON_RED_GATE");
    let projects = ["acme_api", "acme_web"];
    for (gate, state, code) in
        [(Gate::failed(), "FAILED", i32::from(!advisory)), (Gate::passed(), "SUCCESSFUL", 0)]
    {
        let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
        let folder = Folder::new();
        let analysis = |project| Analysis::of_pull_request(project, "7", gate.clone());
        for (place, project) in places.iter().zip(projects) {
            let submitted = sonarqube.submit(analysis(project));
            let _ = folder.write(&format!("{place}/report-task.txt"), submitted.report_task.as_bytes());
        }
        if places.is_empty() {
            sonarqube.submit(analysis("acme_api"));
        }
        let url = if document.to_string().contains("SONAR_ROOT_CERT") {
            sonarqube.https_url()
        } else {
            sonarqube.http_url()
        };
        let known = [
            ("BITBUCKET_EXIT_CODE", "0"),
            ("SONAR_HOST_URL", &url),
            ("SONAR_ROOT_CERT", sonarqube.root_certificate_pem()),
        ];
        let step = Step::new(in_pull_request_build(&sandbox).within(folder.path()), &known);
        for pipe in pipes(document, IMAGE) {
            step.run(pipe, code);
        }
        let shown = sandbox.pull_request_statuses("acme/api", 7);
        assert_eq!(shown.len(), places.len().max(1));
        assert!(shown.iter().all(|status| status.state == state), "{shown:?}");
    }
    if in_after_script {
        let (sandbox, folder) = (acme(), Folder::new());
        let known = [
            ("BITBUCKET_EXIT_CODE", "1"),
            ("SONAR_HOST_URL", "https://localhost:9"),
            ("SONAR_ROOT_CERT", ""),
        ];
        let step = Step::new(in_pull_request_build(&sandbox).within(folder.path()), &known);
        step.run(pipes(document, IMAGE)[0], 3);
        let shown = sandbox.pull_request_statuses("acme/api", 7);
        assert_eq!(shown[0].description.as_deref(), Some("The scan did not finish (exit code 1)"));
    }
}

fn own_state(document: &Value) {
    for (exit_code, state) in [("0", "SUCCESSFUL"), ("1", "FAILED")] {
        let sandbox = acme();
        let step = Step::new(in_branch_build(&sandbox), &[("BITBUCKET_EXIT_CODE", exit_code)]);
        let states: Vec<_> = pipes(document, IMAGE)
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

fn by_hand_with_docker(command: &str) {
    let sandbox = acme();
    let words = shell_words(command);
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

fn check_the_token(document: &Value) {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let known = [("SONAR_HOST_URL", sonarqube.http_url())];
    let known = known.each_ref().map(|(name, value)| (*name, value.as_str()));
    let step = Step::new(in_branch_build(&sandbox), &known);
    step.run(pipes(document, IMAGE)[0], 0);
    assert!(sandbox.requests().iter().all(|request| request.method == "GET"));
}

/// The script does not work, and does not say so: that is why people leave it.
fn curl_script(script: &str) {
    let (sandbox, folder) = (acme(), Folder::new());
    let commit = sandbox.head("acme/web", "fix/header");
    let ended = Command::new("sh")
        .arg("-c")
        .arg(script.replace("https://api.bitbucket.org/2.0", &sandbox.http_url()))
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

fn central_after_script(document: &Value) {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let (origin, commit) = pushed_again(&sandbox);
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_web", "12", Gate::passed()));
    let known = [
        ("TARGET_REPO_SLUG", "web"),
        ("TARGET_COMMIT", &commit),
        ("TARGET_BRANCH", "fix/header"),
        ("BITBUCKET_EXIT_CODE", "0"),
    ];
    let folder = Folder::new();
    let step = Step::new(in_central_pipeline(&sandbox).within(folder.path()), &known);
    let scanner = Scanner::new(&submitted);
    let script = &document["pipelines"]["custom"]["analyse"][1]["step"]["script"];
    scanner.run_script(script, &step, &folder, &origin);
    assert_eq!(scanner.told(), format!("{commit} -Dsonar.branch.name=fix/header\n"));
    step.run(pipes(document, IMAGE)[0], 0);
    assert_eq!(sandbox.pull_request_statuses("acme/web", 12)[0].state, "SUCCESSFUL");
}

/// Runs the central pipeline's pipes with other lines in place of its credential.
fn central_credential(credential: &Value) {
    let central = &documents("Central pipeline")[1];
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_web", "12", Gate::passed()));
    let folder = scanned("target/.scannerwork", &submitted);
    let tokens = json!({ "api": sandbox::REPOSITORY_TOKEN, "acme/web": sandbox::REPOSITORY_TOKEN_OF_WEB });
    let (tokens, commit) = (tokens.to_string(), sandbox.head("acme/web", "fix/header"));
    let known = [
        ("TARGET_REPO_SLUG", "web"),
        ("TARGET_COMMIT", &commit),
        ("TARGET_BRANCH", "fix/header"),
        ("TARGET_PULL_REQUEST", "12"),
        ("BITBUCKET_EXIT_CODE", "0"),
        ("REPOSITORY_ACCESS_TOKENS", &tokens),
    ];
    let step = Step::new(in_central_pipeline(&sandbox).within(folder.path()), &known);
    let reports = pipes(central, IMAGE);
    for (pipe, state) in [(reports[0], "INPROGRESS"), (reports[1], "SUCCESSFUL")] {
        let mut pipe = pipe.clone();
        let variables = pipe["variables"].as_object_mut().unwrap();
        assert!(variables.remove("BITBUCKET_ACCESS_TOKEN").is_some());
        variables.extend(credential.as_object().unwrap().clone());
        step.run(&pipe, 0);
        let shown = sandbox.pull_request_statuses("acme/web", 12);
        assert_eq!((shown.len(), shown[0].state.as_str()), (1, state));
    }
}

/// The YAML documents of an example.
fn documents(title: &str) -> Vec<Value> {
    let example = section(section(README, "## Examples"), &format!("### {title}"));
    blocks(example, "yaml").into_iter().map(yaml).collect()
}

fn shared_configuration(shared: &Value, importing: &Value) {
    let import = &importing["pipelines"]["pull-requests"]["**"]["import"];
    let name = import.as_str().unwrap().strip_prefix("central-pipeline:main:").unwrap();
    assert_eq!(shared["export"], true);
    assert!(shared["definitions"]["pipelines"][name].is_array(), "{shared}");
    judged(shared, "sonar-scanner", &[".scannerwork"]);
}

fn nightly(all: &Value, divided: &Value) {
    const REPOSITORIES: usize = 4;
    // More of them than one page has.
    const PULL_REQUESTS: u64 = 51;
    let sandbox = Sandbox::start(World::fleet(REPOSITORIES));
    let mut projects = Projects::acme(Dialect::Server2025);
    let slugs: Vec<_> = (1..=REPOSITORIES).map(sandbox::service).collect();
    for slug in &slugs {
        projects.add_project(&format!("acme_{slug}"), "A service", true);
    }
    let sonarqube = SonarQube::start(projects);
    let busy = format!("acme/{}", slugs[0]);
    for id in 2..=PULL_REQUESTS {
        let branch = format!("feature/{id}");
        sandbox.world(|world| {
            world.push(&busy, &branch);
            world.open_pull_request(PullRequest::new(&busy, id, &branch));
        });
    }
    let open = |number| if number == 0 { PULL_REQUESTS } else { 1 };
    for (number, slug) in slugs.iter().enumerate() {
        for id in 1..=open(number) {
            let project = format!("acme_{slug}");
            sonarqube.submit(Analysis::of_pull_request(&project, &id.to_string(), Gate::failed()));
        }
    }
    let all_open = (0..REPOSITORIES).map(open).sum::<u64>();
    let folder = Folder::new();
    folder.write("repositories.txt", (format!("gone\n{}\n", slugs.join("\n"))).as_bytes());
    let script = &all["pipelines"]["custom"]["nightly"][0]["step"]["script"];
    let bash = |line: &Value| {
        Command::new("bash")
            .args([
                "-c",
                &line.as_str().unwrap().replace("https://api.bitbucket.org/2.0", &sandbox.http_url()),
            ])
            .current_dir(folder.path())
            .env("BITBUCKET_WORKSPACE", "acme")
            .env("WORKSPACE_ACCESS_TOKEN", sandbox::WORKSPACE_TOKEN)
            .output()
            .unwrap()
    };
    for line in [&script[0], &script[1]] {
        let ended = bash(line);
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    assert_eq!(folder.read("unlisted.txt"), "gone\n");
    assert!(!bash(&script[3]).status.success(), "a repository is missing");

    let build = || in_central_pipeline(&sandbox).within(folder.path());
    let url = sonarqube.http_url();
    // The central pipeline has reported on one of them by day.
    let by_day = &pipes(&documents("Central pipeline")[1], IMAGE)[0].clone();
    let commit = sandbox.head(&busy, "feature/change");
    let known = [
        ("TARGET_REPO_SLUG", slugs[0].as_str()),
        ("TARGET_COMMIT", &commit),
        ("TARGET_BRANCH", "feature/change"),
        ("TARGET_PULL_REQUEST", "1"),
    ];
    Step::new(build(), &known).run(by_day, 0);
    Step::new(build(), &[("SONAR_HOST_URL", &url)]).run(pipes(all, IMAGE)[0], 0);
    let states = || {
        let shown = |(number, slug): (usize, &String)| {
            let repository = format!("acme/{slug}");
            let of = |id| sandbox.pull_request_statuses(&repository, id);
            (1..=open(number)).flat_map(of).collect::<Vec<_>>()
        };
        let statuses = slugs.iter().enumerate().flat_map(shown);
        statuses.map(|status| (status.key, status.state)).collect::<Vec<_>>()
    };
    assert_eq!(states().len() as u64, all_open);
    assert!(states().iter().all(|(key, state)| key == "sonar" && state == "FAILED"));
    assert_eq!(folder.read("results.jsonl").lines().count() as u64, all_open);

    // The steps of the group have a part of the list each, and all of it together.
    let steps = pipes(divided, IMAGE);
    let count = steps.len().to_string();
    let posted = || sandbox.requests().iter().filter(|request| request.method == "POST").count() as u64;
    let before = posted();
    for (number, pipe) in steps.iter().enumerate() {
        let build = build()
            .set("BITBUCKET_PARALLEL_STEP", number.to_string())
            .set("BITBUCKET_PARALLEL_STEP_COUNT", count.as_str());
        Step::new(build, &[("SONAR_HOST_URL", &url)]).run(pipe, 0);
    }
    assert_eq!((steps.len(), posted() - before), (3, all_open));
}

fn central_pipeline(trigger: &Value, central: &Value) {
    let sandbox = acme();
    // The build of pull request 12 of acme/web asks the central pipeline, and then somebody pushes again.
    let (origin, commit) = pushed_again(&sandbox);
    let web = in_pull_request_build(&sandbox)
        .set("BITBUCKET_REPO_SLUG", "web")
        .set("BITBUCKET_COMMIT", &commit[..12])
        .set("BITBUCKET_BRANCH", "fix/header")
        .set("BITBUCKET_PR_ID", "12");
    let asking = Step::new(web, &[("BITBUCKET_PR_DESTINATION_BRANCH", "main")]);
    let triggers = pipes(trigger, "atlassian/trigger-pipeline:");
    let wanted = &triggers[0]["variables"];
    let pipeline = wanted["CUSTOM_PIPELINE_NAME"].as_str().unwrap();
    let passed = asking.expand(wanted["PIPELINE_VARIABLES"].as_str().unwrap());
    let passed: Vec<BTreeMap<String, String>> = serde_json::from_str(&passed).unwrap();
    let passed: Vec<_> = passed.iter().map(|pair| (pair["key"].as_str(), pair["value"].as_str())).collect();

    // The central pipeline declares what it is passed, scans that commit, and reports back.
    let custom = &central["pipelines"]["custom"][pipeline];
    let declared: Vec<_> =
        custom[0]["variables"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(declared, passed.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let passed: Vec<_> = passed.into_iter().chain([("BITBUCKET_EXIT_CODE", "0")]).collect();
    let sonarqube = SonarQube::start(Projects::acme(Dialect::Server2025));
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_web", "12", Gate::failed()));
    let folder = Folder::new();
    let step = Step::new(in_central_pipeline(&sandbox).within(folder.path()), &passed);
    let reports = pipes(custom, IMAGE);
    let states = || {
        let shown = sandbox.pull_request_statuses("acme/web", 12);
        shown.into_iter().map(|status| status.state).collect::<Vec<_>>()
    };
    step.run(reports[0], 0);
    assert_eq!(states(), ["INPROGRESS"]);
    let scanner = Scanner::new(&submitted);
    scanner.run_script(&custom[1]["step"]["script"], &step, &folder, &origin);
    assert_eq!(
        scanner.told(),
        format!(
            "{commit} -Dsonar.pullrequest.key=12 -Dsonar.pullrequest.branch=fix/header -Dsonar.pullrequest.base=main\n"
        )
    );
    step.run(reports[1], 1);
    assert_eq!(states(), ["FAILED"]);
    assert_eq!(sandbox.requests().len(), 2, "nothing is looked up");
    let own = sandbox.head("acme/central-pipeline", "main");
    assert!(sandbox.statuses("acme/central-pipeline", &own).is_empty());
}

/// A repository of git for acme/web with the commit of pull request 12, and one that was pushed after it.
fn pushed_again(sandbox: &Sandbox) -> (Folder, String) {
    let origin = Folder::new();
    let commit = pushed_to(&origin, "fix/header");
    sandbox.world(|world| {
        world.add_branch("acme/web", "fix/header", &commit);
    });
    pushed_to(&origin, "fix/header");
    (origin, commit)
}

/// Makes a commit on a branch of a repository of git, and the repository when there is none.
fn pushed_to(origin: &Folder, branch: &str) -> String {
    let git = |arguments: &[&str]| {
        let author = ["-c", "user.name=Ann", "-c", "user.email=ann@acme.example"];
        let ended =
            Command::new("git").args(author).args(arguments).current_dir(origin.path()).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "--quiet", "--initial-branch", branch]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "Change"]);
    git(&["rev-parse", "HEAD"])
}

/// What stands in for `sonar-scanner`: it notes the commit and its arguments, and leaves `report-task.txt`.
struct Scanner(Folder);

impl Scanner {
    fn new(submitted: &Submitted) -> Self {
        let folder = Folder::new();
        folder.write("report-task.txt", submitted.report_task.as_bytes());
        let script = format!(
            "#!/bin/sh\necho $(git rev-parse HEAD) \"$@\" >>{0}/told\nmkdir .scannerwork && cp {0}/report-task.txt .scannerwork\n",
            folder.path().display()
        );
        let program = folder.write("sonar-scanner", script.as_bytes());
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    /// Runs the commands of a script, whose pipes are run by themselves, with `origin` in place of Bitbucket.
    fn run_script(&self, script: &Value, step: &Step, folder: &Folder, origin: &Folder) {
        let commands: Vec<_> = script.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let path = format!("{}:{}", self.0.path().display(), env::var("PATH").unwrap());
        let ended = Command::new("bash")
            .args(["-e", "-c", &commands.join("\n")])
            .current_dir(folder.path())
            .envs(&step.known)
            .env("PATH", path)
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", format!("url.{}.insteadOf", origin.path().display()))
            .env("GIT_CONFIG_VALUE_0", "git@bitbucket.org:acme/web.git")
            .output()
            .unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }

    fn told(&self) -> String {
        self.0.read("told")
    }
}
