//! Secrets never stand in a text that everybody may see, and keys are always visible.

use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube, WORKSPACE_TOKEN, repository_token};
use serde_json::json;

use crate::run::{Folder, Sandbox, World, acme, after_scan, assert_told, bare, by_hand, scanned};

/// A token of OAuth does not have the shape of an access token.
const OAUTH_TOKEN: &str = "b3BhcXVlLW9hdXRoLXRva2VuLW9mLWFjbWU";
/// Old servers of SonarQube have such tokens.
const SONAR_TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
fn a_secret_without_the_shape_of_a_token_is_refused_in_each_text_of_a_status() {
    let sandbox = acme();
    for name in ["KEY", "NAME", "DESCRIPTION", "REFNAME"] {
        for secret in [OAUTH_TOKEN, &OAUTH_TOKEN[..20]] {
            let run = by_hand(&sandbox)
                .set("COMMIT", sandbox.head("acme/api", "main"))
                .set("BITBUCKET_ACCESS_TOKEN", OAUTH_TOKEN)
                .set(name, format!("x-{secret}"))
                .run();
            assert_told(&run, 2, &[&format!("✖ {name} holds "), "nothing was sent"]);
        }
    }
    let run = by_hand(&sandbox)
        .set("COMMIT", sandbox.head("acme/api", "main"))
        .set("BITBUCKET_ACCESS_TOKEN", OAUTH_TOKEN)
        .set("URL", format!("https://ci.example.com/?t={OAUTH_TOKEN}"))
        .run();
    insta::assert_snapshot!(run.told(), @"
    ✖ URL holds the value of BITBUCKET_ACCESS_TOKEN
      accepted: text that everybody may see
      to do:    pass the token in its own variable, and remove it from URL; if it was ever visible, revoke it and create a new one
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_secret_in_an_entry_of_a_list_is_refused() {
    let (sandbox, folder) = (Sandbox::start(World::fleet(2)), Folder::new());
    let token = repository_token("service-001").replace("ATCTT3xFfGN0", "oauth-");
    for (field, text) in [
        ("description", format!("posted with {token}")),
        ("name", SONAR_TOKEN.to_owned()),
        ("key", token[..30].to_owned()),
        ("url", format!("https://ci.example.com/{SONAR_TOKEN}")),
        ("refname", SONAR_TOKEN.to_owned()),
    ] {
        let mut entry = json!({ "repo_slug": "service-001", "pull_request": 1, "state": "ok" });
        entry[field] = json!(text);
        let run = bare()
            .within(folder.path())
            .set("BITBUCKET_API_URL", sandbox.http_url())
            .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
            .set("BITBUCKET_ACCESS_TOKENS", json!({ "service-001": token }).to_string())
            .set("SONAR_TOKEN", SONAR_TOKEN)
            .set("WORKSPACE", "acme")
            .set("TARGETS", json!([entry]).to_string())
            .run();
        let told = format!(
            "✖ TARGETS[0].{field} holds a token or a password of this run, or a part of one\n  accepted: text that everybody may see\n"
        );
        assert_told(&run, 2, &[&told]);
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_secret_in_the_address_of_the_dashboard_is_not_posted() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let mut submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
    let address =
        format!("dashboardUrl=https://sonar.example.com/dashboard?id=acme_api&t={}", sandbox::USER_TOKEN);
    let lines = submitted.report_task.lines();
    submitted.report_task = lines
        .map(|line| if line.starts_with("dashboardUrl=") { &address } else { line })
        .collect::<Vec<_>>()
        .join("\n");
    let folder = scanned(".scannerwork", &submitted);
    let run = after_scan(&sandbox, &folder).set("SONAR_HOST_URL", sonarqube.http_url()).run();
    assert_told(
        &run,
        0,
        &["! the status does not link to SonarQube's dashboard: its address holds a secret"],
    );
    let statuses = sandbox.pull_request_statuses("acme/api", 7);
    assert_eq!(statuses[0].url.as_deref(), Some("https://bitbucket.org/acme/api/pipelines/results/42"));
}

#[test]
fn the_log_names_the_key_that_is_posted() {
    let sandbox = acme();
    let key = "tests  of a pipeline with a very long name indeed";
    let run = by_hand(&sandbox).set("COMMIT", sandbox.head("acme/api", "main")).set("KEY", key).run();
    let posted = sandbox.statuses("acme/api", &sandbox.head("acme/api", "main"));
    let told =
        format!("! KEY has 48 characters and Bitbucket accepts 40: Gatepost uses \"{}\"", posted[0].key);
    assert_told(&run, 0, &[&told]);
}

#[test]
fn a_key_that_cannot_be_seen_is_refused() {
    let sandbox = acme();
    for key in ["\u{200b}\u{feff}", "\u{ad}", "\u{2066}", "a\u{202e}b", "a\nb"] {
        let run = by_hand(&sandbox).set("COMMIT", "8d081548cabb").set("KEY", key).run();
        assert_told(
            &run,
            2,
            &["✖ KEY is ", "which has a line break or other characters that cannot be seen"],
        );
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_list_variable_in_both_forms_is_refused() {
    let folder = Folder::new();
    let run = after_scan(&acme(), &folder)
        .set("SONAR_REPORT_TASK", "a.txt")
        .set("SONAR_REPORT_TASK_COUNT", "1")
        .set("SONAR_REPORT_TASK_0", "b.txt")
        .run();
    assert_told(&run, 2, &["✖ SONAR_REPORT_TASK is set, and so is its list form SONAR_REPORT_TASK_0"]);
}

#[test]
fn the_base64_of_a_certificate_may_look_like_a_token() {
    let sandbox = acme();
    let lookalike = "-----BEGIN CERTIFICATE-----\nMIIBATBBabcdefghijklmnopqrstuvwxyz0123456789\n-----END CERTIFICATE-----";
    let run = by_hand(&sandbox)
        .set("COMMIT", sandbox.head("acme/api", "main"))
        .set("SONAR_ROOT_CERT", lookalike)
        .run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
}

#[test]
fn an_empty_entry_of_the_token_map_is_reported_once() {
    let sandbox = acme();
    let run = by_hand(&sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", r#"{"api": "", "web": "an-oauth-token-of-some-length"}"#)
        .set("COMMIT", "8d081548cabb")
        .run();
    assert_told(
        &run,
        2,
        &["✖ BITBUCKET_ACCESS_TOKENS[\"api\"] is empty\n", "✖ 1 variable is wrong; nothing was sent"],
    );
}
