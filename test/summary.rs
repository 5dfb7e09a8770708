//! `SUMMARY_FILE`: the page of a run.

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube, WORKSPACE_TOKEN, service};
use serde_json::{Value, json};

use crate::run::{
    Fault, Folder, Gatepost, Sandbox, World, acme, after_scan, assert_told, by_hand, in_branch_build,
    in_pull_request_build, over_list, stopped_by,
};

/// A run by hand with the token of the workspace, over these targets.
fn over(sandbox: &Sandbox, folder: &Folder, targets: &Value) -> Gatepost {
    over_list(sandbox, folder, targets).set("KEY", "sonar").set("SUMMARY_FILE", "summary.html")
}

fn pull_requests(numbers: impl IntoIterator<Item = usize>, state: &str) -> Vec<Value> {
    let entry = |number| json!({ "repo_slug": service(number), "pull_request": 1, "state": state });
    numbers.into_iter().map(entry).collect()
}

/// The text between the markup of a page.
fn text_of(page: &str) -> String {
    page.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect()
}

/// Checks that the page contains these texts in this order.
#[track_caller]
fn assert_in_order(page: &str, parts: &[&str]) {
    let mut rest = page;
    for part in parts {
        let Some(at) = rest.find(part) else { panic!("no {part:?} in order in\n{page}") };
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn a_page_has_a_row_for_each_target_worst_first() {
    let (sandbox, folder) = (Sandbox::start(World::fleet(5)), Folder::new());
    let mut targets = pull_requests(1..=4, "passed");
    targets[1]["state"] = json!("failed");
    targets[1]["description"] = json!("Two conditions | <b>failed</b>");
    targets[2]["repo_slug"] = json!("no-such-service");
    targets[3]["state"] = json!("running");
    targets.push(json!({ "repo_slug": "service-005", "branch": "feature/change", "state": "passed" }));
    for (name, expected) in [("summary.html", HTML_ORDER), ("summary.md", MARKDOWN_ORDER)] {
        let run = over(&sandbox, &folder, &json!(targets)).set("SUMMARY_FILE", name).run();
        assert_told(&run, 4, &["✖ 5 targets: 4 posted, 1 not posted"]);
        assert_in_order(&folder.read(name), expected);
    }
}

const HTML_ORDER: &[&str] = &[
    "<title>Gatepost: 5 targets</title>",
    "Not posted</a>: <strong class=\"bad\">1</strong>",
    "Successful</a>: <strong class=\"good\">2</strong>",
    "<dt>Requests</dt><dd>",
    " to Bitbucket</dd>",
    "<dt>Exit code</dt><dd>4: Bitbucket refused",
    "<h2>What to do</h2>",
    "(1 row)",
    "<dt>Answer</dt><dd>404 Not Found",
    "<dt>What to do 1</dt><dd>",
    "<p>acme/no-such-service pull request 1</p>",
    "<h2>Not posted: 1</h2>",
    "<th role=rowheader scope=row>acme/no-such-service<td role=cell><a href=\"https://bitbucket.org/acme/no-such-service/pull-requests/1\">pull request 1</a>",
    "not posted: 404 (<a href=\"#r1\">what to do</a>)",
    "<h2>Failed: 1</h2>",
    "acme/service-002",
    "<td role=cell>FAILED<td role=cell>sonar<td role=cell>posted",
    "Two conditions | &lt;b&gt;failed&lt;/b&gt;",
    "<h2>In progress or stopped: 1</h2>",
    "acme/service-004",
    "<h2>Successful: 2</h2>",
    "acme/service-001",
    "acme/service-005<td role=cell><a href=\"https://bitbucket.org/acme/service-005/branch/feature/change\">feature/change</a>",
    "</html>",
];

const MARKDOWN_ORDER: &[&str] = &[
    "# Gatepost: 5 targets",
    "- Not posted: **1**",
    "- Successful: **2**",
    "- Exit code: 4: Bitbucket refused",
    "## What to do",
    "- Answer: 404 Not Found",
    "- Targets: acme/no-such-service pull request 1",
    "## Not posted: 1",
    "| acme/no-such-service | [pull request 1](https://bitbucket.org/acme/no-such-service/pull-requests/1) | - |  | not posted: 404 (what to do: 1) |",
    "## Failed: 1",
    "| acme/service-002 | [pull request 1](https://bitbucket.org/acme/service-002/pull-requests/1) | FAILED | sonar | posted: Two conditions &#124; &#60;b&#62;failed&#60;/b&#62; |",
    "## Successful: 2",
];

#[test]
fn a_page_names_the_failed_conditions_and_what_to_do_without_a_verdict() {
    let (sandbox, folder) = (acme(), Folder::new());
    let sonarqube = SonarQube::start(Projects::acme(Dialect::Server2025));
    sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed()));
    let targets = json!([
        { "repo_slug": "api", "pull_request": 7, "sonar_project_key": "acme_api", "sonar_pull_request": 7, "description": "Mine" },
        { "repo_slug": "web", "pull_request": 12, "sonar_project_key": "acme_none", "sonar_pull_request": 12 },
    ]);
    let run = over(&sandbox, &folder, &targets)
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .run();
    assert_eq!(run.code, 3, "{}", run.output);
    let page = folder.read("summary.html");
    assert_in_order(
        &page,
        &[
            " to Bitbucket, ",
            " to SonarQube</dd>",
            "<h2>What to do</h2>",
            "<dt>What to do",
            "<p>acme/web pull request 12</p>",
            "<h2>Without a verdict of SonarQube: 1</h2>",
            "acme/web",
            "<a href=\"#r1\">what to do</a>",
            "<h2>Failed: 1</h2>",
            "acme/api",
            "54.9% Coverage on New Code (is less than 80%)",
        ],
    );
    assert!(!page.contains("Mine"), "the conditions are told whatever the description is");
}

#[test]
fn a_run_with_one_target_has_one_row() {
    let (sandbox, folder) = (acme(), Folder::new());
    let gatepost = in_pull_request_build(&sandbox).within(folder.path()).set("SUMMARY_FILE", "summary.md");
    let run = gatepost.run();
    assert_eq!(run.code, 0, "{}", run.output);
    let page = folder.read("summary.md");
    assert_eq!(page.lines().filter(|line| line.starts_with("| acme/")).count(), 1, "{page}");
    assert_in_order(
        &page,
        &["# Gatepost: 1 target\n", "- Requests: 1 to Bitbucket", "## Successful: 1", "| SUCCESSFUL |"],
    );
    // Each of several statuses has a row.
    let sonarqube = SonarQube::start(Projects::acme(Dialect::Server2025));
    let places = [("a", "acme_api"), ("b", "acme_web")].map(|(place, project)| {
        let submitted = sonarqube.submit(Analysis::of_pull_request(project, "7", Gate::failed()));
        folder.write(&format!("{place}/report-task.txt"), submitted.report_task.as_bytes());
        format!("{place}/report-task.txt")
    });
    let run = after_scan(&sandbox, &folder)
        .set("SONAR_REPORT_TASK", places.join(","))
        .set("SUMMARY_FILE", "summary.md")
        .run();
    assert_eq!(run.code, 1, "{}", run.output);
    let page = folder.read("summary.md");
    assert_in_order(&page, &["## Failed: 2", "| sonar-acme\\_api |", "| sonar-acme\\_web |"]);
}

#[test]
fn markup_of_strangers_is_text_on_the_page() {
    let (sandbox, folder) = (acme(), Folder::new());
    let evil = "<script>alert(1)</script>|`a`\"'[x](https://evil.example)<img src=x>";
    sandbox.fault_always(Fault::refusal(403, evil));
    let targets = json!([{ "repo_slug": "api", "commit": "8d081548cabb", "branch": "a<b>|`c", "state": "failed", "description": evil, "key": "<i>k|" }]);
    for name in ["summary.html", "summary.md"] {
        let run = over(&sandbox, &folder, &targets).set("SUMMARY_FILE", name).run();
        assert_eq!(run.code, 4, "{}", run.output);
        let page = folder.read(name);
        for markup in ["<script>", "<img", "<b>", "<i>"] {
            assert!(!page.contains(markup), "{markup} in {page}");
        }
        assert!(page.contains("alert(1)"), "the answer is told: {page}");
        if name == "summary.md" {
            assert!(!page.contains('`') && !page.contains("[x]"), "{page}");
            for row in page.lines().filter(|line| line.starts_with('|')) {
                assert_eq!(row.matches('|').count(), 6, "{row}");
            }
        }
    }
}

#[test]
fn no_secret_and_no_control_character_is_on_the_page() {
    let (sandbox, folder) = (acme(), Folder::new());
    sandbox.fault_always(Fault::refusal(
        403,
        &format!("the token {WORKSPACE_TOKEN} \u{1b}[31m may not \u{202e}"),
    ));
    for name in ["summary.html", "summary.md"] {
        let targets = json!([{ "repo_slug": "api", "commit": "8d081548cabb", "state": "failed" }]);
        let run = over(&sandbox, &folder, &targets).set("SUMMARY_FILE", name).run();
        assert_eq!(run.code, 4, "{}", run.output);
        let page = folder.read(name);
        assert!(page.contains("the token "), "{page}");
        assert!(!page.contains(WORKSPACE_TOKEN));
        assert!(!page.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{page:?}");
    }
}

#[test]
fn a_stopped_run_has_a_row_for_every_target() {
    let (sandbox, folder) = (Sandbox::start(World::fleet(60)), Folder::new());
    sandbox.fault_always(Fault::Delay(Duration::from_millis(20)));
    let gatepost = over(&sandbox, &folder, &json!(pull_requests(1..=60, "running")));
    let run = stopped_by("-TERM", &gatepost, || sandbox.request_count() >= 60);
    assert_told(&run, 143, &["✖ stopped before the end; 60 targets: "]);
    let page = folder.read("summary.html");
    assert_in_order(
        &page,
        &[
            "The run was stopped before its end.",
            "Not finished when the run was stopped: 60",
            "STOPPED",
            "not begun",
            "</html>",
        ],
    );
    assert_eq!(page.matches("<th role=rowheader").count(), 60, "each target has one row: {page}");
}

#[test]
fn a_stopped_run_with_one_target_has_its_row() {
    let (sandbox, folder) = (acme(), Folder::new());
    sandbox.fault_always(Fault::Silent);
    let gatepost = in_branch_build(&sandbox).within(folder.path()).set("SUMMARY_FILE", "summary.md");
    let run = stopped_by("-TERM", &gatepost, || sandbox.request_count() >= 1);
    assert_eq!(run.code, 143, "{}", run.output);
    let page = folder.read("summary.md");
    assert_in_order(
        &page,
        &["**The run was stopped before its end.**", "## Not finished when the run was stopped: 1"],
    );
    assert!(
        run.output.trim_end().lines().last().unwrap().starts_with("✖ stopped before the end"),
        "{}",
        run.output
    );
}

/// A killed process cannot write. So the page says from the beginning of the run that the run has not ended.
#[test]
fn a_run_that_is_killed_leaves_a_page_that_says_so() {
    let (sandbox, folder) = (acme(), Folder::new());
    folder.write("summary.html", "the page of yesterday ".repeat(1000).as_bytes());
    sandbox.fault_always(Fault::Silent);
    let gatepost = in_branch_build(&sandbox).within(folder.path()).set("SUMMARY_FILE", "summary.html");
    let _ = stopped_by("-KILL", &gatepost, || sandbox.request_count() >= 1);
    let page = folder.read("summary.html");
    assert!(text_of(&page).contains("The run has not ended") && !page.contains("yesterday"), "{page}");
}

#[test]
fn a_run_with_wrong_variables_leaves_a_page_that_says_so() {
    let (sandbox, folder) = (acme(), Folder::new());
    let run = in_branch_build(&sandbox)
        .within(folder.path())
        .set("STATE", "perhaps")
        .set("SUMMARY_FILE", "summary.html")
        .run();
    assert_eq!((run.code, sandbox.request_count()), (2, 0), "{}", run.output);
    assert!(
        text_of(&folder.read("summary.html")).contains("The variables are wrong, and nothing was posted.")
    );
}

#[test]
fn check_keeps_the_page_of_an_earlier_run() {
    let (sandbox, folder) = (acme(), Folder::new());
    folder.write("summary.html", b"a page");
    let run = in_branch_build(&sandbox)
        .within(folder.path())
        .set("MODE", "check")
        .set("SUMMARY_FILE", "summary.html")
        .run();
    assert_eq!((run.code, folder.read("summary.html").as_str()), (0, "a page"), "{}", run.output);
}

/// The statuses are posted all the same.
#[test]
fn a_page_that_cannot_be_written_is_a_warning() {
    let sandbox = acme();
    let folder = Folder::new();
    fs::create_dir(folder.path().join("folder.html")).unwrap();
    symlink("/dev/full", folder.path().join("full.html")).unwrap();
    symlink("itself.html", folder.path().join("itself.html")).unwrap();
    for (name, told) in [
        (
            "folder.html",
            "names \"folder.html\", which cannot be written: it is not a regular file; it is ignored",
        ),
        ("full.html", "which cannot be written: it is not a regular file"),
        ("itself.html", "which cannot be written: Too many levels of symbolic links"),
        ("no/such/folder/summary.html", "which cannot be written: No such file or directory"),
        ("/sys/summary.html", "which cannot be written"),
        (
            "summary.txt",
            "is \"summary.txt\", whose ending names no format of a page; it is ignored (accepted: a name that ends in .html or .md)",
        ),
        ("summary", "whose ending names no format of a page"),
        (".html", "whose ending names no format of a page"),
        ("sum\nmary", "is \"sum\\nmary\", whose ending names no format of a page"),
    ] {
        let run = in_branch_build(&sandbox).within(folder.path()).set("SUMMARY_FILE", name).run();
        assert_told(&run, 0, &["! SUMMARY_FILE ", told]);
    }
    assert!(!folder.path().join("summary.txt").exists());
}

#[test]
fn a_page_on_a_full_disk_is_a_warning_before_the_last_line() {
    let (sandbox, folder) = (acme(), Folder::new());
    let run = in_branch_build(&sandbox)
        .within(folder.path())
        .set("SUMMARY_FILE", "summary.html")
        .run_after("trap '' XFSZ; ulimit -f 0");
    assert_told(&run, 0, &["! SUMMARY_FILE could not be written, and is not complete: "]);
    let last = run.output.trim_end().lines().last().unwrap();
    assert!(last.starts_with("✔ posted"), "{}", run.output);
}

#[test]
fn a_page_never_takes_the_place_of_another_file_of_the_run() {
    let (sandbox, folder) = (acme(), Folder::new());
    fs::create_dir(folder.path().join("sub")).unwrap();
    symlink("results.md", folder.path().join("link.md")).unwrap();
    for page in ["results.md", "./results.md", "sub/../results.md", "link.md"] {
        for is_there in [false, true] {
            let _ = fs::remove_file(folder.path().join("results.md"));
            if is_there {
                folder.write("results.md", b"");
            }
            let run = in_branch_build(&sandbox)
                .within(folder.path())
                .set("RESULT_FILE", "results.md")
                .set("SUMMARY_FILE", page)
                .run();
            let told = "! SUMMARY_FILE names the same file as RESULT_FILE, which would be overwritten; it is ignored";
            assert_told(&run, 0, &[told]);
            assert!(folder.read("results.md").starts_with("{\"target\""), "{page}");
        }
    }
    fs::hard_link(folder.path().join("results.md"), folder.path().join("hard.md")).unwrap();
    let both = in_branch_build(&sandbox).within(folder.path()).set("RESULT_FILE", "results.md");
    assert_told(&both.set("SUMMARY_FILE", "hard.md").run(), 0, &["names the same file as RESULT_FILE"]);

    let targets = br#"[{ "repo_slug": "api", "pull_request": 7, "state": "passed", "key": "k" }]"#;
    folder.write("targets.md", targets);
    let run = by_hand(&sandbox)
        .within(folder.path())
        .set("TARGETS_FILE", "targets.md")
        .set("SUMMARY_FILE", "./targets.md")
        .run();
    assert!(run.output.contains("! SUMMARY_FILE names the same file as TARGETS_FILE"), "{}", run.output);
    assert_eq!(folder.read("targets.md").as_bytes(), targets);
}

#[test]
fn a_page_replaces_a_longer_one() {
    let (sandbox, folder) = (acme(), Folder::new());
    folder.write("SUMMARY.HTML", "x".repeat(100_000).as_bytes());
    let run = in_branch_build(&sandbox).within(folder.path()).set("SUMMARY_FILE", "SUMMARY.HTML").run();
    assert_eq!(run.code, 0, "{}", run.output);
    let page = folder.read("SUMMARY.HTML");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n") && !page.contains("xxxx"));
}

#[test]
fn a_dry_run_and_a_resumed_run_have_their_pages() {
    let (sandbox, folder) = (Sandbox::start(World::fleet(2)), Folder::new());
    let gatepost =
        over(&sandbox, &folder, &json!(pull_requests(1..=2, "passed"))).set("RESULT_FILE", "results.jsonl");
    let run = gatepost.clone().set("DRY_RUN", "true").run();
    assert_eq!(run.code, 0, "{}", run.output);
    assert_in_order(
        &folder.read("summary.html"),
        &["DRY_RUN: nothing was posted.", "Successful: 2", "printed"],
    );
    assert_eq!(gatepost.run().code, 0);
    assert_eq!(gatepost.set("RESUME", "true").run().code, 0);
    let page = folder.read("summary.html");
    assert_eq!(page.matches("skipped").count(), 2, "{page}");
    assert!(page.contains("<dd>0 to Bitbucket</dd>"), "{page}");
}

#[test]
fn a_path_below_the_folder_of_the_pipe_is_written() {
    let (sandbox, folder) = (acme(), Folder::new());
    fs::create_dir(folder.path().join("out")).unwrap();
    let run = in_branch_build(&sandbox).within(folder.path()).set("SUMMARY_FILE", "out/run.md").run();
    assert_eq!(run.code, 0, "{}", run.output);
    assert!(Path::new(&folder.path().join("out/run.md")).is_file());
}

/// It is the only test that waits for the interval.
#[test]
fn a_long_run_says_how_far_it_is() {
    let (sandbox, folder) = (Sandbox::start(World::fleet(40)), Folder::new());
    sandbox.fault_always(Fault::Delay(Duration::from_millis(4500)));
    let run = over(&sandbox, &folder, &json!(pull_requests(1..=16, "passed"))).run();
    assert_told(&run, 0, &["✔ 16 targets: 16 posted"]);
    let told: Vec<_> = run.output.lines().filter(|line| line.contains(" of 16 targets")).collect();
    let [line] = told[..] else { panic!("not one line in {}", run.output) };
    assert!(line.starts_with("8 of 16 targets, 32 a minute, about 15 s to go; at most 97"), "{line}");
    assert!(
        line.ends_with(" of 1,000 requests an hour left with the access token (BITBUCKET_ACCESS_TOKEN)"),
        "{line}"
    );
}
