//! What an analysis of SonarQube is about.

use reqwest::Url;

/// The address of a SonarQube, and where the run has it from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    pub(crate) url: Url,
    pub(crate) origin: AddressOrigin,
    /// `serverUrl` of report-task.txt, when another address is used.
    pub(crate) reported: Option<Url>,
}

/// Where the address of a SonarQube comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressOrigin {
    /// `SONAR_HOST_URL`.
    Variable,
    /// `serverUrl` of report-task.txt.
    File,
    /// Nothing names it: it is SonarQube Cloud.
    Default,
}

/// What an analysis is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// By SonarQube's name for the pull request.
    PullRequest(String),
    Branch(String),
    Main,
}

impl Subject {
    pub(crate) fn words(&self) -> String {
        match self {
            Self::PullRequest(id) => format!("pull request {id}"),
            Self::Branch(branch) => format!("branch {branch}"),
            Self::Main => "main branch".to_owned(),
        }
    }

    /// Reads the address of a dashboard: `…/dashboard?id=<key>&pullRequest=<id>`.
    pub(crate) fn of_dashboard(address: &str) -> Self {
        let Ok(url) = Url::parse(address) else {
            return Self::Main;
        };
        let value = |wanted: &str| {
            url.query_pairs()
                .find(|(name, value)| name == wanted && !value.is_empty())
                .map(|(_, value)| value.into_owned())
        };
        match (value("pullRequest"), value("branch")) {
            (Some(id), _) => Self::PullRequest(id),
            (None, Some(branch)) => Self::Branch(branch),
            (None, None) => Self::Main,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dashboard_tells_what_was_analysed() {
        for (query, subject) in [
            ("?id=a", Subject::Main),
            ("?id=a&branch=feature%2Flogin+1", Subject::Branch("feature/login 1".to_owned())),
            ("?id=a&pullRequest=7&branch=x", Subject::PullRequest("7".to_owned())),
            ("?id=a&pullRequest=", Subject::Main),
        ] {
            assert_eq!(Subject::of_dashboard(&format!("https://a.b/dashboard{query}")), subject);
        }
        assert_eq!(Subject::of_dashboard("no address"), Subject::Main);
    }
}
