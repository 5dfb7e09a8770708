//! Values as other programs leave them: quoted, unexpanded, or meant for somebody else.

use std::ffi::OsString;

use sandbox::{WORKSPACE_TOKEN, uuid};
use serde_json::json;

use super::{assert_refused_unsent, assert_stands, over_https, posts, tests, warnings};
use crate::run::{Folder, Gatepost, acme, assert_told, by_hand, in_branch_build, in_central_pipeline};

/// The same variables with something around each value.
fn wrapped(gatepost: &Gatepost, quote: &str) -> Gatepost {
    let mut wrapped = gatepost.clone();
    for (name, value) in gatepost.variables() {
        let value = [quote.into(), value.clone(), quote.into()].into_iter().collect::<OsString>();
        wrapped = wrapped.set(&name.to_string_lossy(), value);
    }
    wrapped
}

/// Docker takes a line of an `--env-file` as it stands.
#[test]
fn quotes_around_every_value_are_one_problem() {
    for quote in ["\"", "'"] {
        let sandbox = acme();
        let commit = sandbox.head("acme/api", "main");
        let gatepost = wrapped(&tests(by_hand(&sandbox)).set("COMMIT", commit), quote);
        let run = gatepost.run();
        assert_refused_unsent(&sandbox, &run, &["quotes", "--env-file"]);
        let problems: Vec<_> = run.output.lines().filter(|line| line.starts_with("✖ ")).collect();
        assert_eq!(problems.len(), 2, "one problem and the last line:\n{}", run.output);
        for variable in
            ["BITBUCKET_API_URL", "BITBUCKET_ACCESS_TOKEN", "REPO_SLUG", "STATE", "COMMIT", "KEY", "TIMEOUT"]
        {
            assert!(problems[0].contains(variable), "{variable}:\n{}", run.output);
        }
    }
}

/// In a container that gets the variables of the build as well.
#[test]
fn quotes_around_the_values_of_pipelines_are_the_same_problem() {
    let sandbox = acme();
    let gatepost = tests(in_branch_build(&sandbox)).set("BITBUCKET_PR_ID", "7").set("NAME", "n");
    let run = wrapped(&gatepost, "\"").run();
    assert_refused_unsent(&sandbox, &run, &["quotes", "--env-file"]);
    let problems: Vec<_> = run.output.lines().filter(|line| line.starts_with("✖ ")).collect();
    assert_eq!(problems.len(), 2, "one problem and the last line:\n{}", run.output);
    for variable in
        ["BITBUCKET_WORKSPACE", "BITBUCKET_REPO_SLUG", "BITBUCKET_BRANCH", "BITBUCKET_PR_ID", "NAME"]
    {
        assert!(problems[0].contains(variable), "{variable}:\n{}", run.output);
    }
}

/// The marks that templates leave when nobody fills them in.
const UNFILLED: [&str; 7] =
    ["$NAME", "${NAME}", "%NAME%", "${{ env.NAME }}", "${{ secrets.NAME }}", "$env:NAME", "null"];

#[test]
fn a_template_that_nobody_filled_in_is_seen_in_every_variable_that_decides() {
    for variable in [
        "STATE",
        "KEY",
        "COMMIT",
        "REPO_SLUG",
        "WORKSPACE",
        "PULL_REQUEST",
        "BITBUCKET_ACCESS_TOKEN",
        "TARGETS",
    ] {
        for value in UNFILLED {
            let sandbox = acme();
            let run = tests(by_hand(&sandbox))
                .set("WORKSPACE", "acme")
                .set("REPO_SLUG", "api")
                .set("COMMIT", sandbox.head("acme/api", "main"))
                .set(variable, value)
                .run();
            assert_refused_unsent(&sandbox, &run, &[&format!("✖ {variable} ")]);
            let problems = run.output.lines().filter(|line| line.starts_with("✖ ")).count();
            assert_eq!(problems, 2, "{variable}={value} is one problem:\n{}", run.output);
        }
    }
}

#[test]
fn a_template_that_nobody_filled_in_is_a_warning_where_it_decides_nothing() {
    for variable in ["NAME", "DESCRIPTION", "URL", "TIMEOUT"] {
        for value in UNFILLED {
            let sandbox = acme();
            let run = tests(in_branch_build(&sandbox)).set(variable, value).run();
            assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
            assert_eq!(warnings(&run, variable).len(), 1, "{variable}={value}:\n{}", run.output);
            assert!(posts(&sandbox).iter().all(|post| !post.body.contains(value)), "{variable}={value}");
        }
    }
}

#[test]
fn a_template_that_nobody_filled_in_is_seen_in_every_entry() {
    let fields = ["repo_slug", "commit", "state", "key"];
    for field in fields {
        for value in UNFILLED {
            let sandbox = acme();
            let mut entry =
                json!({ "repo_slug": "web", "commit": "0123456789ab", "state": "passed", "key": "tests" });
            entry[field] = json!(value);
            let run =
                in_central_pipeline(&sandbox).unset("STATE").set("TARGETS", json!([entry]).to_string()).run();
            assert_refused_unsent(&sandbox, &run, &[&format!("TARGETS[0].{field} ")]);
        }
    }
}

#[test]
fn the_workspace_of_jenkins_is_told_as_that() {
    for path in ["/var/lib/jenkins/workspace/shop", "C:\\Jenkins\\workspace\\shop"] {
        let sandbox = acme();
        let run = tests(by_hand(&sandbox))
            .set("WORKSPACE", path)
            .set("REPO_SLUG", "api")
            .set("COMMIT", sandbox.head("acme/api", "main"))
            .run();
        assert_refused_unsent(&sandbox, &run, &["✖ WORKSPACE is", "Jenkins"]);
    }
}

#[test]
fn a_uuid_is_taken_with_and_without_braces() {
    let (workspace, repository) = (uuid("acme"), uuid("acme/api"));
    let bare = |uuid: &str| uuid.replace(['{', '}'], "");
    for (workspace, repository) in
        [(workspace.clone(), repository.clone()), (bare(&workspace), bare(&repository))]
    {
        let sandbox = acme();
        let commit = sandbox.head("acme/api", "main");
        let run = tests(by_hand(&sandbox))
            .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
            .set("WORKSPACE", workspace)
            .set("REPO_SLUG", repository)
            .set("COMMIT", &commit)
            .run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
        assert_stands(&sandbox, "acme/api", &commit, "SUCCESSFUL");
        let post = &posts(&sandbox)[0];
        assert!(post.path.contains("/%7B") && !post.path.contains('{'), "{}", post.path);
        let url = sandbox.statuses("acme/api", &commit)[0].url.clone().unwrap();
        assert!(!url.contains(['{', '}']), "Bitbucket takes braces in a link for a template: {url}");
        assert!(warnings(&run, "full name").is_empty(), "{}", run.output);
    }
}

/// The build's commit is that of its own repository, whatever it is called by.
#[test]
fn the_own_repositorys_uuid_counts_as_the_own_repository() {
    let sandbox = acme();
    let commit = sandbox.head("acme/api", "main");
    for (workspace, slug) in [
        ("acme".to_owned(), uuid("acme/api")),
        (uuid("acme"), uuid("acme/api")),
        (uuid("acme"), "api".to_owned()),
    ] {
        let run = tests(in_branch_build(&sandbox))
            .set("BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN)
            .set("BITBUCKET_REPO_UUID", uuid("acme/api"))
            .set("BITBUCKET_WORKSPACE", &workspace)
            .set("WORKSPACE", &workspace)
            .set("REPO_SLUG", &slug)
            .run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
        assert_stands(&sandbox, "acme/api", &commit, "SUCCESSFUL");
    }
}

#[test]
fn a_certificate_as_text_is_told_and_taken() {
    let (sandbox, folder) = (acme(), Folder::new());
    let run = over_https(tests(in_branch_build(&sandbox)), &sandbox, &folder)
        .set("SSL_CERT_FILE", sandbox.root_certificate_pem())
        .run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    assert_eq!(warnings(&run, "SSL_CERT_FILE").len(), 1, "{}", run.output);
}

/// DER is what a browser and Windows save.
#[test]
fn a_certificate_in_der_is_told_and_taken() {
    let (sandbox, folder) = (acme(), Folder::new());
    let text = sandbox.root_certificate_pem();
    let base64: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = folder.write("root.der", &from_base64(&base64));
    let run = over_https(tests(in_branch_build(&sandbox)), &sandbox, &folder).set("SSL_CERT_FILE", der).run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    assert_eq!(warnings(&run, "SSL_CERT_FILE").len(), 1, "{}", run.output);
}

/// RFC 4648.
fn from_base64(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("{byte} is none of its characters"),
    };
    let digits: Vec<u32> = text.trim_end_matches('=').bytes().map(value).collect();
    let group = |group: &[u32]| {
        let number = group.iter().fold(0, |number, digit| number << 6 | digit) << (6 * (4 - group.len()));
        number.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}
