//! The examples in which one repository reports to others.

use std::{collections::BTreeMap, env, fs, os::unix::fs::PermissionsExt as _, process::Command};

use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube, Submitted};
use serde_json::Value;

use super::{
    Section,
    step::{Step, pipes, pipes_of},
};
use crate::run::{Folder, Sandbox, acme, in_central_pipeline, in_pull_request_build, scanned};

/// The pipelines of the repository that triggers, and of the central one.
pub(super) fn both_pipelines() -> [Value; 2] {
    ["The repository that triggers", "The central repository"]
        .map(|heading| Section::find("docs/central-pipeline.md", heading).only_yaml())
}

/// The central pipeline in short: it scans the branch, and reports in `after-script`.
pub(super) fn after_script(section: &Section) {
    let document = section.only_yaml();
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let (origin, commit) = pushed_again(&sandbox);
    let submitted = sonarqube.submit(Analysis::of_branch("acme_web", "fix/header", Gate::passed()));
    let known = [
        ("TARGET_REPO_SLUG", "web"),
        ("TARGET_COMMIT", &commit),
        ("TARGET_BRANCH", "fix/header"),
        ("BITBUCKET_EXIT_CODE", "0"),
        ("SONAR_HOST_URL", &sonarqube.http_url()),
    ];
    let folder = Folder::new();
    let step = Step::new(in_central_pipeline(&sandbox).within(folder.path()), &known);
    let scanner = Scanner::new(&submitted);
    let script = &document["pipelines"]["custom"]["analyse"][1]["step"]["script"];
    scanner.run_script(script, &step, &folder, &origin);
    assert_eq!(scanner.calls(), format!("{commit} -Dsonar.branch.name=fix/header\n"));
    step.run(pipes(&document)[0], 0);
    assert_eq!(sandbox.pull_request_statuses("acme/web", 12)[0].state, "SUCCESSFUL");
}

/// Runs the central pipeline's pipes with each of the other credentials in place of its own.
pub(super) fn credentials(section: &Section) {
    let [_, central] = both_pipelines();
    let example: BTreeMap<String, String> = serde_json::from_str(section.block("json")).unwrap();
    let token = |slug: &str| match slug {
        "web" => sandbox::REPOSITORY_TOKEN_OF_WEB,
        _ => sandbox::REPOSITORY_TOKEN,
    };
    let tokens: BTreeMap<&str, &str> = example.keys().map(|slug| (slug.as_str(), token(slug))).collect();
    let tokens = serde_json::to_string(&tokens).unwrap();
    for credential in section.yaml() {
        let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
        let submitted = sonarqube.submit(Analysis::of_pull_request("acme_web", "12", Gate::passed()));
        let folder = scanned("target/.scannerwork", &submitted);
        let commit = sandbox.head("acme/web", "fix/header");
        let known = [
            ("TARGET_REPO_SLUG", "web"),
            ("TARGET_COMMIT", &commit),
            ("TARGET_BRANCH", "fix/header"),
            ("TARGET_PULL_REQUEST", "12"),
            ("BITBUCKET_EXIT_CODE", "0"),
            ("SONAR_HOST_URL", &sonarqube.http_url()),
            ("REPOSITORY_ACCESS_TOKENS", &tokens),
        ];
        let step = Step::new(in_central_pipeline(&sandbox).within(folder.path()), &known);
        for (pipe, state) in pipes(&central).into_iter().zip(["INPROGRESS", "SUCCESSFUL"]) {
            let mut pipe = pipe.clone();
            let variables = pipe["variables"].as_object_mut().unwrap();
            assert!(variables.remove("BITBUCKET_ACCESS_TOKEN").is_some());
            variables.extend(credential.as_object().unwrap().clone());
            step.run(&pipe, 0);
            let shown = sandbox.pull_request_statuses("acme/web", 12);
            assert_eq!((shown.len(), shown[0].state.as_str()), (1, state));
        }
    }
}

/// A pull request triggers the central pipeline, and then somebody pushes again.
pub(super) fn triggered(_: &Section) {
    let [trigger, central] = both_pipelines();
    let sandbox = acme();
    let (origin, commit) = pushed_again(&sandbox);
    let web = in_pull_request_build(&sandbox)
        .set("BITBUCKET_REPO_SLUG", "web")
        .set("BITBUCKET_COMMIT", &commit[..12])
        .set("BITBUCKET_BRANCH", "fix/header")
        .set("BITBUCKET_PR_ID", "12");
    let triggering = Step::new(web, &[("BITBUCKET_PR_DESTINATION_BRANCH", "main")]);
    let triggers = pipes_of(&trigger, &|pipe| pipe.starts_with("atlassian/trigger-pipeline:"));
    let variables = &triggers[0]["variables"];
    let pipeline = variables["CUSTOM_PIPELINE_NAME"].as_str().unwrap();
    let passed = triggering.expand(variables["PIPELINE_VARIABLES"].as_str().unwrap());
    let passed: Vec<BTreeMap<String, String>> = serde_json::from_str(&passed).unwrap();
    let passed: Vec<_> = passed.iter().map(|pair| (pair["key"].as_str(), pair["value"].as_str())).collect();

    // The central pipeline declares the variables that it is passed.
    let custom = &central["pipelines"]["custom"][pipeline];
    let declared = custom[0]["variables"].as_array().unwrap();
    let declared: Vec<_> = declared.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(declared, passed.iter().map(|(name, _)| *name).collect::<Vec<_>>());

    let sonarqube = SonarQube::start(Projects::acme(Dialect::Server2025));
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_web", "12", Gate::failed()));
    let url = sonarqube.http_url();
    let known = [("BITBUCKET_EXIT_CODE", "0"), ("SONAR_HOST_URL", url.as_str())];
    let known: Vec<_> = passed.into_iter().chain(known).collect();
    let folder = Folder::new();
    let step = Step::new(in_central_pipeline(&sandbox).within(folder.path()), &known);
    let reports = pipes(custom);
    let states = || {
        let shown = sandbox.pull_request_statuses("acme/web", 12);
        shown.into_iter().map(|status| status.state).collect::<Vec<_>>()
    };
    step.run(reports[0], 0);
    assert_eq!(states(), ["INPROGRESS"]);
    let scanner = Scanner::new(&submitted);
    scanner.run_script(&custom[1]["step"]["script"], &step, &folder, &origin);
    assert_eq!(
        scanner.calls(),
        format!(
            "{commit} -Dsonar.pullrequest.key=12 -Dsonar.pullrequest.branch=fix/header -Dsonar.pullrequest.base=main\n"
        )
    );
    step.run(reports[1], 1);
    assert_eq!(states(), ["FAILED"]);
    // Two statuses, and a report that is deleted, created, and gets its annotations.
    assert_eq!(sandbox.requests().len(), 5, "nothing is looked up");
    let own = sandbox.head("acme/central-pipeline", "main");
    assert!(sandbox.statuses("acme/central-pipeline", &own).is_empty());
}

/// A git repository for acme/web with the commit of pull request 12, and a later commit. Returns the first one.
fn pushed_again(sandbox: &Sandbox) -> (Folder, String) {
    let origin = Folder::new();
    let commit = pushed_to(&origin, "fix/header");
    sandbox.world(|world| {
        world.add_branch("acme/web", "fix/header", &commit);
    });
    pushed_to(&origin, "fix/header");
    (origin, commit)
}

/// Makes a commit on a branch of a git repository, which is created if it does not exist.
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

/// Replaces `sonar-scanner`: it notes the commit and its arguments, and writes `report-task.txt`.
struct Scanner(Folder);

impl Scanner {
    fn new(submitted: &Submitted) -> Self {
        let folder = Folder::new();
        folder.write("report-task.txt", submitted.report_task.as_bytes());
        let script = format!(
            "#!/bin/sh\necho $(git rev-parse HEAD) \"$@\" >>{0}/calls\nmkdir -p .scannerwork src/main/java/acme && cp {0}/report-task.txt .scannerwork\ntouch src/main/java/acme/Till.java\n",
            folder.path().display()
        );
        let program = folder.write("sonar-scanner", script.as_bytes());
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    /// Runs the commands of a script without its pipes, with `origin` in place of Bitbucket.
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

    fn calls(&self) -> String {
        self.0.read("calls")
    }
}
