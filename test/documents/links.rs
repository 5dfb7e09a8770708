//! The links of the documents lead somewhere.

use std::{collections::BTreeSet, path::Path};

use super::{Section, documents, repository_file};

/// A link of a document that leads to a file of the repository.
struct Link {
    document: String,
    /// The path from the root of the repository.
    path: String,
    heading: Option<String>,
}

fn links() -> Vec<Link> {
    let mut links = Vec::new();
    for (document, text) in documents() {
        let folder = Path::new(&document).parent().unwrap();
        // Code has no links.
        for part in text.split("```").step_by(2) {
            for rest in part.split("](").skip(1) {
                let (target, _) = rest.split_once(')').unwrap();
                if target.contains("://") {
                    continue;
                }
                let (path, heading) = match target.split_once('#') {
                    Some((path, heading)) => (path, Some(heading.to_owned())),
                    None => (target, None),
                };
                let path = match path.strip_prefix("../") {
                    _ if path.is_empty() => document.clone(),
                    Some(path) => path.to_owned(),
                    None => folder.join(path).to_str().unwrap().to_owned(),
                };
                links.push(Link { document: document.clone(), path, heading });
            }
        }
    }
    links
}

/// The name that Bitbucket gives to a heading: "markdown-header-", then its words in lower case.
fn anchor(heading: &str) -> String {
    let words = heading.to_lowercase();
    let kept: String = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect();
    format!("markdown-header-{}", kept.split_whitespace().collect::<Vec<_>>().join("-"))
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let sections = Section::all();
    let mut with_heading = 0;
    for Link { document, path, heading } in links() {
        assert!(repository_file(&path).is_file(), "{document}: {path}");
        if let Some(heading) = heading {
            with_heading += 1;
            let mut headings = sections.iter().filter(|section| section.document == path);
            assert!(
                headings.any(|section| anchor(&section.heading) == heading),
                "{document}: {path}#{heading}"
            );
        }
    }
    assert!(with_heading > 0);
}

#[test]
fn readme_links_to_every_document() {
    let linked: BTreeSet<_> =
        links().into_iter().filter(|link| link.document == "README.md").map(|link| link.path).collect();
    for document in documents().into_keys().filter(|document| document != "README.md") {
        assert!(linked.contains(&document), "{document}");
    }
}
