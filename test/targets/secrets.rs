//! What nobody may see, in runs that find their targets, settle, ask about several projects, or write a page. The harness
//! looks for each token of the sandbox in what is printed, in each file, and in each request.

use sandbox::{
    Analysis, Dialect, Fault, Gate, Projects, REPOSITORY_TOKEN, SonarQube, USER_TOKEN, WORKSPACE_TOKEN,
};
use serde_json::{Value, json};

use super::fleet;
use crate::{
    posted::secrets::{ADDRESSES, SECRET, forms},
    run::{Folder, Gatepost, Run, Sandbox, acme, bare, by_hand, in_branch_build},
};

/// A run in a folder, with a file for its results.
type Flow = fn(&Sandbox, &Folder) -> Gatepost;

/// A flow with its services, and with the variables that decide something in it.
type FlowOf = (fn() -> Sandbox, Flow, &'static [&'static str]);

const FLOWS: [FlowOf; 4] = [
    (
        services,
        finds,
        &["REPOSITORIES", "TARGETS_FROM", "KEY", "NAME", "DESCRIPTION", "URL", "REFNAME", "SUMMARY_FILE"],
    ),
    (
        services,
        writes_targets,
        &["REPOSITORIES", "TARGETS_FROM", "KEY", "NAME", "SONAR_PROJECT_KEY", "RESULT_FILE"],
    ),
    (acme, settles, &["SETTLE_KEYS", "SETTLE_STATES", "SETTLE_AFTER", "KEY", "STATE"]),
    (acme, asks, &["SONAR_PROJECTS", "ADVISORY_CONDITIONS", "SONAR_PROJECT_KEY", "SUMMARY_FILE"]),
];

fn services() -> Sandbox {
    fleet(2)
}

fn finds(sandbox: &Sandbox, folder: &Folder) -> Gatepost {
    bare()
        .within(folder.path())
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("REPOSITORIES", "service-*")
        .set("STATE", "failed")
        .set("KEY", "sonar-{repo_slug}")
        .set("NAME", "{branch} of {workspace}")
        .set("DESCRIPTION", "of {branch}")
        .set("TIMEOUT", "1")
        .set("DEBUG", "true")
        .set("RESULT_FILE", "results.jsonl")
        .set("SUMMARY_FILE", "summary.html")
}

fn writes_targets(sandbox: &Sandbox, folder: &Folder) -> Gatepost {
    finds(sandbox, folder).unset("SUMMARY_FILE").set("MODE", "targets")
}

fn settles(sandbox: &Sandbox, folder: &Folder) -> Gatepost {
    by_hand(sandbox)
        .within(folder.path())
        .set("MODE", "settle")
        .set("STATE", "STOPPED")
        .set("COMMIT", "94277cd267a8")
        .set("SETTLE_KEYS", "*")
        .set("SETTLE_STATES", "INPROGRESS,FAILED")
        .set("TIMEOUT", "1")
        .set("DEBUG", "true")
        .set("RESULT_FILE", "results.jsonl")
}

fn asks(sandbox: &Sandbox, folder: &Folder) -> Gatepost {
    in_branch_build(sandbox)
        .unset("STATE")
        .unset("KEY")
        .within(folder.path())
        .set("SONAR_TOKEN", USER_TOKEN)
        .set("SONAR_HOST_URL", "http://127.0.0.1:9")
        .set("SONAR_TIMEOUT", "1")
        .set("TIMEOUT", "1")
        .set("SUMMARY_FILE", "summary.md")
}

/// Texts with a token in them, as somebody might paste it.
fn with_token(token: &str) -> [String; 7] {
    [
        token.to_owned(),
        format!("service-*-{token}"),
        format!("acme/{token}*,!{token}"),
        format!("{token}/api,project:{token}"),
        format!("branch:{token}"),
        format!("{{repo_slug}}-{token}.html"),
        format!("[{token}, *{token}***"),
    ]
}

#[test]
fn a_token_in_a_variable_is_neither_printed_nor_written_nor_sent() {
    for (sandbox, flow, variables) in FLOWS {
        let sandbox = sandbox();
        for variable in variables {
            for token in [WORKSPACE_TOKEN, REPOSITORY_TOKEN, USER_TOKEN] {
                for text in with_token(token) {
                    let folder = Folder::new();
                    let run = flow(&sandbox, &folder);
                    // In lower case, a token that the run does not have is a word like others.
                    if run.variables().iter().any(|(_, value)| value == token) {
                        let run = run.clone().set(variable, text.to_lowercase()).run();
                        assert_no_file_shows(token, &folder, &run);
                    }
                    let run = run.set(variable, &text).run();
                    assert_no_file_shows(token, &folder, &run);
                }
            }
        }
    }
}

#[test]
fn a_secret_in_an_address_is_shown_for_no_variable_of_these_runs() {
    for (sandbox, flow, variables) in FLOWS {
        let sandbox = sandbox();
        for variable in variables {
            for address in ADDRESSES {
                let folder = Folder::new();
                let run = flow(&sandbox, &folder).set(variable, address).run();
                assert!(!run.output.contains(SECRET), "{variable}={address}:\n{}", run.output);
                for file in ["results.jsonl", "summary.html", "summary.md"] {
                    let text = std::fs::read_to_string(folder.path().join(file)).unwrap_or_default();
                    assert!(!text.contains(SECRET), "{variable}={address}:\n{text}");
                }
            }
        }
        let sent = sandbox.requests();
        let sent = sent.iter().find(|it| it.body.contains(SECRET) || it.path.contains(SECRET));
        assert!(sent.is_none(), "{sent:#?}");
    }
}

/// A file may also have the token in its name.
fn assert_no_file_shows(token: &str, folder: &Folder, run: &Run) {
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let name = file.unwrap().file_name().to_string_lossy().to_lowercase();
        assert!(!name.contains(&token[13..].to_lowercase()), "{name}: {}", run.output);
    }
}

/// A value of a list with a text wherever Bitbucket writes one. It is a repository, a pull request and a status.
fn listed(text: &str, full_name: &str) -> Value {
    json!({
        "full_name": full_name, "mainbranch": { "name": text },
        "id": 7, "draft": false, "destination": { "branch": { "name": text } },
        "source": {
            "repository": { "full_name": "acme/service-001" }, "branch": { "name": text },
            "commit": { "hash": "94277cd267a8" },
        },
        "key": text, "state": "INPROGRESS", "name": text, "refname": text, "created_on": "2020-01-01T00:00:00+00:00",
        "url": format!("https://ci.acme.example/{text}"), "author": { "type": "user", "display_name": text },
    })
}

#[test]
fn a_token_in_a_list_is_neither_printed_nor_written_nor_sent() {
    for token in [WORKSPACE_TOKEN, USER_TOKEN] {
        let [percent, _, numbers, ..] = forms(token);
        for text in [token, &token.to_lowercase(), &percent, &numbers, &format!("fix/{token}")] {
            for (flow, from, summary) in [
                (finds as Flow, "open-pull-requests", "summary.html"),
                (finds, "main-branches", "summary.md"),
                (writes_targets, "open-pull-requests", ""),
                (writes_targets, "main-branches", ""),
                (settles, "", ""),
            ] {
                let sandbox = fleet(1);
                let page = |value: Value| Fault::json(200, &json!({ "values": [value] }));
                sandbox.fault(page(listed(text, "acme/service-001")));
                sandbox.fault(page(listed(text, &format!("acme/{text}"))));
                // The run knows both tokens, whatever the flow is.
                let (folder, tokens) = (Folder::new(), json!({ "acme/other": WORKSPACE_TOKEN }));
                let mut run = flow(&sandbox, &folder)
                    .set("SONAR_TOKEN", USER_TOKEN)
                    .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string());
                if from == "open-pull-requests" {
                    run = run.set("DESCRIPTION", "into {destination}");
                }
                for (variable, value) in [("TARGETS_FROM", from), ("SUMMARY_FILE", summary)] {
                    run = if value.is_empty() { run } else { run.set(variable, value) };
                }
                let run = run.run();
                assert_ne!(run.code, 2, "the list is not read: {}", run.output);
            }
        }
    }
}

#[test]
fn a_token_in_a_page_or_its_next_is_shown_nowhere() {
    for flow in [finds as Flow, writes_targets, settles] {
        for body in [
            json!({ "values": [], "next": format!("https://evil.example/2.0/{WORKSPACE_TOKEN}") }),
            json!({ "values": [], "next": format!("https://u:{WORKSPACE_TOKEN}@api.bitbucket.org/2.0/x") }),
            json!({ "values": [{ "full_name": WORKSPACE_TOKEN }] }),
            json!({ "values": WORKSPACE_TOKEN, "next": WORKSPACE_TOKEN }),
            json!({ "error": { "message": format!("not for {WORKSPACE_TOKEN}") } }),
        ] {
            let (sandbox, folder) = (acme(), Folder::new());
            sandbox.fault_always(Fault::json(200, &body));
            let run = flow(&sandbox, &folder).set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN).run();
            assert_ne!(run.code, 0, "{}", run.output);
        }
    }
}

/// Advice and the page name metrics and values as SonarQube sends them.
#[test]
fn a_token_in_a_condition_is_shown_nowhere() {
    for summary in ["summary.html", "summary.md"] {
        let (sandbox, folder) = (acme(), Folder::new());
        let sonarqube = SonarQube::start(Projects::acme(Dialect::Server2025));
        sonarqube.submit(Analysis::of_branch("acme_api", "main", Gate::failed()));
        let conditions = ["new_coverage", USER_TOKEN].map(|metric| {
            json!({
                "metricKey": metric, "status": "ERROR", "comparator": "LT", "errorThreshold": USER_TOKEN,
                "actualValue": WORKSPACE_TOKEN,
            })
        });
        let gate = json!({ "projectStatus": { "status": "ERROR", "conditions": conditions } });
        sonarqube.fault_always(Fault::json(200, &gate));
        let run = asks(&sandbox, &folder)
            .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
            .set("SONAR_HOST_URL", sonarqube.http_url())
            .set("SONAR_PROJECT_KEY", "acme_api")
            .set("ADVISORY_CONDITIONS", "*coverage*, squ_*")
            .set("SUMMARY_FILE", summary)
            .run();
        assert!(folder.read(summary).contains("acme/api"), "{}", run.output);
    }
}
