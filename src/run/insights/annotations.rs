//! Makes annotations of SonarQube's issues.

use reqwest::Url;

use crate::{
    model::{
        address::refusal_of_url,
        analysis::Subject,
        insights::{Annotation, AnnotationType, IssueSource},
    },
    run::insights::path::RepositoryPaths,
    sonarqube::issues::{Issue, Quality},
};

/// Makes annotations of the issues of one analysis.
#[derive(Debug)]
pub(super) struct AnnotationMaker<'a> {
    pub(super) source: &'a IssueSource,
    /// SonarQube's page of the project: its host is the one for people, where the API has another address.
    pub(super) dashboard: Option<&'a str>,
    pub(super) paths: RepositoryPaths,
}

impl AnnotationMaker<'_> {
    /// The annotations, most severe first, then by file and line.
    pub(super) fn annotations(&self, mut issues: Vec<Issue>) -> Vec<Annotation> {
        let order = |issue: &Issue| {
            let path = issue.path.as_ref().map(|path| path.path.clone());
            (issue.severity, issue.quality, path, issue.line, issue.key.clone())
        };
        issues.sort_by_cached_key(order);
        issues.iter().map(|issue| self.annotation(issue)).collect()
    }

    fn annotation(&self, issue: &Issue) -> Annotation {
        let path = issue.path.as_ref().and_then(|path| self.paths.find(path));
        let prefix = if issue.is_hotspot { "hotspot" } else { "sonar" };
        let rule = issue.rule.clone().unwrap_or_default();
        let summary = [&issue.message, &rule].into_iter().find(|text| !text.is_empty()).cloned();
        let has_path = path.is_some();
        Annotation {
            external_id: format!("{prefix}-{}", issue.key),
            kind: match issue.quality {
                Quality::Security => AnnotationType::Vulnerability,
                Quality::Reliability => AnnotationType::Bug,
                Quality::Maintainability => AnnotationType::CodeSmell,
            },
            severity: issue.severity,
            details: details(issue, path.is_none()),
            path,
            line: issue.line.filter(|_| has_path),
            // Bitbucket refuses an empty one.
            summary: summary.unwrap_or_else(|| "An issue without a message".to_owned()),
            link: self.link(issue),
        }
        .fitted()
    }

    /// The address of the server that the dashboard is on.
    fn public_server(&self) -> Option<Url> {
        let mut url = Url::parse(self.dashboard?).ok()?;
        let base = url.path().strip_suffix("/dashboard")?.to_owned();
        url.set_path(&base);
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    }

    /// SonarQube's page of the issue, if Bitbucket accepts its address.
    fn link(&self, issue: &Issue) -> Option<String> {
        let IssueSource { server, project, subject, .. } = self.source;
        let mut url: Url = self.public_server().unwrap_or_else(|| server.url.clone());
        let page: &[&str] = if issue.is_hotspot { &["security_hotspots"] } else { &["project", "issues"] };
        url.path_segments_mut().ok()?.pop_if_empty().extend(page);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("id", project);
            match subject {
                Subject::PullRequest(id) => query.append_pair("pullRequest", id),
                Subject::Branch(branch) => query.append_pair("branch", branch),
                Subject::Main => &mut query,
            };
            if issue.is_hotspot {
                query.append_pair("hotspots", &issue.key);
            } else {
                query.append_pair("issues", &issue.key).append_pair("open", &issue.key);
            }
        }
        let link = String::from(url);
        refusal_of_url(&link).is_none().then_some(link)
    }
}

/// The rule, what the issue harms, and the time that its remedy takes. A file that is not known in the repository is named.
fn details(issue: &Issue, has_no_path: bool) -> String {
    let quality = match issue.quality {
        _ if issue.is_hotspot => "Security hotspot to review",
        Quality::Security => "Security",
        Quality::Reliability => "Reliability",
        Quality::Maintainability => "Maintainability",
    };
    let severity = Some(&issue.severity_word).filter(|word| !word.is_empty());
    let quality = severity.map_or_else(|| quality.to_owned(), |severity| format!("{quality}: {severity}"));
    let effort = issue.effort.as_ref().map(|effort| format!("Effort: {effort}"));
    let file = issue.path.as_ref().filter(|_| has_no_path).map(|path| {
        let line = issue.line.map(|line| format!(", line {line}")).unwrap_or_default();
        format!("File in SonarQube: {}{line}", path.path)
    });
    let parts: Vec<String> =
        issue.rule.clone().into_iter().chain([quality]).chain(effort).chain(file).collect();
    format!("{}.", parts.join(". "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        model::{
            analysis::{AddressOrigin, ServerAddress},
            insights::Severity,
        },
        sonarqube::issues::IssuePath,
    };

    fn issue(key: &str, severity: Severity, path: &str) -> Issue {
        Issue {
            key: key.to_owned(),
            is_hotspot: false,
            rule: Some("java:S2259".to_owned()),
            message: "It may be null".to_owned(),
            quality: Quality::Reliability,
            severity,
            severity_word: "High".to_owned(),
            effort: Some("5min".to_owned()),
            path: Some(IssuePath { path: path.to_owned(), is_guessed: false }),
            line: Some(41),
        }
    }

    fn source(server: &str) -> IssueSource {
        let url = Url::parse(server).unwrap();
        IssueSource {
            server: ServerAddress { url, origin: AddressOrigin::Variable, reported: None },
            server_version: None,
            project: "acme:api".to_owned(),
            subject: Subject::PullRequest("7".to_owned()),
            file: None,
        }
    }

    fn made(server: &str, issues: Vec<Issue>) -> Vec<Annotation> {
        let source = source(server);
        let paths = RepositoryPaths::new(None, Some(Path::new("api")));
        AnnotationMaker { source: &source, dashboard: None, paths }.annotations(issues)
    }

    #[test]
    fn an_issue_becomes_an_annotation() {
        let [annotation] =
            made("https://sonar.acme.example/sonar", vec![issue("AZ1", Severity::High, "src/Till.java")])
                .try_into()
                .unwrap();
        assert_eq!(
            annotation,
            Annotation {
                external_id: "sonar-AZ1".to_owned(),
                kind: AnnotationType::Bug,
                severity: Severity::High,
                path: Some("api/src/Till.java".to_owned()),
                line: Some(41),
                summary: "It may be null".to_owned(),
                details: "java:S2259. Reliability: High. Effort: 5min.".to_owned(),
                link: Some(
                    "https://sonar.acme.example/sonar/project/issues?id=acme%3Aapi&pullRequest=7&issues=AZ1&open=AZ1"
                        .to_owned()
                ),
            }
        );
    }

    #[test]
    fn the_page_of_an_issue_is_where_the_dashboard_is() {
        let (source, paths) = (source("http://sonarqube:9000"), RepositoryPaths::new(None, None));
        let dashboard = Some("https://sonar.acme.example/base/dashboard?id=acme%3Aapi&pullRequest=7");
        let maker = AnnotationMaker { source: &source, dashboard, paths };
        let link = maker.annotations(vec![issue("AZ1", Severity::Low, "x.rs")]).remove(0).link;
        let expected =
            "https://sonar.acme.example/base/project/issues?id=acme%3Aapi&pullRequest=7&issues=AZ1&open=AZ1";
        assert_eq!(link.as_deref(), Some(expected));
    }

    #[test]
    fn a_file_outside_of_the_repository_is_named_in_the_details() {
        let annotation = made("http://sonarqube:9000", vec![issue("AZ1", Severity::Low, "/etc/x")]).remove(0);
        assert_eq!((annotation.path, annotation.line, annotation.link), (None, None, None));
        assert!(annotation.details.ends_with("File in SonarQube: /etc/x, line 41."));
    }

    #[test]
    fn the_most_severe_comes_first_and_then_the_files_in_order() {
        let ids: Vec<_> = made(
            "https://a.b",
            vec![
                issue("4", Severity::Low, "a"),
                issue("3", Severity::High, "b"),
                issue("2", Severity::High, "a"),
                issue("1", Severity::Critical, "z"),
            ],
        )
        .into_iter()
        .map(|annotation| annotation.external_id)
        .collect();
        assert_eq!(ids, ["sonar-1", "sonar-2", "sonar-3", "sonar-4"]);
    }

    #[test]
    fn an_issue_without_a_message_has_its_rule() {
        let empty = |rule: Option<&str>| Issue {
            message: String::new(),
            rule: rule.map(str::to_owned),
            ..issue("1", Severity::Low, "a")
        };
        let summary = |issue| made("https://a.b", vec![issue]).remove(0).summary;
        assert_eq!(summary(empty(Some("java:S1"))), "java:S1");
        assert_eq!(summary(empty(None)), "An issue without a message");
    }
}
