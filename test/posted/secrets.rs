//! What nobody may see, whatever variable or answer it comes in.

use serde_json::json;

use super::{assert_refused_unsent, tests};
use crate::run::{Fault, Run, Sandbox, acme, assert_told, by_hand, in_branch_build, in_central_pipeline};

pub(crate) const SECRET: &str = "SECRETPART";

/// Addresses in which a part is a secret.
pub(crate) const ADDRESSES: [&str; 18] = [
    "https://u:pa/SECRETPART@host/x",
    "https://u:SECRETPART@host.example/x",
    "https://u:pa#SECRETPART@host.example/x",
    "https://u:pa?SECRETPART@host.example/x",
    "https://host.example/x?token=SECRETPART",
    "https://host.example/x?a=b&password=SECRETPART&c=d",
    "https://host.example/x#access_token=SECRETPART",
    "https://host.example/x?apikey=SECRETPART",
    "https://host.example/x?p%61ssword=SECRETPART",
    "https://host.example/x;sig=SECRETPART",
    "x?token=SECRETPART",
    "/x?a=b&jwt=SECRETPART",
    "u:pa/SECRETPART@host",
    "//u:SECRETPART@h/x",
    "https:/u:pa/SECRETPART@host.example",
    "https://u:pa SECRETPART@host.example",
    "token=SECRETPART",
    "{\"password\": \"SECRETPART\"}",
];

/// Everything that is shown, or that others can read on the commit.
fn assert_hidden(sandbox: &Sandbox, run: &Run, what: &str) {
    assert!(!run.output.contains(SECRET), "{what}:\n{}", run.output);
    let sent = sandbox.requests().into_iter().find(|request| request.body.contains(SECRET));
    assert!(sent.is_none(), "{what}: {sent:#?}");
}

#[test]
fn a_secret_in_an_address_is_shown_for_no_variable() {
    let sandbox = acme();
    let variables = [
        "URL",
        "DESCRIPTION",
        "NAME",
        "KEY",
        "STATE",
        "WORKSPACE",
        "REPO_SLUG",
        "COMMIT",
        "PULL_REQUEST",
        "BRANCH",
        "REFNAME",
        "TARGETS",
        "TARGETS_FILE",
        "SONAR_HOST_URL",
        "SONAR_PROJECT_KEY",
        "SONAR_REPORT_TASK",
        "SONAR_TIMEOUT",
        "SONAR_ROOT_CERT",
        "ON_NO_GATE",
        "SCAN_EXIT_CODE",
        "MODE",
        "DRY_RUN",
        "DEBUG",
        "TIMEOUT",
        "CONCURRENCY",
        "RESULT_FILE",
        "RESUME",
        "SPLIT",
        "BITBUCKET_API_URL",
        "SSL_CERT_FILE",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "BITBUCKET_BUILD_NUMBER",
        "BITBUCKET_BRANCH",
        "BITBUCKET_WORKSPACE",
        "BITBUCKET_REPO_SLUG",
        "BITBUCKET_PARALLEL_STEP",
        "ATLASSIAN_ACCOUNT_EMAIL",
        "BITBUCKET_USERNAME",
    ];
    for variable in variables {
        for address in ADDRESSES {
            let run = tests(in_branch_build(&sandbox)).set("TIMEOUT", "1").set(variable, address).run();
            assert!(!run.output.contains(SECRET), "{variable}={address}:\n{}", run.output);
        }
    }
    // What was posted can be read by everybody who sees the commit. The name of the branch that is built is public.
    for request in sandbox.requests().iter().filter(|request| request.body.contains(SECRET)) {
        let mut status: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(status["refname"].take(), "token=SECRETPART", "BITBUCKET_BRANCH: {}", request.body);
        assert!(!status.to_string().contains(SECRET), "{}", request.body);
    }
}

#[test]
fn a_secret_in_an_address_is_shown_for_no_entry() {
    for field in ["repo_slug", "commit", "branch", "state", "key", "name", "description", "url", "workspace"]
    {
        for address in ADDRESSES {
            let sandbox = acme();
            let mut entry = json!({
                "repo_slug": "web", "commit": sandbox.head("acme/web", "main"), "state": "passed", "key": "tests",
            });
            entry[field] = json!(address);
            let targets = json!([entry]).to_string();
            let run = in_central_pipeline(&sandbox).unset("STATE").set("TARGETS", targets).run();
            assert!(!run.output.contains(SECRET), "{field}={address}:\n{}", run.output);
        }
    }
}

#[test]
fn a_secret_in_an_address_is_shown_for_no_answer() {
    for address in ADDRESSES {
        for fault in [
            Fault::refusal(400, &format!("see {address} for more")),
            Fault::redirect(address),
            Fault::moved(address),
            Fault::json(200, &json!({ "error": address })),
            Fault::Answer { status: 502, headers: vec![], body: format!("<title>{address}</title>").into() },
        ] {
            let sandbox = acme();
            sandbox.fault_always(fault);
            let run = tests(in_branch_build(&sandbox)).set("DEBUG", "true").set("TIMEOUT", "1").run();
            assert_told(&run, 4, &[]);
            assert_hidden(&sandbox, &run, address);
        }
    }
}

/// Who takes the token for the name, and the name for the token, must not read it in the message.
#[test]
fn a_map_of_tokens_with_names_and_tokens_swapped_shows_none() {
    let sandbox = acme();
    let tokens = json!({
        sandbox::REPOSITORY_TOKEN: "acme/api",
        format!("acme/{}", sandbox::REPOSITORY_TOKEN_OF_WEB): "web",
    });
    let run = tests(by_hand(&sandbox))
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string())
        .set("COMMIT", sandbox.head("acme/api", "main"))
        .run();
    assert_refused_unsent(&sandbox, &run, &["✖ BITBUCKET_ACCESS_TOKENS", "swapped"]);
    for token in [sandbox::REPOSITORY_TOKEN, sandbox::REPOSITORY_TOKEN_OF_WEB] {
        assert!(!run.output.contains(&token[12..31]), "{}", run.output);
    }
}

/// A token of a kind that has no shape of its own.
#[test]
fn a_swapped_map_shows_no_token_that_could_be_a_name() {
    for (name, token) in [
        ("SECRETPART_0123456789abcdefgh", "acme/api"),
        ("SECRETPART_0123456789abcdefgh", "api"),
        ("acme/SECRETPART0123456789abcdefgh", "api"),
    ] {
        let sandbox = acme();
        let run = tests(by_hand(&sandbox))
            .unset("BITBUCKET_ACCESS_TOKEN")
            .set("BITBUCKET_ACCESS_TOKENS", json!({ name: token }).to_string())
            .set("COMMIT", sandbox.head("acme/api", "main"))
            .run();
        assert_refused_unsent(&sandbox, &run, &["✖ BITBUCKET_ACCESS_TOKENS", "probably swapped"]);
        assert!(!run.output.to_lowercase().contains("secretpart"), "{}", run.output);
    }
}

/// What only says how the status looks is left out, and keeps no verdict away.
#[test]
fn a_password_in_a_text_that_decides_nothing_is_left_out() {
    for variable in ["NAME", "DESCRIPTION", "URL"] {
        let sandbox = acme();
        let run = tests(in_branch_build(&sandbox)).set(variable, "see u:pa/SECRETPART@host").run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL", &format!("! {variable} is ")]);
        assert_hidden(&sandbox, &run, variable);
    }
    let sandbox = acme();
    let run = tests(in_branch_build(&sandbox)).set("KEY", "x?token=SECRETPART").run();
    assert_refused_unsent(&sandbox, &run, &["✖ KEY holds a token or a password"]);
    assert_hidden(&sandbox, &run, "KEY");
}

/// A secret, letter by letter.
pub(crate) fn forms(secret: &str) -> [String; 10] {
    let each = |form: fn(u8) -> String| secret.bytes().map(form).collect::<String>();
    [
        each(|byte| format!("%{byte:02X}")),
        each(|byte| format!("%{byte:02x}")),
        each(|byte| format!("\\u{byte:04x}")),
        each(|byte| format!("&#{byte};")),
        each(|byte| format!("&#x{byte:x};")),
        each(|byte| format!("\\x{byte:02x}")),
        each(|byte| format!("\\{byte:03o}")),
        each(|byte| format!("={byte:02X}")),
        each(|byte| format!("{byte} ")),
        each(|byte| format!("0x{byte:x}, ")),
    ]
}

#[test]
fn a_secret_that_is_sent_back_in_other_letters_is_not_shown() {
    let secret = sandbox::REPOSITORY_TOKEN;
    for form in forms(secret) {
        let tell = [
            format!("{{\"error\":{{\"message\":\"no: {}\"}}}}", form.replace('\\', "\\\\")),
            format!("{{\"error\":{{\"message\":\"no: {form}\"}}}}"),
            format!("no: {form}"),
            format!("<title>{form}</title>"),
        ];
        for body in tell {
            let sandbox = acme();
            sandbox.fault(Fault::Answer { status: 400, headers: vec![], body: body.into() });
            // Looks for the secret itself.
            let run = tests(in_branch_build(&sandbox)).set("DEBUG", "true").run();
            assert_told(&run, 4, &[]);
            let part = &form[form.len() / 2..];
            let part = &part[..part.len().min(48)];
            assert!(!run.output.contains(part), "{}", run.output);
        }
    }
}
