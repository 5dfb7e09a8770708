//! Who answered: SonarQube, a page of a gateway, or a redirect; and what the commit is told.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

use sandbox::{Analysis, Dialect, Gate, SonarQube};
use serde_json::json;

use crate::run::{Fault, Folder, Gatepost, Run, acme, after_scan, assert_told, scanned};

use super::{of_pull_request, shown, sonarqube};

/// A run whose first request to SonarQube has this fault: the run, and the description on the commit.
fn with_fault(fault: Fault) -> (Run, String) {
    with(|sonarqube| sonarqube.fault(fault), |run| run)
}

fn with(change: impl FnOnce(&SonarQube), set: impl FnOnce(Gatepost) -> Gatepost) -> (Run, String) {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    change(&sonarqube);
    let run = set(after_scan(&sandbox, &folder)).run();
    let status = shown(&sandbox);
    assert_eq!((run.code, status.state.as_str()), (3, "FAILED"), "{}", run.output);
    (run, status.description.unwrap())
}

/// The lines that explain, without what was sent and posted.
fn explained(run: &Run) -> String {
    let parts = ["  answered:", "  address:", "  why:", "  to do:"];
    let told = run.told();
    told.lines().filter(|line| parts.iter().any(|part| line.starts_with(part))).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_page_is_never_the_answer_of_sonarqube() {
    for (fault, sentence, why) in [
        (
            Fault::page(200, "Sign in"),
            "No verdict: a login page stands before SonarQube",
            "why:      the page \"Sign in\" answers in place of SonarQube: a proxy or gateway",
        ),
        (
            Fault::challenge("Company proxy"),
            "No verdict: a login page stands before SonarQube",
            "answered: 401 Unauthorized, an HTML page with the title \"401 Unauthorized\" (www-authenticate: Basic realm=\"Company proxy\")",
        ),
        (
            Fault::page(403, "Request blocked"),
            "No verdict: a firewall or proxy stands before SonarQube",
            "why:      the page \"Request blocked\" answers in place of SonarQube: a firewall",
        ),
        (
            Fault::page(404, "404 Not Found"),
            "No verdict: a web page answers in place of SonarQube",
            "to do:    check SONAR_HOST_URL: copy the address of SonarQube's start page, with the base path",
        ),
        (
            Fault::page(200, "SonarQube"),
            "No verdict: a web page answers in place of SonarQube",
            "why:      the page \"SonarQube\" answers in place of SonarQube: serverUrl of report-task.txt is not the address",
        ),
    ] {
        let (run, told) = with_fault(fault);
        assert_eq!(told, sentence, "{}", run.output);
        assert_told(&run, 3, &[why]);
        assert!(!run.output.contains("SONAR_TOKEN: it has expired"), "{}", run.output);
    }
}

/// An empty body is no page, and neither are words.
#[test]
fn a_challenge_without_a_page_is_of_a_gateway_and_no_page() {
    for (body, answered) in
        [("", "401 Unauthorized, an empty body"), ("No entry", "401 Unauthorized, \"No entry\"")]
    {
        let (run, told) = with_fault(Fault::Answer {
            status: 401,
            headers: vec![("www-authenticate".to_owned(), "Basic realm=\"Company proxy\"".to_owned())],
            body: body.into(),
        });
        assert_eq!(told, "No verdict: a gateway before SonarQube wants a login of its own", "{}", run.output);
        assert_told(
            &run,
            3,
            &[
                answered,
                "why:      another server answers in place of SonarQube: a proxy or gateway before it wants a login of its own\n",
            ],
        );
        assert!(!run.output.contains("HTML page"), "{}", run.output);
    }
}

#[test]
fn a_gateway_without_sonarqube_behind_it_says_that_it_is_down() {
    let (run, told) =
        with(|sonarqube| sonarqube.fault_always(Fault::unavailable(None)), |run| run.set("TIMEOUT", "1"));
    assert_eq!(told, "No verdict: SonarQube is down (503)");
    assert_told(&run, 3, &["the page \"503 Service Temporarily Unavailable\" answers in place of SonarQube"]);
}

#[test]
fn a_redirect_is_compared_with_what_was_asked() {
    let told = |to: &dyn Fn(&SonarQube) -> Fault| {
        let (run, told) = with(|sonarqube| sonarqube.fault(to(sonarqube)), |run| run);
        format!("{told}\n{}", explained(&run))
    };
    insta::assert_snapshot!(told(&|sonarqube| Fault::redirect(&format!("{}/maintenance?return_to=%2F", sonarqube.http_url()))), @"
    No verdict: SonarQube is starting or being upgraded
      answered: 302 Found, an empty body
      address:  http://127.0.0.1:PORT comes from serverUrl of report-task.txt; pass SONAR_HOST_URL if SonarQube has another address for this machine
      why:      the answer points to http://127.0.0.1:PORT/maintenance: SonarQube is starting or being upgraded
      to do:    open this page in a browser; when it says that the server is up, run again
    ");
    insta::assert_snapshot!(told(&|_| Fault::RedirectBelow("https://127.0.0.1:9".to_owned())), @"
    No verdict: SonarQube wants https instead of http
      answered: 302 Found, an empty body
      address:  http://127.0.0.1:PORT comes from serverUrl of report-task.txt; pass SONAR_HOST_URL if SonarQube has another address for this machine
      why:      the answer points to https://127.0.0.1:PORT/api/ce/task: the server wants https; Gatepost does not follow, because the credential would go there
      to do:    pass in SONAR_HOST_URL the address with https: https://127.0.0.1:PORT
    ");
    insta::assert_snapshot!(told(&|sonarqube| Fault::RedirectBelow(format!("{}/sonar", sonarqube.http_url()))), @"
    No verdict: the address of SonarQube lacks the base path
      answered: 302 Found, an empty body
      address:  http://127.0.0.1:PORT comes from serverUrl of report-task.txt; pass SONAR_HOST_URL if SonarQube has another address for this machine
      why:      the answer points to http://127.0.0.1:PORT/sonar/api/ce/task: the address lacks the base path /sonar; Gatepost does not follow, because the credential would go there
      to do:    pass in SONAR_HOST_URL the address with the base path: http://127.0.0.1:PORT/sonar
    ");
    insta::assert_snapshot!(told(&|_| Fault::redirect("https://login.acme.example/oauth2/authorize?state=s3cret")), @"
    No verdict: a login page stands before SonarQube
      answered: 302 Found, an empty body
      address:  http://127.0.0.1:PORT comes from serverUrl of report-task.txt; pass SONAR_HOST_URL if SonarQube has another address for this machine
      why:      the answer points to https://login.acme.example/oauth2/authorize, a login page; Gatepost does not follow, because the credential would go there
      to do:    pass in SONAR_HOST_URL an address of SonarQube that needs no login but the token; or let its administrator exempt the path /api from the login
    ");
    insta::assert_snapshot!(told(&|_| Fault::RedirectBelow("https://sonar.acme.example".to_owned())), @"
    No verdict: SonarQube is at another address
      answered: 302 Found, an empty body
      address:  http://127.0.0.1:PORT comes from serverUrl of report-task.txt; pass SONAR_HOST_URL if SonarQube has another address for this machine
      why:      the answer points to https://sonar.acme.example/api/ce/task: SonarQube has another address; Gatepost does not follow, because the credential would go there
      to do:    pass in SONAR_HOST_URL this address: https://sonar.acme.example
    ");
}

#[test]
fn a_redirect_to_the_same_path_names_the_whole_address() {
    let told = |to: &dyn Fn(&SonarQube) -> Fault, is_https: bool| {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        sonarqube.fault(to(&sonarqube));
        let url = if is_https { sonarqube.https_url() } else { sonarqube.http_url() };
        let run = after_scan(&sandbox, &folder)
            .set("SONAR_HOST_URL", url)
            .set("SONAR_ROOT_CERT", sonarqube.root_certificate_pem())
            .run();
        assert_eq!(run.code, 3, "{}", run.output);
        format!("{}\n{}", shown(&sandbox).description.unwrap(), explained(&run))
    };
    // The port of https is another than the port of http.
    insta::assert_snapshot!(told(&|_| Fault::RedirectBelow("https://127.0.0.1".to_owned()), false), @"
    No verdict: SonarQube wants https instead of http
      answered: 302 Found, an empty body
      why:      the answer points to https://127.0.0.1/api/ce/task: the server wants https; Gatepost does not follow, because the credential would go there
      to do:    pass in SONAR_HOST_URL the address with https: https://127.0.0.1
    ");
    insta::assert_snapshot!(told(&|_| Fault::RedirectBelow("http://127.0.0.1:9".to_owned()), false), @"
    No verdict: SonarQube is at another address
      answered: 302 Found, an empty body
      why:      the answer points to http://127.0.0.1:PORT/api/ce/task: SonarQube has another address; Gatepost does not follow, because the credential would go there
      to do:    pass in SONAR_HOST_URL this address: http://127.0.0.1:PORT
    ");
    insta::assert_snapshot!(told(&|sonarqube| Fault::RedirectBelow(sonarqube.http_url()), false), @"
    No verdict: a proxy before SonarQube points to itself
      answered: 302 Found, an empty body
      why:      the answer points to http://127.0.0.1:PORT/api/ce/task, the address that was asked: a proxy before SonarQube leads in a circle
      to do:    let the proxy's administrator check its redirects (a proxy that ends TLS must pass on X-Forwarded-Proto: https); or pass in SONAR_HOST_URL an address without this proxy
    ");
    insta::assert_snapshot!(told(&|_| Fault::RedirectBelow("http://localhost".to_owned()), true), @"
    No verdict: a proxy before SonarQube points from https to http
      answered: 302 Found, an empty body
      address:  https://localhost:PORT comes from SONAR_HOST_URL; serverUrl of report-task.txt is http://127.0.0.1:PORT
      why:      the answer points to http://localhost/api/ce/task: a proxy ends TLS, and the server behind it does not know of https
      to do:    let the proxy's administrator pass on X-Forwarded-Proto: https, and set the server's base URL with https
    ");
}

#[test]
fn each_404_has_its_own_reason() {
    let gone =
        |path: &'static str| move |run: Gatepost| run.set("SONAR_PROJECT_KEY", "acme_api").set(path, "8");
    let project = |set: &dyn Fn(Gatepost) -> Gatepost, change: &dyn Fn(&SonarQube)| {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        change(&sonarqube);
        let run = set(after_scan(&sandbox, &Folder::new()).set("SONAR_HOST_URL", sonarqube.http_url())).run();
        assert_eq!(run.code, 3, "{}", run.output);
        format!("{}\n{}", shown(&sandbox).description.unwrap(), explained(&run))
    };
    insta::assert_snapshot!(project(&gone("SONAR_PULL_REQUEST"), &|_| {}), @r#"
    No verdict: SonarQube does not know this pull request
      answered: 404 Not Found, "Pull request '8' in project 'acme_api' not found"
      why:      SonarQube has no analysis of this pull request, or does not show it to this token; the Community Build has no pull requests
      to do:    check SONAR_PULL_REQUEST: it is the number with which the scanner ran (sonar.pullrequest.key); scan again if SonarQube deleted the pull request
    "#);
    insta::assert_snapshot!(project(&gone("SONAR_BRANCH"), &|_| {}), @r#"
    No verdict: SonarQube does not know this branch
      answered: 404 Not Found, "Branch '8' in project 'acme_api' not found"
      why:      SonarQube has no analysis of this branch, or does not show it to this token; the Community Build has the main branch only
      to do:    check SONAR_BRANCH: it is the name with which the scanner ran (sonar.branch.name); scan again if SonarQube deleted the branch
    "#);
    insta::assert_snapshot!(project(&|run| run.set("SONAR_PROJECT_KEY", "acme_shop"), &|_| {}), @r#"
    No verdict: SonarQube does not know this project
      answered: 404 Not Found, "Project 'acme_shop' not found"
      why:      SonarQube has no project with this key, or does not show it to this token
      to do:    check SONAR_PROJECT_KEY (Project Information shows the key), and that the token's account may browse the project; check the server as well
    "#);
    insta::assert_snapshot!(project(&|run| run.set("SONAR_PROJECT_KEY", "acme_api"), &|sonarqube| {
        sonarqube.projects(|projects| { projects.start_anew(100); });
    }), @r#"
    No verdict: SonarQube is starting, or this is not its address
      answered: 404 Not Found, "Unknown url : /api/qualitygates/project_status"
      why:      SonarQube does not know the address: it is starting, it is too old or too new for this question, or a proxy rewrites the path
      to do:    run again when its start page is up; check SONAR_HOST_URL, base path included; use the newest version of Gatepost
    "#);

    let file = |deleted: bool| {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let submitted = sonarqube.submit(of_pull_request(Gate::passed()));
        let analysis = submitted.analysis_id.clone();
        let submitted = if deleted { submitted } else { submitted.claiming("ceTaskId", "AZ1") };
        let folder = scanned(".scannerwork", &submitted);
        if deleted {
            sonarqube.projects(|projects| {
                projects.delete_analysis(&analysis);
            });
        }
        let run = after_scan(&sandbox, &folder).run();
        assert_eq!(run.code, 3, "{}", run.output);
        format!("{}\n{}", shown(&sandbox).description.unwrap(), explained(&run)).replace(&analysis, "ID")
    };
    insta::assert_snapshot!(file(false), @r#"
    No verdict: SonarQube does not know this analysis
      answered: 404 Not Found, "No activity found for task 'AZ1'"
      address:  http://127.0.0.1:PORT comes from serverUrl of report-task.txt; pass SONAR_HOST_URL if SonarQube has another address for this machine
      why:      SonarQube does not have this task: it deletes old tasks, and another server has other tasks
      to do:    run the scanner again; check that report-task.txt is of this build and of this server
    "#);
    insta::assert_snapshot!(file(true), @r#"
    No verdict: SonarQube has deleted this analysis
      answered: 404 Not Found, "Analysis with id 'ID' is not found"
      why:      SonarQube knew this analysis and has deleted it: housekeeping keeps few analyses of a day, and a project may have been deleted
      to do:    run the scanner again, and ask for its verdict at once
    "#);
}

#[test]
fn an_address_of_report_task_txt_that_does_not_exist_is_told_within_seconds() {
    let (sandbox, folder) = (acme(), Folder::new());
    let _ = folder.write(
        ".scannerwork/report-task.txt",
        b"projectKey=acme_api\nceTaskId=x\nserverUrl=http://sonar.invalid:9000\n",
    );
    let run = after_scan(&sandbox, &folder).set("TIMEOUT", "60").run();
    assert_eq!(run.code, 3, "{}", run.output);
    assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
    let told = format!("{}\n{}", shown(&sandbox).description.unwrap(), explained(&run));
    insta::assert_snapshot!(told, @"
    No verdict: the host name of SonarQube does not exist
      answered: the host name could not be looked up (there is no such host)
      address:  http://sonar.invalid:9000 comes from serverUrl of report-task.txt; pass SONAR_HOST_URL if SonarQube has another address for this machine
      why:      the name server of this machine does not know sonar.invalid
      to do:    check the spelling of SONAR_HOST_URL; behind a proxy set HTTPS_PROXY; in a container check the network and DNS
    ");
}

#[test]
fn both_addresses_are_named_when_they_differ() {
    let (run, _) = with(|_| {}, |run| run.set("SONAR_HOST_URL", "http://127.0.0.1:9").set("TIMEOUT", "1"));
    assert_told(
        &run,
        3,
        &[
            "address:  http://127.0.0.1:PORT comes from SONAR_HOST_URL; serverUrl of report-task.txt is http://127.0.0.1:PORT",
        ],
    );
}

#[test]
fn what_another_try_cannot_change_ends_at_once() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let told = |host: String| {
        let run = after_scan(&sandbox, &folder).set("SONAR_HOST_URL", host).set("TIMEOUT", "60").run();
        assert_eq!(run.code, 3, "{}", run.output);
        assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
        format!("{}\n{}", shown(&sandbox).description.unwrap(), explained(&run))
    };
    insta::assert_snapshot!(told(format!("https://localhost:{}", sonarqube.http_port())), @"
    No verdict: SonarQube speaks http, not https
      answered: the server does not speak TLS (https)
      address:  https://localhost:PORT comes from SONAR_HOST_URL; serverUrl of report-task.txt is http://127.0.0.1:PORT
      why:      the server does not answer with TLS: it speaks http on this port, or is another service
      to do:    pass in SONAR_HOST_URL the port for https, or http:// instead of https:// if it has none
    ");
    insta::assert_snapshot!(told(format!("http://localhost:{}", sonarqube.https_port())), @r#"
    No verdict: SonarQube wants https instead of http
      answered: 400 Bad Request, an HTML page with the title "400 The plain HTTP request was sent to HTTPS port"
      address:  http://localhost:PORT comes from SONAR_HOST_URL; serverUrl of report-task.txt is http://127.0.0.1:PORT
      why:      the server speaks https on this port, and was asked with http
      to do:    pass in SONAR_HOST_URL the same address with https:// instead of http://
    "#);

    // A server that answers http with an alert of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&[0x15, 3, 3, 0, 2, 2, 50]);
        }
    });
    insta::assert_snapshot!(told(format!("http://localhost:{port}")), @"
    No verdict: SonarQube wants https instead of http
      answered: the server answers something else than HTTP/1.1
      address:  http://localhost:PORT comes from SONAR_HOST_URL; serverUrl of report-task.txt is http://127.0.0.1:PORT
      why:      the server does not answer with HTTP/1.1: it probably speaks TLS (https) on this port, or it knows HTTP/2 only, or is another service
      to do:    pass in SONAR_HOST_URL the same address with https:// instead of http://, or check its port
    ");
    insta::assert_snapshot!(told(format!("https://localhost:{port}")), @"
    No verdict: SonarQube refuses the TLS connection
      answered: the server refuses the TLS connection (alert 50)
      address:  https://localhost:PORT comes from SONAR_HOST_URL; serverUrl of report-task.txt is http://127.0.0.1:PORT
      why:      the server, or a proxy that opens TLS on the way, ends the connection before it is made
      to do:    check SONAR_HOST_URL and HTTPS_PROXY, and the log of the server
    ");
}

/// Some servers say nothing to http on their port for https.
#[test]
fn http_to_a_port_of_https_that_closes_at_once_ends_at_once() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    // Answers the greeting of TLS with an alert (0x15) or a handshake (0x16), and anything else with the end.
    for answer in [None, Some([0x15, 3, 3, 0, 2, 2, 40]), Some([0x16, 3, 3, 0, 2, 2, 0])] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut begin = [0; 4096];
                let _ = stream.read(&mut begin);
                if let (0x16, Some(answer)) = (begin[0], answer) {
                    let _ = stream.write_all(&answer);
                }
            }
        });
        let timeout = if answer.is_some() { "60" } else { "1" };
        let run = after_scan(&sandbox, &folder).set("SONAR_HOST_URL", url).set("TIMEOUT", timeout).run();
        assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
        if answer.is_some() {
            assert_told(
                &run,
                3,
                &[
                    "answered: the server closes the connection, and speaks TLS (https) on this port\n",
                    "why:      the server speaks https on this port, and was asked with http\n",
                    "to do:    pass in SONAR_HOST_URL the same address with https:// instead of http://\n",
                ],
            );
            let told = shown(&sandbox).description.unwrap();
            assert_eq!(told, "No verdict: SonarQube wants https instead of http");
        } else {
            // Nothing shows what this server is: the next attempt may get an answer.
            assert_told(&run, 3, &["trying again in N s", "answered: the connection broke"]);
        }
    }
}

#[test]
fn tags_are_taken_out_of_the_words_of_a_task() {
    let end = sandbox::End::Failed {
        message: "This project has too many lines of code. <a href=\"https://example.com/upgrade\">Upgrade the plan</a>".to_owned(),
    };
    let (run, status) = super::run_after(Analysis { end, ..of_pull_request(Gate::passed()) });
    assert_eq!(run.code, 3);
    let words = "The analysis failed: This project has too many lines of code. Upgrade the plan";
    assert_eq!(status.description.as_deref(), Some(words));
}

#[test]
fn entities_become_characters_in_all_words_of_sonarqube() {
    let message = "Can&#39;t read &lt;T&gt; in <code>a.java</code><br>&amp; more&#10;&#x1b;[31m".to_owned();
    let end = sandbox::End::Failed { message };
    let (run, status) = super::run_after(Analysis { end, ..of_pull_request(Gate::passed()) });
    assert_told(
        &run,
        3,
        &["answered: the task has the status FAILED, \"Can't read <T> in a.java & more [31m\""],
    );
    let words = "The analysis failed: Can't read <T> in a.java & more [31m";
    assert_eq!(status.description.as_deref(), Some(words));

    let (run, _) = with_fault(Fault::page(200, "Sign in &ndash; <b>Acme</b> &amp; Co"));
    assert_told(
        &run,
        3,
        &[
            "an HTML page with the title \"Sign in – Acme & Co\"",
            "why:      the page \"Sign in – Acme & Co\"",
        ],
    );

    let refusal = serde_json::json!({"errors": [{"msg": "<a href=\"x\">hello</a> &quot;you&quot;"}]});
    let (run, _) = with_fault(Fault::json(400, &refusal));
    assert_told(&run, 3, &["answered: 400 Bad Request, \"hello \"you\"\""]);
}

/// `run` itself checks that the output shows no part of a token.
#[test]
fn a_token_that_html_takes_apart_is_hidden() {
    let (begin, end) = sandbox::USER_TOKEN.split_at(20);
    for token in [format!("{begin}<b></b>{end}"), sandbox::USER_TOKEN.replace('_', "&#95;")] {
        let end = sandbox::End::Failed { message: format!("boom {token}") };
        let (run, status) = super::run_after(Analysis { end, ..of_pull_request(Gate::passed()) });
        assert_told(&run, 3, &["FAILED, \"boom ***"]);
        assert!(status.description.unwrap().starts_with("The analysis failed: boom ***"));
        // The token begins before the place where the words are cut.
        let cut = format!("{} {token}", "x".repeat(285));
        let (run, told) = with_fault(Fault::json(400, &serde_json::json!({"errors": [{"msg": cut}]})));
        assert!(!run.output.contains(&begin[..9]) && !told.contains(&begin[..9]), "{}", run.output);
    }
}

/// The token begins before the place where the header is cut.
#[test]
fn a_token_in_a_challenge_is_hidden_before_it_is_cut() {
    for padding in [41, 50, 55, 58, 60, 63, 66] {
        let challenge = format!("Basic realm=\"{}{}\"", "x".repeat(padding), sandbox::USER_TOKEN);
        let fault = Fault::Answer {
            status: 401,
            headers: vec![("www-authenticate".to_owned(), challenge)],
            body: Vec::new(),
        };
        // `run` itself checks that the output shows no part of a token.
        let (run, told) = with_fault(fault);
        let begin = &sandbox::USER_TOKEN[4..10];
        assert!(!run.output.contains(begin) && !told.contains(begin), "{}", run.output);
        assert!(run.output.contains("www-authenticate: Basic realm="), "{}", run.output);
    }
}

/// SonarQube's own format is never that of another server.
#[test]
fn words_of_sonarqube_that_are_not_known_are_not_those_of_another_server() {
    for (status, words, told) in [
        (404, "Quality gate not found", "why:      SonarQube does not have what was asked for"),
        (
            400,
            "The 'analysisId' parameter is invalid",
            "why:      SonarQube does not accept the analysis that its task",
        ),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        sonarqube.fault_after(1, Fault::json(status, &json!({ "errors": [{ "msg": words }] })));
        assert_told(&after_scan(&sandbox, &folder).run(), 3, &[told]);
    }
}

/// Not every document in angle brackets is a page.
#[test]
fn an_xml_document_is_not_called_a_page() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    sonarqube.fault(Fault::Answer {
        status: 200,
        headers: Vec::new(),
        body: b"<?xml version=\"1.0\"?><task/>".to_vec(),
    });
    let run = after_scan(&sandbox, &folder).run();
    assert_told(
        &run,
        3,
        &["answered: 200 OK, an XML document", "why:      an XML document answers in place of"],
    );
}
