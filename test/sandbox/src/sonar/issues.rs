//! Issues and security hotspots, as an analysis finds them.

use serde_json::{Value, json};

use super::gate::Gate;
use super::projects::Dialect;

/// An issue, or a security hotspot to review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its key.
    pub key: String,
    /// The key of its rule.
    pub rule: String,
    /// What it says.
    pub message: String,
    /// `BUG`, `VULNERABILITY` or `CODE_SMELL`; `SECURITY_HOTSPOT` makes it one.
    pub kind: String,
    /// `BLOCKER`, `CRITICAL`, `MAJOR`, `MINOR` or `INFO`; of a hotspot `HIGH`, `MEDIUM` or `LOW`.
    pub severity: String,
    /// The file, from the base folder of the project; without one it is about the project.
    pub path: Option<String>,
    /// The line of the file.
    pub line: Option<u32>,
    /// Whether it is on new code; of a pull request, all are.
    pub is_new: bool,
}

impl Issue {
    /// A new issue of a kind and severity, at a line of a file.
    pub fn new(key: &str, kind: &str, severity: &str, path: &str, line: u32, message: &str) -> Self {
        Self {
            key: key.to_owned(),
            rule: "java:S2259".to_owned(),
            message: message.to_owned(),
            kind: kind.to_owned(),
            severity: severity.to_owned(),
            path: Some(path.to_owned()),
            line: Some(line),
            is_new: true,
        }
    }

    /// As many issues as a gate counts in new code.
    pub(crate) fn counted_by(gate: &Gate) -> Vec<Self> {
        let counted = gate.conditions.iter().find(|condition| condition.metric == "new_violations");
        let number = counted.and_then(|counted| counted.actual.as_ref()?.parse::<u32>().ok()).unwrap_or(0);
        let sample = |number: u32| {
            let (key, line) = (format!("AZi{number}"), 10 * number);
            Self::new(&key, "BUG", "MAJOR", "src/main/java/acme/Till.java", line, "It may be null here.")
        };
        (1..=number).map(sample).collect()
    }

    pub(crate) fn is_hotspot(&self) -> bool {
        self.kind == "SECURITY_HOTSPOT"
    }

    /// Its place in the order by severity: `IssueQueryFactory.java` sorts by the classic one.
    pub(crate) fn rank(&self) -> usize {
        let order = ["BLOCKER", "CRITICAL", "MAJOR", "MINOR", "INFO"];
        order.iter().position(|severity| *severity == self.severity).unwrap_or(order.len())
    }

    /// The component of the file, or of the project.
    pub(crate) fn component(&self, project: &str) -> String {
        self.path.as_ref().map_or_else(|| project.to_owned(), |path| format!("{project}:{path}"))
    }

    /// `search-example.json` of `api/issues`. Impacts came with 10.2.
    pub(crate) fn shape(&self, dialect: Dialect, project: &str) -> Value {
        let mut shape = json!({
            "key": self.key,
            "rule": self.rule,
            "component": self.component(project),
            "project": project,
            "message": self.message,
            "effort": "5min",
            "author": "ann@acme.example",
            "creationDate": "2026-11-02T08:30:00+0000",
            "severity": self.severity,
            "type": self.kind,
            "status": "OPEN",
        });
        if let Some(line) = self.line {
            shape["line"] = json!(line);
            shape["textRange"] =
                json!({ "startLine": line, "endLine": line, "startOffset": 0, "endOffset": 9 });
        }
        if dialect.has_impacts() {
            let quality = match self.kind.as_str() {
                "BUG" => "RELIABILITY",
                "VULNERABILITY" => "SECURITY",
                _ => "MAINTAINABILITY",
            };
            let severity = match self.severity.as_str() {
                "CRITICAL" => "HIGH",
                "MAJOR" => "MEDIUM",
                "MINOR" => "LOW",
                other => other,
            };
            shape["impacts"] = json!([{ "softwareQuality": quality, "severity": severity }]);
            shape["issueStatus"] = json!("OPEN");
        }
        shape
    }

    /// `search-example.json` of `api/hotspots`.
    pub(crate) fn hotspot_shape(&self, project: &str) -> Value {
        let mut shape = json!({
            "key": self.key,
            "component": self.component(project),
            "project": project,
            "securityCategory": "others",
            "vulnerabilityProbability": self.severity,
            "status": "TO_REVIEW",
            "message": self.message,
            "ruleKey": self.rule,
        });
        if let Some(line) = self.line {
            shape["line"] = json!(line);
        }
        shape
    }

    /// The file in `components`.
    pub(crate) fn component_shape(&self, project: &str) -> Option<Value> {
        let path = self.path.as_ref()?;
        Some(json!({
            "key": self.component(project),
            "enabled": true,
            "qualifier": "FIL",
            "name": path.rsplit('/').next(),
            "longName": path,
            "path": path,
        }))
    }
}
