//! What the lists of SonarQube tell of an analysis, where neither its file nor its task tells enough to compare it with the
//! commit of the status.

use crate::{
    config::analysis::AnalysisSource,
    model::{
        analysis::{Comparison, Subject},
        target::CommitHash,
        verdict::{Freshness, JudgedAnalysis},
    },
    run::{ask_sonarqube::AskSonarQube, context::Server},
    sonarqube::api::is_cloud,
};

/// What the lists tell. What could not be asked for is not known.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// The commit of the analysis.
    pub(super) revision: Option<CommitHash>,
    pub(super) main_branch: Option<String>,
    /// The branch that the analysed pull request comes from.
    pub(super) source_branch: Option<String>,
    /// Whether the server is known to know pull requests and branches.
    pub(super) knows_branches: bool,
}

impl Listed {
    /// The analysis, as far as lists tell it.
    pub(crate) fn judged(self, subject: Subject) -> JudgedAnalysis {
        let Self { revision, main_branch, source_branch, knows_branches } = self;
        JudgedAnalysis {
            subject,
            revision,
            main_branch,
            source_branch,
            submitted: None,
            freshness: Freshness::Unknown,
            is_named: false,
            knows_branches,
        }
    }
}

impl AskSonarQube<'_> {
    /// Asks for what the comparison needs. A refusal leaves it unknown: a scanner's token may not see every list.
    pub(crate) async fn listed(
        &self,
        server: &Server,
        project: Option<&str>,
        subject: &Subject,
        analysis: Option<&str>,
    ) -> Listed {
        let knows_branches = is_cloud(&server.address.url);
        let mut listed = Listed { knows_branches, ..Listed::default() };
        let Some(project) = project else { return listed };
        match subject {
            Subject::PullRequest(id) => self.list_pull_request(server, project, id, &mut listed).await,
            Subject::Branch(_) => self.list_revision(server, project, subject, analysis, &mut listed).await,
            Subject::Main => {
                self.list_revision(server, project, subject, analysis, &mut listed).await;
                self.list_branches(server, project, &mut listed).await;
            }
        }
        listed
    }

    /// The branch and the commit of a pull request: to compare it with a status that is not for a pull request.
    async fn list_pull_request(&self, server: &Server, project: &str, id: &str, listed: &mut Listed) {
        let is_named = matches!(self.plan.source, AnalysisSource::Project { .. });
        let is_for_branch = self.wanted.pull_request.is_none() && self.wanted.branch.is_some();
        if !(self.needs_revision() || (is_named && is_for_branch)) {
            return;
        }
        let Ok(known) = self.sonarqube(server).pull_requests(project).await else { return };
        if let Some(found) = known.into_iter().find(|pull_request| pull_request.id == id) {
            (listed.revision, listed.source_branch) = (found.commit, found.branch);
        }
    }

    async fn list_revision(
        &self,
        server: &Server,
        project: &str,
        subject: &Subject,
        analysis: Option<&str>,
        listed: &mut Listed,
    ) {
        let is_of_main_branch = subject.compare(&self.wanted, None) == Comparison::MainBranch;
        if let (Some(analysis), true) = (analysis, self.needs_revision() || is_of_main_branch) {
            let revision = self.sonarqube(server).revision(project, subject, analysis).await;
            listed.revision = revision.ok().flatten();
        }
    }

    /// The commit proves that a scan that failed made the analysis. It is also all that can be compared when nothing else
    /// is known of the status.
    fn needs_revision(&self) -> bool {
        self.plan.failed_scan().is_some() || self.wanted.is_commit_alone()
    }

    /// The name of the main branch, and whether the project has others.
    async fn list_branches(&self, server: &Server, project: &str, listed: &mut Listed) {
        let sonarqube = self.sonarqube(server);
        if self.wanted.pull_request.is_some() {
            if !listed.knows_branches {
                let known = sonarqube.pull_requests(project).await;
                listed.knows_branches = known.is_ok_and(|known| !known.is_empty());
            }
        } else if self.wanted.branch.is_some() && (listed.knows_branches || !self.wanted.may_be_main()) {
            let Ok(known) = sonarqube.branches(project).await else { return };
            listed.knows_branches |= known.iter().any(|branch| !branch.is_main);
            listed.main_branch = known.into_iter().find(|branch| branch.is_main).map(|branch| branch.name);
        }
    }
}
