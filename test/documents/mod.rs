//! README, `docs/`, `pipe.yml`, `--help` and the code agree, and every example works as it is written.

mod agreement;
mod central;
mod examples;
mod links;
mod many_targets;
mod release;
mod settle;
mod step;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use gatepost::{
    config::{
        help,
        variables::{Variable, Variables},
    },
    explain::handbook,
};
use serde_json::Value;

const PIPE: &str = include_str!("../../pipe.yml");
const CHANGELOG: &str = include_str!("../../CHANGELOG.md");
const IMAGE: &str = concat!("gatepost/gatepost:", env!("CARGO_PKG_VERSION"));

/// A file of the repository.
fn repository_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(repository_file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// README and the files of `docs/`, by their paths.
fn documents() -> BTreeMap<String, String> {
    let docs = fs::read_dir(repository_file("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    let texts = docs.filter(|path| Path::new(path).extension().is_some_and(|kind| kind == "md"));
    texts.chain(["README.md".to_owned()]).map(|path| (path.clone(), read(&path))).collect()
}

/// A part of a document: from one heading to the next, of whatever level.
struct Section {
    document: String,
    heading: String,
    text: String,
}

impl Section {
    /// The sections of all documents.
    fn all() -> Vec<Self> {
        let mut sections: Vec<Self> = Vec::new();
        for (document, text) in documents() {
            let mut in_block = false;
            for line in text.lines() {
                in_block ^= line.starts_with("```");
                match line.strip_prefix('#') {
                    Some(heading) if !in_block => sections.push(Self {
                        document: document.clone(),
                        heading: heading.trim_start_matches('#').trim().to_owned(),
                        text: String::new(),
                    }),
                    _ => {
                        let section = sections.last_mut().unwrap();
                        section.text += line;
                        section.text.push('\n');
                    }
                }
            }
        }
        sections
    }

    fn find(document: &str, heading: &str) -> Self {
        Self::all()
            .into_iter()
            .find(|section| section.document == document && section.heading == heading)
            .unwrap_or_else(|| panic!("{document} has no heading {heading}"))
    }

    /// The code blocks of a language.
    fn blocks(&self, language: &str) -> Vec<&str> {
        let fence = format!("```{language}\n");
        self.text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
    }

    /// The only code block of a language.
    fn block(&self, language: &str) -> &str {
        let [block] = self.blocks(language)[..] else { panic!("not one {language} in {}", self.heading) };
        block
    }

    /// The YAML documents.
    fn yaml(&self) -> Vec<Value> {
        self.blocks("yaml").into_iter().map(yaml).collect()
    }

    /// The only YAML document.
    fn only_yaml(&self) -> Value {
        yaml(self.block("yaml"))
    }

    /// The cells of the table's rows below its head.
    fn rows(&self) -> Vec<Vec<&str>> {
        let lines = self.text.lines().filter(|line| line.starts_with('|'));
        lines.skip(2).map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
    }
}

fn yaml(text: &str) -> Value {
    serde_yaml_ng::from_str(text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

/// What stands between backticks, outside of code blocks.
fn code_spans(text: &str) -> Vec<&str> {
    let outside = text.split("```").step_by(2);
    outside.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}
