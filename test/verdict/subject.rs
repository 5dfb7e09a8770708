//! What was analysed is what the status is for.

use reqwest::Url;
use sandbox::{Analysis, Dialect, End, Fault, Gate, Projects, SonarQube};
use serde_json::json;

use super::{
    BEFORE_THE_COMMIT, after, assert_stands, now, of_branch_build, of_pull_request, sonarqube, standing,
};
use crate::run::{Folder, acme, after_scan, assert_told, on_cloud, scanned};

#[test]
fn an_analysis_of_another_pull_request_is_no_verdict() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("3")));
    let run = gatepost.run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    quality gate passed: acme_api, pull request 3
      ✔ Reliability Rating on New Code                 A  A or better
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Coverage on New Code                       91.3%  at least 80%
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
      ✔ New Issues                                     0  at most 0
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=3", which is the address of this machine itself: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
    ✖ The analysis is of pull request 3, this is pull request 7
      why:      the file or the variables name the analysis of another build
      to do:    scan in this pipeline before the pipe; compare what the scanner gets (sonar.pullrequest.key, sonar.branch.name) with PULL_REQUEST and BRANCH, or SONAR_PULL_REQUEST and SONAR_BRANCH
      status:   Sonar: acme_api (key sonar-acme_api): The analysis is of pull request 3, this is pull request 7
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
    assert_stands(&sandbox, "FAILED", "The analysis is of pull request 3, this is pull request 7");
}

#[test]
fn each_pairing_of_pull_request_and_branch_is_compared() {
    let branch = |name: &str| Analysis::of_branch("acme_api", name, Gate::passed());
    for (analysis, is_branch_build, refused) in [
        (of_pull_request("7"), false, None),
        (of_pull_request("PR-7"), false, None),
        (of_pull_request("77"), false, Some("The analysis is of pull request 77, this is pull request 7")),
        (of_pull_request("3"), true, Some("The analysis is of pull request 3, this is branch feature/login")),
        (branch("feature/login"), false, None),
        (branch("feature/login"), true, None),
        (
            branch("feature/old"),
            true,
            Some("The analysis is of branch feature/old, this is branch feature/login"),
        ),
        (branch("feature/old"), false, Some("The analysis is of branch feature/old, this is pull request 7")),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(analysis));
        let gatepost = if is_branch_build { of_branch_build(gatepost) } else { gatepost };
        let run = gatepost.run();
        assert_told(&run, if refused.is_some() { 3 } else { 0 }, &[]);
        let (state, description) = standing(&sandbox).remove("sonar-acme_api").unwrap();
        match refused {
            Some(words) => assert_eq!((state.as_str(), description.as_str()), ("FAILED", words)),
            None => assert_eq!(state, "SUCCESSFUL", "{}", run.output),
        }
    }
}

#[test]
fn an_analysis_of_the_main_branch_is_a_verdict_with_one_warning() {
    for is_branch_build in [false, true] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let (_folder, gatepost) =
            after(&sandbox, &sonarqube.submit(Analysis::new("acme_api", Gate::passed())));
        let gatepost = if is_branch_build { of_branch_build(gatepost) } else { gatepost };
        let run = gatepost.set("URL", "https://ci.example.com/").run();
        let wanted = if is_branch_build { "branch feature/login" } else { "pull request 7" };
        let warning = format!("! the analysis is of the main branch, and the status is for {wanted}");
        assert_told(&run, 0, &[&warning]);
        assert_eq!(run.output.lines().filter(|line| line.starts_with("! ")).count(), 1, "{}", run.output);
        assert_eq!(standing(&sandbox)["sonar-acme_api"].0, "SUCCESSFUL");
    }
}

/// SonarQube Cloud knows pull requests and branches, and names the main branch.
#[test]
fn on_cloud_an_analysis_of_the_main_branch_is_a_verdict_about_the_main_branch_only() {
    for is_named in [false, true] {
        for (branch, refused) in [
            (None, Some("The analysis is of the main branch, this is pull request 7")),
            (Some("feature/login"), Some("The analysis is of the main branch, this is branch feature/login")),
            (Some("master"), Some("The analysis is of the main branch, this is branch master")),
            (Some("main"), None),
        ] {
            let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Cloud)));
            let submitted = sonarqube.submit(Analysis::new("acme_api", Gate::passed()));
            let folder = if is_named { Folder::new() } else { scanned(".scannerwork", &submitted) };
            let mut gatepost = on_cloud(after_scan(&sandbox, &folder), &sonarqube);
            if is_named {
                gatepost = gatepost.set("SONAR_PROJECT_KEY", "acme_api");
            }
            if let Some(branch) = branch {
                gatepost = of_branch_build(gatepost).set("BITBUCKET_BRANCH", branch);
            }
            let run = gatepost.run();
            match refused {
                Some(words) => assert_told(&run, 3, &["pass sonar.pullrequest.key", &format!("✖ {words}")]),
                None => assert_told(&run, 0, &["✔ posted SUCCESSFUL"]),
            }
        }
    }
}

/// Community Build has no other branches and no pull requests.
#[test]
fn a_server_with_branches_or_pull_requests_gives_no_verdict_from_its_main_branch() {
    for (is_branch_build, other) in [
        (true, Analysis::of_branch("acme_api", "feature/old", Gate::passed())),
        (false, of_pull_request("3")),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        sonarqube.submit(other);
        let (_folder, gatepost) =
            after(&sandbox, &sonarqube.submit(Analysis::new("acme_api", Gate::passed())));
        let gatepost = if is_branch_build { of_branch_build(gatepost) } else { gatepost };
        let wanted = if is_branch_build { "branch feature/login" } else { "pull request 7" };
        let words = format!("The analysis is of the main branch, this is {wanted}");
        assert_told(&gatepost.run(), 3, &[&words]);
    }
}

/// The other scan shows that the server knows pull requests, whatever its lists show to this token.
#[test]
fn beside_an_analysis_of_a_pull_request_one_of_the_main_branch_is_no_verdict() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    for (place, analysis) in
        [("api", of_pull_request("7")), ("web", Analysis::new("acme_web", Gate::passed()))]
    {
        let submitted = sonarqube.submit(analysis);
        let _ =
            folder.write(&format!("{place}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
    }
    assert_told(&after_scan(&sandbox, &folder).run(), 3, &["✖ 2 of 2 statuses posted"]);
    let standing = standing(&sandbox);
    assert_eq!(standing["sonar-acme_api"].0, "SUCCESSFUL");
    assert_eq!(standing["sonar-acme_web"].1, "The analysis is of the main branch, this is pull request 7");
}

#[test]
fn what_nobody_tells_is_not_the_main_branch() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let claims = sonarqube.submit(of_pull_request("7")).claiming("dashboardUrl", "no address");
    let task =
        json!({ "task": { "id": claims.task_id, "status": "SUCCESS", "analysisId": claims.analysis_id } });
    sonarqube.fault(Fault::json(200, &task));
    let (_folder, gatepost) = after(&sandbox, &claims);
    assert_told(
        &gatepost.run(),
        3,
        &["✖ No verdict: nothing says which pull request or branch was analysed"],
    );
}

/// The link would lead reviewers to another project.
#[test]
fn the_dashboard_of_another_project_is_not_linked() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    sonarqube.projects(|projects| {
        projects.set_public_url("https://sonar.example.com");
    });
    let claims = sonarqube
        .submit(of_pull_request("7"))
        .claiming("dashboardUrl", "https://sonar.example.com/dashboard?id=acme_web&pullRequest=7");
    let (_folder, gatepost) = after(&sandbox, &claims);
    let run = gatepost.set("SONAR_HOST_URL", sonarqube.http_url()).run();
    assert_told(&run, 0, &[]);
    let status = sandbox.pull_request_statuses("acme/api", 7).remove(0);
    assert!(!status.url.unwrap_or_default().contains("acme_web"), "{}", run.output);
}

/// Nothing else than the commit says what the status is for.
#[test]
fn with_a_commit_alone_the_commit_is_compared() {
    for revision in [None, Some("0123456789abcdef0123456789abcdef01234567")] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let commit = sandbox.head("acme/api", "feature/login");
        let analysis = Analysis::of_branch("acme_api", "feature/old", Gate::passed());
        let revision = revision.unwrap_or(&commit);
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(analysis.of_revision(revision)));
        let run = of_branch_build(gatepost).unset("BITBUCKET_BRANCH").set("COMMIT", &commit).run();
        if revision == commit {
            assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
        } else {
            assert_told(&run, 3, &["✖ The analysis is of commit 0123456789ab, this is commit"]);
        }
    }
}

#[test]
fn a_webhook_is_of_its_commit_or_of_its_branch() {
    let main = |name: &str| json!({ "name": name, "type": "BRANCH", "isMain": true });
    let pull_request = json!({ "name": "7", "type": "PULL_REQUEST", "isMain": false });
    let commit = acme().head("acme/api", "feature/login");
    for (branch, of_branch, more, refused) in [
        (main("main"), Some("main"), json!({}), None),
        (main("develop"), Some("develop"), json!({}), None),
        (
            main("develop"),
            Some("main"),
            json!({}),
            Some("The analysis is of the main branch, this is branch main"),
        ),
        (main("main"), None, json!({}), Some("The analysis is of the main branch, this is pull request 7")),
        (main("main"), None, json!({ "revision": commit }), None),
        (pull_request.clone(), None, json!({ "analysedAt": "2026-11-02T09:00:00+0000" }), None),
        (
            pull_request,
            None,
            json!({ "analysedAt": BEFORE_THE_COMMIT }),
            Some("The analysis is of 2026-09-01, this commit is of 2026-11-02"),
        ),
    ] {
        let (sandbox, folder) = (acme(), Folder::new());
        let mut webhook = json!({ "status": "SUCCESS", "branch": branch, "qualityGate": { "status": "OK" } });
        webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let _ = folder.write("webhook.json", webhook.to_string().as_bytes());
        let mut gatepost = after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", "webhook.json");
        if let Some(branch) = of_branch {
            gatepost = of_branch_build(gatepost).set("BITBUCKET_BRANCH", branch);
        }
        let run = gatepost.run();
        match refused {
            Some(words) => assert_told(&run, 3, &[&format!("✖ {words}")]),
            None => assert_told(&run, 0, &["✔ posted SUCCESSFUL"]),
        }
    }
}

/// SonarQube and the file name the same project, whatever its characters are.
#[test]
fn names_with_control_characters_are_compared_as_they_are_shown() {
    for (project, id, file, code) in [
        ("a\u{1b}[31mb", "7", "a\u{1b}[31mb", 0),
        ("a\u{1b}[31mb", "7", "c\u{202e}d", 3),
        ("acme_api", "7\u{8}", "acme_api", 0),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
        let dashboard = Url::parse_with_params(
            "https://sonar.example.com/dashboard",
            [("id", file), ("pullRequest", id)],
        );
        let submitted =
            submitted.claiming("projectKey", file).claiming("dashboardUrl", dashboard.unwrap().as_str());
        let (_folder, gatepost) = after(&sandbox, &submitted);
        sonarqube.fault(Fault::Altered(json!({"task": {"componentKey": project, "pullRequest": id}})));
        let run = gatepost.run();
        let clean = |text: &str| !text.contains(['\u{1b}', '\u{202e}', '\u{8}']);
        assert_eq!(run.code, code, "{}", run.output);
        let (key, (_, description)) = standing(&sandbox).pop_first().unwrap();
        assert!(
            clean(&run.output) && clean(&key) && clean(&description),
            "{key} {description} {}",
            run.output
        );
        if code == 3 {
            let words =
                "report-task.txt says c d, pull request 7, but its analysis is of a [31mb, pull request 7";
            assert_told(&run, 3, &[&format!("✖ {words}"), "answered: the task is of a [31mb"]);
            assert_eq!(description, words);
        }
    }
}

#[test]
fn a_file_that_contradicts_its_task_is_not_believed() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_web", "1", Gate::passed()));
    let claims = submitted
        .claiming("projectKey", "acme_api")
        .claiming("dashboardUrl", "https://sonar.example.com/dashboard?id=acme_api&pullRequest=7");
    let (_folder, gatepost) = after(&sandbox, &claims);
    let run = gatepost.run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    ✖ report-task.txt says acme_api, pull request 7, but its analysis is of acme_web, pull request 1
      answered: the task is of acme_web, pull request 1; the file says acme_api, pull request 7
      why:      the file was changed, or belongs to another scan: Gatepost believes SonarQube
      to do:    let the scanner write the file anew in this step, and remove it from caches and artifacts
      status:   Sonar: acme_api (key sonar-acme_api): report-task.txt says acme_api, pull request 7, but its analysis is of acme_web, pull request 1
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    ");
    assert_eq!(sonarqube.request_count(), 1, "the gate is not asked for");
    let words =
        "report-task.txt says acme_api, pull request 7, but its analysis is of acme_web, pull request 1";
    assert_stands(&sandbox, "FAILED", words);
}

#[test]
fn a_file_that_claims_a_pull_request_for_an_analysis_of_the_main_branch_is_not_believed() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let claims = sonarqube
        .submit(Analysis::new("acme_api", Gate::passed()))
        .claiming("dashboardUrl", "https://sonar.example.com/dashboard?id=acme_api&pullRequest=7");
    let (_folder, gatepost) = after(&sandbox, &claims);
    assert_told(&gatepost.run(), 3, &["but its analysis is of acme_api, main branch"]);
}

#[test]
fn a_branch_in_the_file_does_not_make_an_analysis_of_the_main_branch_one_of_the_branch() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let claims = sonarqube
        .submit(Analysis::new("acme_api", Gate::passed()))
        .claiming("dashboardUrl", "https://sonar.example.com/dashboard?id=acme_api&branch=feature%2Flogin");
    let (_folder, gatepost) = after(&sandbox, &claims);
    let run = gatepost.run();
    assert_told(&run, 0, &["acme_api, main branch", "! the analysis is of the main branch"]);
}

#[test]
fn an_address_of_the_dashboard_that_cannot_be_read_leaves_the_rest_to_the_task() {
    for address in
        ["not an address", "https://sonar.example.com/", "https://sonar.example.com/dashboard?id=", ""]
    {
        for (id, code) in [("7", 0), ("3", 3)] {
            let (sandbox, sonarqube) = (acme(), sonarqube());
            let claims = sonarqube.submit(of_pull_request(id)).claiming("dashboardUrl", address);
            let (_folder, gatepost) = after(&sandbox, &claims);
            assert_told(&gatepost.run(), code, &[&format!("acme_api, pull request {id}")]);
        }
    }
}

/// Pull request 9 is in the same repository; the number alone is not enough to be green.
#[test]
fn a_pull_request_that_is_looked_up_is_compared_with_its_branch() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) =
        after(&sandbox, &sonarqube.submit(Analysis::of_branch("acme_api", "feature/old", Gate::passed())));
    let by_pull_request = of_branch_build(gatepost)
        .unset("BITBUCKET_COMMIT")
        .unset("BITBUCKET_BRANCH")
        .set("PULL_REQUEST", "7");
    assert_told(
        &by_pull_request.run(),
        3,
        &["The analysis is of branch feature/old, this is pull request 7"],
    );
}

const OTHER_COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A file from a cache is as new as the checkout, and an analysis of another commit may be newer than this one.
#[test]
fn an_analysis_that_its_file_does_not_date_is_compared_by_its_commit() {
    for (is_fresh, is_other, code) in [(false, true, 3), (false, false, 0), (true, true, 0)] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let commit = sandbox.head("acme/api", "feature/login");
        let revision = if is_other { OTHER_COMMIT } else { &commit };
        let analysis = Analysis::of_branch("acme_api", "feature/login", Gate::passed()).of_revision(revision);
        let analysis = if is_fresh { analysis.submitted(&now()) } else { analysis };
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(analysis));
        let run = of_branch_build(gatepost).set("SCAN_EXIT_CODE", "0").run();
        let told =
            if code == 3 { "✖ The analysis is of commit 0123456789ab, this is commit" } else { "✔" };
        assert_told(&run, code, &[told]);
        assert_eq!(sonarqube.request_count(), if is_fresh { 2 } else { 3 }, "task, gate, and the commit");
    }
}

/// The file tells nothing of the time of the newer analysis.
#[test]
fn an_analysis_that_took_the_place_of_another_is_compared_by_its_commit() {
    let of_branch = || Analysis::of_branch("acme_api", "feature/login", Gate::passed()).submitted(&now());
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let submitted = sonarqube
        .submit(Analysis { end: End::Canceled, ..of_branch() }.submitted("2026-11-03T08:00:00+0000"));
    sonarqube.submit(of_branch().of_revision(OTHER_COMMIT));
    let (_folder, gatepost) = after(&sandbox, &submitted);
    let run = of_branch_build(gatepost).set("SCAN_EXIT_CODE", "0").run();
    assert_told(&run, 3, &["took the place of this one", "✖ The analysis is of commit 0123456789ab"]);
}

/// A branch with the usual name of a main branch need not be the main branch of SonarQube.
#[test]
fn the_main_branch_of_sonarqube_may_have_another_name() {
    let words = "The analysis is of the main branch, this is branch master";
    for is_named in [false, true] {
        for (other, is_of_commit, code, told) in [
            (true, false, 3, format!("✖ {words}")),
            (true, true, if is_named { 3 } else { 0 }, "the main branch".to_owned()),
            (
                false,
                false,
                0,
                "! the analysis is of the main branch, and the status is for branch master".to_owned(),
            ),
        ] {
            let (sandbox, sonarqube) = (acme(), sonarqube());
            if other {
                sonarqube.submit(Analysis::of_branch("acme_api", "feature/old", Gate::passed()));
            }
            let mut analysis = Analysis::new("acme_api", Gate::passed());
            if is_of_commit {
                analysis = analysis.of_revision(&sandbox.head("acme/api", "feature/login"));
            }
            let submitted = sonarqube.submit(analysis);
            let folder = if is_named { Folder::new() } else { scanned(".scannerwork", &submitted) };
            let mut gatepost =
                of_branch_build(after_scan(&sandbox, &folder)).set("BITBUCKET_BRANCH", "master");
            if is_named {
                gatepost =
                    gatepost.set("SONAR_PROJECT_KEY", "acme_api").set("SONAR_HOST_URL", sonarqube.http_url());
            }
            assert_told(&gatepost.run(), code, &[&told]);
        }
    }
}

/// The branch of a fork is another one than that of the same name in the project.
#[test]
fn an_analysis_of_a_branch_is_not_that_of_the_same_branch_of_a_fork() {
    for (analysis, is_named, code) in [
        (Analysis::of_branch("acme_api", "patch-1", Gate::passed()), false, 3),
        (Analysis::of_branch("acme_api", "patch-1", Gate::passed()), true, 3),
        (of_pull_request("9"), false, 0),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let submitted = sonarqube.submit(analysis.submitted(&now()));
        let folder = if is_named { Folder::new() } else { scanned(".scannerwork", &submitted) };
        let mut gatepost = of_branch_build(after_scan(&sandbox, &folder))
            .unset("BITBUCKET_COMMIT")
            .unset("BITBUCKET_BRANCH")
            .unset("BITBUCKET_ACCESS_TOKEN")
            .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
            .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
            .set("PULL_REQUEST", "9");
        if is_named {
            gatepost = gatepost
                .set("SONAR_PROJECT_KEY", "acme_api")
                .set("SONAR_BRANCH", "patch-1")
                .set("SONAR_HOST_URL", sonarqube.http_url());
        }
        let told =
            if code == 3 { "✖ The analysis is of branch patch-1, this is pull request 9" } else { "✔" };
        assert_told(&gatepost.run(), code, &[told]);
    }
}

/// Of the status only the commit is known: no branch, no pull request. SonarQube's list says which commit was analysed.
#[test]
fn what_could_not_be_compared_with_a_commit_alone_is_told() {
    for (analysis, is_named, words) in [
        (of_pull_request("3"), false, "pull request 3"),
        (Analysis::of_branch("acme_api", "feature/old", Gate::passed()), false, "branch feature/old"),
        (Analysis::new("acme_api", Gate::passed()), true, "the main branch"),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let submitted = sonarqube.submit(analysis.submitted(&now()));
        let folder = if is_named { Folder::new() } else { scanned(".scannerwork", &submitted) };
        let mut gatepost = of_branch_build(after_scan(&sandbox, &folder)).unset("BITBUCKET_BRANCH");
        if is_named {
            gatepost =
                gatepost.set("SONAR_PROJECT_KEY", "acme_api").set("SONAR_HOST_URL", sonarqube.http_url());
        } else {
            sonarqube.fault_after(2, Fault::status(403));
        }
        let run = gatepost.set("URL", "https://ci.example.com/").run();
        let told = format!("! the analysis is of {words}, and of the status only the commit is known");
        assert_told(&run, 0, &[&told]);
        assert_eq!(
            run.output.lines().filter(|line| line.starts_with("! the analysis")).count(),
            1,
            "{}",
            run.output
        );
    }
}
