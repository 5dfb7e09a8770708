//! A proxy between Gatepost and Bitbucket, and who is to blame when there is no way through.

use std::time::Duration;

use sandbox::{Analysis, Dialect, Gate, Projects, Proxy, ProxyRule, SonarQube, WORKSPACE_TOKEN, service};
use serde_json::{Value, json};

use super::{assert_refused_unsent, assert_stands, over_https, posts, tests, warnings};
use crate::run::{
    Folder, Gatepost, Sandbox, World, acme, after_scan, assert_told, bare, in_branch_build, scanned,
};

fn login(user: &str, password: &str) -> ProxyRule {
    ProxyRule::Login { user: user.to_owned(), password: password.to_owned() }
}

fn in_build(sandbox: &Sandbox, folder: &Folder) -> Gatepost {
    over_https(tests(in_branch_build(sandbox)), sandbox, folder)
}

/// Thirteen logins with a wrong password in twenty seconds lock an account.
#[test]
fn a_wrong_password_is_tried_once_for_the_whole_run() {
    let (sandbox, folder) = (Sandbox::start(World::fleet(60)), Folder::new());
    let proxy = Proxy::start().with(login("ci", "right"));
    let entry = |number| {
        let commit = sandbox.head(&format!("acme/{}", service(number)), "main");
        json!({ "repo_slug": service(number), "commit": commit, "state": "passed", "key": "tests" })
    };
    let targets: Vec<Value> = (1..=60).map(entry).collect();
    let run = over_https(bare(), &sandbox, &folder)
        .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("TARGETS", json!(targets).to_string())
        .set("HTTPS_PROXY", proxy.url_for("ci:wrong-password"))
        .set("TIMEOUT", "20")
        .run();
    assert_told(&run, 4, &["407 Proxy Authentication Required", "127.0.0.1:PORT", "HTTPS_PROXY"]);
    assert_eq!(proxy.logins(), [("ci".to_owned(), "wrong-password".to_owned())]);
    assert_eq!(sandbox.request_count(), 0);
    assert!(!run.output.contains("wrong-password"), "{}", run.output);
    assert!(!run.output.contains("Bitbucket answered 407"), "the proxy did:\n{}", run.output);
    assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
}

/// SonarQube and Bitbucket are reached through the same proxy.
#[test]
fn a_wrong_password_is_tried_once_for_both_services() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
    let folder = scanned("target/sonar", &submitted);
    let roots = [sandbox.root_certificate_pem(), sonarqube.root_certificate_pem()].concat();
    let proxy = Proxy::start().with(login("ci", "right"));
    let run = after_scan(&sandbox, &folder)
        .set("BITBUCKET_API_URL", sandbox.https_url())
        .set("SONAR_HOST_URL", sonarqube.https_url())
        .set("SSL_CERT_FILE", folder.write("roots.pem", roots.as_bytes()))
        .set("HTTPS_PROXY", proxy.url_for("ci:wrong-password"))
        .run();
    assert_told(&run, 4, &["407 Proxy Authentication Required"]);
    assert_eq!(proxy.logins().len(), 1, "{}", run.output);
    assert_eq!((sandbox.request_count(), sonarqube.request_count()), (0, 0));
}

#[test]
fn a_refusal_of_the_proxy_is_final_and_told_in_its_own_words() {
    let (sandbox, folder) = (acme(), Folder::new());
    let page = "<html><title>Blocked by ACME policy 17</title></html>".to_owned();
    let refuse = ProxyRule::Refuse { status_line: "403 URLBlocked by gateway".to_owned(), page };
    let proxy = Proxy::start().with(refuse);
    let run = in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy.url()).run();
    assert_told(&run, 4, &["403 URLBlocked by gateway", "127.0.0.1:PORT", "the proxy"]);
    // Once for the connection, and once for the words of the answer.
    assert_eq!((proxy.heads().len(), sandbox.request_count()), (2, 0));
    assert!(!run.output.contains("Bitbucket answered 403"), "{}", run.output);
    assert!(
        !run.output.contains("BITBUCKET_ACCESS_TOKEN is"),
        "the credential is not in question:\n{}",
        run.output
    );
}

/// A company's proxy has words of its own. They are asked for without the login, which would count once more.
#[test]
fn a_407_is_told_in_the_proxys_own_words() {
    let (sandbox, folder) = (acme(), Folder::new());
    let negotiate = |schemes: &[&str]| ProxyRule::Negotiate {
        status_line: "407 Login required by CorpProxy".to_owned(),
        schemes: schemes.iter().map(|scheme| (*scheme).to_owned()).collect(),
    };
    let told = "407 Login required by CorpProxy";
    for (schemes, parts) in [
        (&["Basic realm=\"corp\"", "NTLM"][..], [told, "as user:password@ before the host of the proxy"]),
        (&["NTLM", "Negotiate"], [told, "wants a login by NTLM, Negotiate; Gatepost only knows Basic"]),
    ] {
        let proxy = Proxy::start().with(negotiate(schemes));
        let run = in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy.url_for("ci:wrong-password")).run();
        assert_told(&run, 4, &parts);
        assert_eq!((proxy.logins().len(), proxy.heads().len()), (1, 2), "{}", run.output);
        assert_eq!(run.output.contains("user:password@"), schemes.len() == 2 && schemes[0] != "NTLM");
    }
}

/// What listens there is a SOCKS proxy, or something else.
#[test]
fn what_does_not_speak_http_is_told_as_that() {
    let (sandbox, folder) = (acme(), Folder::new());
    for speech in [&b"SSH-2.0-OpenSSH_9.6\r\n"[..], b"\x05\xff"] {
        let proxy = Proxy::start().with(ProxyRule::Speak(speech.to_vec()));
        let run = in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy.url()).set("TIMEOUT", "3").run();
        assert_told(&run, 4, &["it does not speak HTTP", "HTTPS_PROXY"]);
        assert!(!run.output.contains("refuses"), "{}", run.output);
        assert_eq!(proxy.heads().len(), 2, "it is final:\n{}", run.output);
    }
}

/// The table of a list says who answered.
#[test]
fn the_table_says_what_the_proxy_answered() {
    let (sandbox, folder) = (Sandbox::start(World::fleet(2)), Folder::new());
    let entry = |number| {
        let commit = sandbox.head(&format!("acme/{}", service(number)), "main");
        json!({ "repo_slug": service(number), "commit": commit, "state": "passed", "key": "tests" })
    };
    let gatepost = over_https(bare(), &sandbox, &folder)
        .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("TARGETS", json!([entry(1), entry(2)]).to_string());
    let refuse = ProxyRule::Refuse { status_line: "403 Blocked".to_owned(), page: String::new() };
    for (rule, told) in [(login("ci", "right"), "the proxy answered 407"), (refuse, "the proxy answered 403")]
    {
        let proxy = Proxy::start().with(rule);
        let run = gatepost.clone().set("HTTPS_PROXY", proxy.url()).run();
        assert_told(&run, 4, &[&format!("not posted: {told}")]);
        assert!(!run.output.contains("no answer"), "{}", run.output);
    }
}

#[test]
fn a_proxy_that_hangs_up_is_tried_again() {
    for rule in [ProxyRule::HangUp, ProxyRule::HangUpInTunnel] {
        let (sandbox, folder) = (acme(), Folder::new());
        let proxy = Proxy::start().with(rule);
        let run = in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy.url()).set("TIMEOUT", "3").run();
        assert_told(&run, 4, &["the proxy"]);
        assert!(proxy.heads().len() > 1, "{}", run.output);
        assert_eq!(sandbox.request_count(), 0);
    }
}

#[test]
fn a_proxy_that_is_busy_is_tried_again() {
    let (sandbox, folder) = (acme(), Folder::new());
    let busy = ProxyRule::Refuse { status_line: "503 Service Unavailable".to_owned(), page: String::new() };
    let proxy = Proxy::start().with(busy);
    let run = in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy.url()).set("TIMEOUT", "3").run();
    assert_told(&run, 4, &["503 Service Unavailable", "the proxy"]);
    // The first attempt is followed by a question for the words of the answer; the others are that question.
    let attempts = run.output.matches("trying again").count() + 1;
    assert!(attempts > 1, "{}", run.output);
    assert_eq!(proxy.heads().len(), attempts + 1, "{}", run.output);
}

#[test]
fn a_proxy_whose_name_is_not_known_is_the_one_that_is_named() {
    let (sandbox, folder) = (acme(), Folder::new());
    let run = in_build(&sandbox, &folder)
        .set("HTTPS_PROXY", "http://no-such-proxy.invalid:3128")
        .set("TIMEOUT", "1")
        .run();
    assert_told(&run, 4, &["no-such-proxy.invalid", "HTTPS_PROXY"]);
    assert!(!run.output.contains("knows no localhost"), "{}", run.output);
    assert_eq!(sandbox.request_count(), 0);
}

#[test]
fn a_proxy_that_does_not_listen_is_the_one_that_is_named() {
    let (sandbox, folder) = (acme(), Folder::new());
    // Nothing listens there.
    let run = in_build(&sandbox, &folder).set("HTTPS_PROXY", "http://127.0.0.1:1").set("TIMEOUT", "1").run();
    assert_told(&run, 4, &["the proxy", "127.0.0.1:PORT"]);
    assert!(!run.output.contains("localhost does not take connections"), "{}", run.output);
}

/// Each of these ends the address too early: what follows would be another host's name.
#[test]
fn a_login_that_has_to_be_encoded_is_told_how() {
    for (login, encoded) in
        [("CORP\\svc:pw", "%5C"), ("svc:pa#ss", "%23"), ("svc:pa/ss", "%2F"), ("svc:pa?ss", "%3F")]
    {
        let (sandbox, folder) = (acme(), Folder::new());
        let proxy = Proxy::start();
        let run = in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy.url_for(login)).run();
        assert_refused_unsent(&sandbox, &run, &["✖ HTTPS_PROXY", encoded]);
        assert!(proxy.heads().is_empty());
        assert!(!run.output.contains(login), "{}", run.output);
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_explained() {
    let (sandbox, folder) = (acme(), Folder::new());
    let told: String = ["socks5://user:pw@proxy:1080", "http://CORP\\svc:pw@proxy:3128"]
        .map(|proxy| {
            let run = in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy).run();
            assert_refused_unsent(&sandbox, &run, &["HTTPS_PROXY"]);
            run.output
        })
        .concat();
    insta::assert_snapshot!(told, @r#"
    ✖ HTTPS_PROXY is "socks5://***@proxy:1080", which is not the address of a proxy
      accepted: an http or https address such as http://proxy.example.com:3128, with user:password@ before the host when the proxy asks for it
      to do:    correct HTTPS_PROXY, or remove it if no proxy is needed
    ✖ 1 variable is wrong; nothing was sent
    ✖ HTTPS_PROXY has a user name or password with a character that ends the host of an address
      accepted: an http or https address such as http://proxy.example.com:3128, with user:password@ before the host when the proxy asks for it
      to do:    write these characters of the user name and password encoded: \ as %5C, # as %23, / as %2F, ? as %3F, @ as %40, : as %3A, % as %25; CORP\user is CORP%5Cuser
    ✖ 1 variable is wrong; nothing was sent
    "#);
}

#[test]
fn what_a_proxy_answers_is_explained() {
    let (sandbox, folder) = (acme(), Folder::new());
    let page = "<html><title>Blocked by ACME policy 17</title></html>".to_owned();
    let refuse = ProxyRule::Refuse { status_line: "403 URLBlocked by gateway".to_owned(), page };
    let told: String = [login("ci", "right"), refuse]
        .map(|rule| {
            let proxy = Proxy::start().with(rule);
            in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy.url_for("ci:wrong-password")).run().told()
        })
        .concat();
    insta::assert_snapshot!(told, @r"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: no connection through the proxy 127.0.0.1:PORT (it answered 407 Proxy Authentication Required)
      sent:     POST https://localhost:PORT/2.0/repositories/acme/api/commit/630f6ffc4b82414483a5469e117243d2c8a1ab4b/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: no connection through the proxy 127.0.0.1:PORT (it answered 407 Proxy Authentication Required)
      why:      the proxy 127.0.0.1:PORT, and not Bitbucket, asks for a user name and password, or does not accept those of HTTPS_PROXY; Gatepost does not try again, because some networks lock an account after a few wrong passwords
      to do:    pass them in HTTPS_PROXY, as user:password@ before the host of the proxy, with \ as %5C, # as %23, / as %2F, @ as %40; hosts that must be reached without the proxy go into NO_PROXY
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: no connection through the proxy 127.0.0.1:PORT (it answered 403 URLBlocked by gateway)
      sent:     POST https://localhost:PORT/2.0/repositories/acme/api/commit/630f6ffc4b82414483a5469e117243d2c8a1ab4b/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: no connection through the proxy 127.0.0.1:PORT (it answered 403 URLBlocked by gateway)
      why:      the proxy 127.0.0.1:PORT of HTTPS_PROXY, and not Bitbucket, answers 403 URLBlocked by gateway
      to do:    let the proxy's administrator allow the host; or check HTTPS_PROXY; hosts that must be reached without the proxy go into NO_PROXY
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    ");
}

#[test]
fn a_login_that_is_encoded_is_sent_as_it_is_meant() {
    let (sandbox, folder) = (acme(), Folder::new());
    let proxy = Proxy::start().with(login("CORP\\svc", "p#/:@w"));
    let run =
        in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy.url_for("CORP%5Csvc:p%23%2F%3A%40w")).run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    assert_eq!(proxy.logins(), [("CORP\\svc".to_owned(), "p#/:@w".to_owned())]);
    assert_stands(&sandbox, "acme/api", &sandbox.head("acme/api", "main"), "SUCCESSFUL");
}

/// As curl and Go read it.
#[test]
fn no_proxy_has_ports_and_white_space() {
    let (sandbox, folder) = (acme(), Folder::new());
    let port = sandbox.https_port();
    for except in [
        "localhost".to_owned(),
        format!("localhost:{port}"),
        "a.example localhost\tb.example".to_owned(),
        " localhost , ".to_owned(),
        "*".to_owned(),
        "LOCALHOST".to_owned(),
    ] {
        let proxy = Proxy::start();
        let run = in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy.url()).set("NO_PROXY", &except).run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
        assert_eq!(proxy.heads().len(), 0, "{except}");
    }
    for except in
        ["localhost:1".to_owned(), "host".to_owned(), "*.localhost".to_owned(), "a.example".to_owned()]
    {
        let proxy = Proxy::start();
        let run = in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy.url()).set("NO_PROXY", &except).run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
        assert_eq!(proxy.heads().len(), 1, "{except}");
    }
}

/// The name is known to the proxy alone, so a way past it ends nowhere.
#[test]
fn no_proxy_has_stars_for_the_hosts_of_a_domain() {
    let (sandbox, folder) = (acme(), Folder::new());
    for (except, through) in
        [("*.docker.internal", 0), (".docker.internal", 0), ("docker.internal", 0), ("*.other.internal", 1)]
    {
        let proxy = Proxy::to(sandbox.https_port());
        let run = in_build(&sandbox, &folder)
            .set("BITBUCKET_API_URL", format!("https://host.docker.internal:{}/2.0", sandbox.https_port()))
            .set("HTTPS_PROXY", proxy.url())
            .set("NO_PROXY", except)
            .set("TIMEOUT", "1")
            .run();
        assert_eq!(
            (proxy.heads().len(), run.code),
            (through, if through == 1 { 0 } else { 4 }),
            "{}",
            run.output
        );
    }
    assert_eq!(posts(&sandbox).len(), 1);
}

#[test]
fn what_no_proxy_does_not_say_in_a_known_way_is_said() {
    let (sandbox, folder) = (acme(), Folder::new());
    for except in ["10.0.0.0/99", "[::1", "http://a.example/", "a.*.example", "localhost:http"] {
        let proxy = Proxy::start();
        let run = in_build(&sandbox, &folder).set("HTTPS_PROXY", proxy.url()).set("NO_PROXY", except).run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL", except]);
        assert_eq!(warnings(&run, "NO_PROXY").len(), 1, "{except}:\n{}", run.output);
    }
}

/// What is not used decides nothing.
#[test]
fn a_proxy_that_is_not_used_may_be_wrong() {
    let sandbox = acme();
    let run = tests(in_branch_build(&sandbox))
        .set("HTTPS_PROXY", "http://CORP\\svc:pw@proxy.example:3128")
        .set("HTTP_PROXY", "socks9://x")
        .run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    assert_eq!(warnings(&run, "HTTPS_PROXY").len(), 1, "{}", run.output);

    let folder = Folder::new();
    let run = in_build(&sandbox, &folder)
        .set("HTTPS_PROXY", "http://CORP\\svc:pw@proxy.example:3128")
        .set("NO_PROXY", "localhost")
        .run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    assert_eq!(warnings(&run, "HTTPS_PROXY").len(), 1, "{}", run.output);
}
