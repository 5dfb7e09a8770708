//! Runs the `- pipe:` lines of an example as a step of Pipelines does.

use std::{collections::BTreeMap, ffi::OsString};

use serde_json::Value;

use super::{IMAGE, PIPE, yaml};
use crate::run::Gatepost;

/// A step: the variables that Pipelines sets, and those of the repository or the workspace.
pub(super) struct Step {
    pipe: Gatepost,
    pub(super) known: BTreeMap<String, String>,
}

impl Step {
    pub(super) fn new(build: Gatepost, known: &[(&str, &str)]) -> Self {
        let pipe = build.unset("BITBUCKET_ACCESS_TOKEN").unset("STATE").unset("KEY");
        let text = |text: &OsString| text.to_str().unwrap().to_owned();
        let set_by_pipelines = pipe.variables().iter().map(|(name, value)| (text(name), text(value)));
        let secured = [
            ("BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN),
            ("WORKSPACE_ACCESS_TOKEN", sandbox::WORKSPACE_TOKEN),
            ("CENTRAL_PIPELINE_TOKEN", sandbox::WORKSPACE_TOKEN),
            ("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL),
            ("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN),
            ("BITBUCKET_OAUTH_CLIENT_ID", sandbox::OAUTH_CLIENT_ID),
            ("BITBUCKET_OAUTH_CLIENT_SECRET", sandbox::OAUTH_CLIENT_SECRET),
            ("SONAR_TOKEN", sandbox::USER_TOKEN),
        ];
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let known = set_by_pipelines.chain(secured.map(own)).chain(known.iter().copied().map(own)).collect();
        Self { pipe, known }
    }

    /// The text with the value of each `$NAME`. The example must not use a name that the step does not have.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut expanded = parts.next().unwrap().to_owned();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            let value = self.known.get(name);
            expanded += value.unwrap_or_else(|| panic!("${name} is not set in this step"));
            expanded += rest;
        }
        expanded
    }

    /// Runs a pipe as it is written in the example, and checks the exit code.
    pub(super) fn run(&self, pipe: &Value, code: i32) {
        let mut run = self.pipe.clone();
        for (name, value) in self.defaults(pipe) {
            run = run.set(&name, value);
        }
        for (name, value) in pipe["variables"].as_object().unwrap() {
            run = run.set(name, self.expand(value.as_str().unwrap()));
        }
        let ended = run.run();
        assert_eq!(ended.code, code, "{}", ended.output);
        // A SonarQube on loopback has no address that a reviewer could open.
        let warned =
            |line: &str| line.starts_with('!') && !line.contains("does not link to SonarQube's dashboard");
        assert!(!ended.output.lines().any(warned), "{}", ended.output);
    }

    /// What the pipe gets from `pipe.yml`, which Pipelines does not read for `docker://`. The repository has one
    /// credential: an API token or an OAuth consumer if the example uses one, else an access token.
    fn defaults(&self, pipe: &Value) -> Vec<(String, String)> {
        if pipe["pipe"].as_str().unwrap().starts_with("docker://") {
            return Vec::new();
        }
        let uses = |name: &str| pipe["variables"].get(name).is_some();
        let (uses_api_token, uses_consumer) =
            (uses("ATLASSIAN_API_TOKEN"), uses("BITBUCKET_OAUTH_CLIENT_SECRET"));
        let is_absent = |name: &str| match name {
            "BITBUCKET_ACCESS_TOKEN" => uses_api_token || uses_consumer,
            "ATLASSIAN_API_TOKEN" | "ATLASSIAN_ACCOUNT_EMAIL" => !uses_api_token,
            "BITBUCKET_OAUTH_CLIENT_ID" | "BITBUCKET_OAUTH_CLIENT_SECRET" => !uses_consumer,
            _ => false,
        };
        let value = |default: &str| match default.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if is_absent(name) => String::new(),
            Some(name) => self.known.get(name).cloned().unwrap_or_default(),
            None => default.to_owned(),
        };
        let entries = yaml(PIPE)["variables"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        entries.iter().map(|entry| (text(&entry["name"]), value(&text(&entry["default"])))).collect()
    }
}

/// The pipes of Gatepost in an example, in the order in which they run.
pub(super) fn pipes(document: &Value) -> Vec<&Value> {
    pipes_of(document, &|pipe| pipe == IMAGE || pipe.strip_prefix("docker://") == Some(IMAGE))
}

/// The pipes whose image fits, in the order in which they run.
pub(super) fn pipes_of<'a>(document: &'a Value, fits: &impl Fn(&str) -> bool) -> Vec<&'a Value> {
    match document {
        Value::Object(fields) if fields.get("pipe").is_some_and(|pipe| fits(pipe.as_str().unwrap())) => {
            vec![document]
        }
        // `after-script` sorts before `script`, and runs after it.
        Value::Object(fields) => fields.values().rev().flat_map(|value| pipes_of(value, fits)).collect(),
        Value::Array(items) => items.iter().flat_map(|value| pipes_of(value, fits)).collect(),
        _ => Vec::new(),
    }
}
