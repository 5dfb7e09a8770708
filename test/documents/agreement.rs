//! The texts of the documents agree with the code and with `pipe.yml`.

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

use super::{
    CHANGELOG, IMAGE, PIPE, Section, Variable, Variables, code_spans, documents, handbook, help, read,
    repository_file, yaml,
};

/// Ended: the documents explain them, but nobody is invited to set them.
const ENDED: [&str; 2] = ["BITBUCKET_USERNAME", "BITBUCKET_APP_PASSWORD"];
const SET_BY_PIPELINES: &str = "Set by Pipelines";
const README_MAX_LINES: usize = 450;

/// The parts of the documents that are made from the code: the document, its heading, and the table below it.
fn tables() -> Vec<(&'static str, &'static str, String)> {
    let mut groups: Vec<&str> = Variables::ALL.iter().map(|variable| variable.group).collect();
    groups.dedup();
    let document = |group| if group == SET_BY_PIPELINES { "docs/variables.md" } else { "README.md" };
    let tables = groups.into_iter().map(|group| (document(group), group, help::markdown_table(group)));
    let exit_codes = ("docs/results-and-exit-codes.md", "Exit codes", help::markdown_exit_codes());
    tables.chain([exit_codes]).collect()
}

/// The document with this table below the heading.
fn with_table(document: &str, heading: &str, table: &str) -> String {
    let heading = document.find(&format!("# {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let start = heading + document[heading..].find("\n|").unwrap() + 1;
    let length: usize =
        document[start..].split_inclusive('\n').take_while(|l| l.starts_with('|')).map(str::len).sum();
    format!("{}{table}{}", &document[..start], &document[start + length..])
}

/// The document with the handbook in place of its second and further headings.
fn with_handbook(document: &str) -> String {
    let start = document.find("\n## ").map_or(document.len(), |start| start + 1);
    format!("{}{}\n", &document[..start], help::markdown_handbook().trim_end())
}

/// With the variable `UPDATE_DOCUMENTS`, writes the generated parts instead of comparing them.
#[test]
fn generated_parts_are_up_to_date() {
    let mut generated = documents();
    for (document, heading, table) in tables() {
        let text = generated.get_mut(document).unwrap();
        *text = with_table(text, heading, &table);
    }
    let refusals = generated.get_mut("docs/refusals.md").unwrap();
    *refusals = with_handbook(refusals);
    let _ = generated.insert("docs/faults.md".to_owned(), crate::matrix::document());
    for (path, text) in generated {
        if env::var_os("UPDATE_DOCUMENTS").is_some() {
            fs::write(repository_file(&path), text).unwrap();
        } else if let Some((is, should)) =
            read(&path).lines().zip(text.lines()).find(|(is, should)| is != should)
        {
            panic!("{path} is out of date: UPDATE_DOCUMENTS=1 writes it\n  is     {is}\n  should {should}");
        } else {
            assert_eq!(read(&path), text, "{path} is out of date: UPDATE_DOCUMENTS=1 writes it");
        }
    }
}

#[test]
fn each_refusal_is_found_by_the_words_of_the_answer() {
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
        (&handbook::PUBLIC_CONSUMER, "Cannot use client_credentials with a consumer marked as \"public\"."),
        (&handbook::CONSUMER_WITHOUT_CALLBACK_URL, "No callback uri defined for the OAuth client."),
        (&handbook::WRONG_CONSUMER_SECRET, "Invalid OAuth client credentials"),
        (&handbook::DELETED_CONSUMER, "Invalid OAuth client credentials"),
        (&handbook::CONSUMER_TOKEN, "Access token expired."),
        (&handbook::CONSUMER_SCOPE, "Your credentials lack one or more required privilege scopes."),
        (&handbook::OTHER_WORKSPACE, hidden.trim_end_matches('.')),
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
        (&handbook::CLOSED, "This repository is archived."),
        (&handbook::RENAMED, "301"),
        (&handbook::MOVED_ON, "Commit not found"),
        (&handbook::PROXY_LOGIN, "407"),
        (&handbook::PROXY_REFUSES, "403"),
        (&handbook::DOWN, "520 to 530"),
        (&handbook::WRONG_MECHANISM, "This API is not accessible by this authentication mechanism"),
    ] {
        let title = help::marked(trouble.title);
        let entry = Section::find("docs/refusals.md", &title);
        let line = entry.text.lines().find(|line| line.starts_with("- Answer: ")).unwrap();
        assert!(line.contains(answer), "{title}: {line}");
    }
}

#[test]
fn readme_has_the_parts_of_a_pipe_in_their_order() {
    let readme = read("README.md");
    let headings: Vec<_> = readme.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(
        headings,
        [
            "## YAML Definition",
            "## Variables",
            "## Details",
            "## Prerequisites",
            "## Examples",
            "## Support",
            "## License"
        ]
    );
    assert!(readme.starts_with("# Bitbucket Pipelines Pipe: Gatepost\n"));
    let lines = readme.lines().count();
    assert!(lines <= README_MAX_LINES, "README has {lines} lines");
}

#[test]
fn the_definition_lists_every_variable_that_may_be_set() {
    let section = Section::find("README.md", "YAML Definition");
    let definition = section.blocks("yaml")[0].replace("# ", "").replace(" Optional", " # Optional");
    let definition = yaml(&definition);
    let listed: Vec<_> = definition[0]["variables"].as_object().unwrap().keys().cloned().collect();
    let mut known: Vec<_> = Variables::ALL
        .iter()
        .filter(|variable| variable.group != SET_BY_PIPELINES)
        .map(Variable::name)
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
fn readme_names_the_variables_that_pipe_yml_passes_on() {
    let pipe = yaml(PIPE);
    let passed_on: BTreeSet<_> = pipe["variables"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["default"].as_str().unwrap().starts_with('$'))
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    let section = Section::find("README.md", "YAML Definition");
    let (_, sentence) = section.text.split_once("The repository or workspace variables").unwrap();
    let (sentence, _) = sentence.split_once(" then ").unwrap();
    assert_eq!(code_spans(sentence).into_iter().collect::<BTreeSet<_>>(), passed_on);
}

#[test]
fn one_version_is_named_everywhere() {
    let texts = documents().into_iter().chain([("pipe.yml".to_owned(), PIPE.to_owned())]);
    for (path, text) in texts {
        for rest in text.split("gatepost/gatepost:").skip(1) {
            assert!(rest.starts_with(env!("CARGO_PKG_VERSION")), "{path}: {}", rest.lines().next().unwrap());
        }
    }
    let newest = CHANGELOG.lines().find(|line| line.starts_with("## ")).unwrap();
    assert_eq!(newest, concat!("## ", env!("CARGO_PKG_VERSION")));
}

/// Each promise of the page about security names the test that holds it.
#[test]
fn each_promise_of_security_has_its_test() {
    fn sources(folder: &Path) -> String {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.is_dir() || path.extension().is_some_and(|kind| kind == "rs"))
            .map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() })
            .collect()
    }
    let tests = sources(&repository_file("test"));
    let mut promises = 0;
    for section in Section::all().iter().filter(|section| section.document == "docs/security.md") {
        for row in section.rows() {
            let name = row[1].trim_matches('`');
            assert!(tests.contains(&format!("#[test]\nfn {name}()")), "there is no test {name}");
            promises += 1;
        }
    }
    assert!(promises >= 20, "{promises}");
}

#[test]
fn the_changelog_has_the_format_of_semversioner() {
    let mut lines = CHANGELOG.lines();
    assert_eq!(lines.next(), Some("# Changelog"));
    assert_eq!(
        lines.nth(1),
        Some("Note: version releases in the 0.x.y range may introduce breaking changes.")
    );
    for line in lines.filter(|line| !line.is_empty()) {
        let is_change = ["- major: ", "- minor: ", "- patch: "].iter().any(|kind| line.starts_with(kind));
        assert!(line.starts_with("## ") || (is_change && line.ends_with('.')), "{line}");
    }
}

/// Names that are no variables of Gatepost.
const OTHER_NAMES: [&str; 14] = [
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "CENTRAL_PIPELINE_TOKEN",
    "CODE_SMELL",
    "COSIGN_PASSWORD",
    "COSIGN_PRIVATE_KEY_BASE64",
    "GATEPOST_COMMIT",
    "GATEPOST_KEY",
    "GATEPOST_STATE",
    "GATEPOST_URL",
    "REGISTRY_PASSWORD",
    "REGISTRY_USERNAME",
    "SONAR_REPORT_TASK_0",
    "SONAR_REPORT_TASK_1",
    "SONAR_REPORT_TASK_COUNT",
];

#[test]
fn the_documents_name_only_variables_that_exist() {
    let mut named = 0;
    for (path, text) in documents() {
        for span in code_spans(&text) {
            let name = span.split(':').next().unwrap().trim_start_matches('$');
            let is_name = name.contains('_')
                && !name.contains(|c: char| !c.is_ascii_uppercase() && c != '_' && !c.is_ascii_digit());
            if is_name && !OTHER_NAMES.contains(&name) {
                named += 1;
                assert!(Variables::ALL.iter().any(|variable| variable.name() == name), "{path}: {name}");
            }
        }
    }
    assert!(named > 100, "{named}");
}

#[test]
fn the_files_that_the_documents_name_exist() {
    let mut named = 0;
    for (document, text) in documents() {
        for path in code_spans(&text) {
            if path.contains(' ') || !["src/", "test/", "docs/"].iter().any(|folder| path.starts_with(folder))
            {
                continue;
            }
            named += 1;
            // A module is a file or a folder.
            let exists =
                [path.to_owned(), format!("{path}.rs")].iter().any(|path| repository_file(path).exists());
            assert!(exists, "{document}: {path}");
        }
    }
    assert!(named > 20, "{named}");
}

#[test]
fn the_architecture_names_every_room_of_the_source() {
    let rooms: BTreeSet<String> = fs::read_dir(repository_file("src"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let section = Section::find("docs/architecture.md", "The rooms");
    let order: Vec<&str> =
        section.block("text").trim().split([' ', '<', ',']).filter(|room| !room.is_empty()).collect();
    assert_eq!(order.last(), Some(&"lib"));
    assert_eq!(
        order[..order.len() - 1].iter().copied().collect::<BTreeSet<_>>(),
        rooms.iter().map(String::as_str).collect()
    );
    let rows: BTreeSet<_> = section
        .rows()
        .iter()
        .filter_map(|row| row[0].trim_matches('`').strip_prefix("src/"))
        .map(str::to_owned)
        .filter(|room| !room.contains('.'))
        .collect();
    assert_eq!(rows, rooms);
}

#[test]
fn each_dependency_has_its_reason_and_its_licence() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let gatepost = packages.iter().find(|package| package["name"] == "gatepost").unwrap();
    let is_direct = |name: &str| {
        let mut dependencies = gatepost["dependencies"].as_array().unwrap().iter();
        dependencies.any(|dependency| dependency["name"] == name && dependency["kind"].is_null())
    };
    let wanted: BTreeSet<(&str, &str)> = packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap(), package["license"].as_str().unwrap_or_default()))
        .filter(|(name, _)| is_direct(name))
        .collect();
    let text = read("docs/contributing.md");
    let (_, section) = text.split_once("\n## Dependencies\n").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let told: BTreeSet<(&str, &str)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            assert!(!cells[2].is_empty() && !cells[4].is_empty(), "{row}");
            (cells[1].trim_matches('`'), cells[3])
        })
        .collect();
    assert_eq!(told, wanted);
}
