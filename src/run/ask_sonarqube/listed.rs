//! What the lists of SonarQube tell of an analysis, where neither its file nor its task tells enough to compare it with the
//! commit of the status.

use crate::{
    config::analysis::AnalysisSource,
    model::{
        analysis::{Comparison, Subject},
        target::CommitHash,
        timestamp::Timestamp,
        verdict::{Freshness, JudgedAnalysis},
    },
    run::{ask_sonarqube::AskSonarQube, context::Server},
    sonarqube::api::{AnalysedBranch, is_cloud},
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
    /// When the latest analysis was made.
    pub(super) analysed_at: Option<Timestamp>,
}

impl Listed {
    /// The analysis, as far as lists tell it.
    pub(crate) fn judged(self, subject: Subject) -> JudgedAnalysis {
        let Self { revision, main_branch, source_branch, knows_branches, analysed_at } = self;
        JudgedAnalysis {
            subject,
            revision,
            main_branch,
            source_branch,
            submitted: analysed_at,
            freshness: Freshness::Unknown,
            is_named: false,
            knows_branches,
        }
    }

    /// Takes commit and date of the latest analysis from an entry of the list of branches.
    fn take_analysed(&mut self, branch: Option<AnalysedBranch>) {
        if let Some(AnalysedBranch { commit, analysed_at, .. }) = branch {
            (self.revision, self.analysed_at) = (commit, analysed_at);
        }
    }
}

impl AskSonarQube<'_> {
    /// Asks for what the comparison needs. A refusal leaves it unknown: a scanner's token may not see every list. `analysis`
    /// is the id of the analysis that a task made. `is_undated` when it may be green, and nothing shows that it is of this
    /// build.
    pub(crate) async fn listed(
        &self,
        server: &Server,
        project: Option<&str>,
        subject: &Subject,
        analysis: Option<&str>,
        is_undated: bool,
    ) -> Listed {
        let knows_branches = is_cloud(&server.address.url);
        let mut listed = Listed { knows_branches, ..Listed::default() };
        let Some(project) = project else { return listed };
        let needs_revision = self.needs_revision(is_undated);
        match subject {
            Subject::PullRequest(id) => {
                self.list_pull_request(server, project, id, needs_revision, &mut listed).await;
            }
            Subject::Branch(branch) if self.is_named() => {
                if needs_revision && let Ok(known) = self.sonarqube(server).branches(project).await {
                    listed.take_analysed(known.into_iter().find(|known| known.name == *branch));
                }
            }
            Subject::Branch(_) => {
                self.list_revision(server, project, subject, analysis, needs_revision, &mut listed).await;
            }
            Subject::Main => {
                self.list_branches(server, project, &mut listed).await;
                let is_other = subject.compare(&self.wanted, listed.main_branch.as_deref());
                let needs_revision = needs_revision || is_other == Comparison::MainBranch;
                self.list_revision(server, project, subject, analysis, needs_revision, &mut listed).await;
            }
        }
        listed
    }

    /// The branch and the commit of a pull request: to compare it with a status that is not for a pull request.
    async fn list_pull_request(
        &self,
        server: &Server,
        project: &str,
        id: &str,
        needs_revision: bool,
        listed: &mut Listed,
    ) {
        let is_for_branch = self.wanted.pull_request.is_none() && self.wanted.branch.is_some();
        if !(needs_revision || (self.is_named() && is_for_branch)) {
            return;
        }
        let Ok(known) = self.sonarqube(server).pull_requests(project).await else { return };
        if let Some(found) = known.into_iter().find(|pull_request| pull_request.id == id) {
            (listed.revision, listed.source_branch) = (found.commit, found.branch);
            listed.analysed_at = found.analysed_at;
        }
    }

    async fn list_revision(
        &self,
        server: &Server,
        project: &str,
        subject: &Subject,
        analysis: Option<&str>,
        needs_revision: bool,
        listed: &mut Listed,
    ) {
        if let (Some(analysis), true) = (analysis, needs_revision) {
            let revision = self.sonarqube(server).revision(project, subject, analysis).await;
            listed.revision = revision.ok().flatten();
        }
    }

    /// Whether the user names the project, and no file names the analysis.
    const fn is_named(&self) -> bool {
        matches!(self.plan.source, AnalysisSource::Project { .. })
    }

    /// The commit is needed where nothing else shows that the analysis is of this build. It proves that a scan that failed
    /// made the analysis. It is also all that can be compared when nothing else is known of the status.
    fn needs_revision(&self, is_undated: bool) -> bool {
        // Without a scan in this step, the gate that the project has now is wanted.
        let is_of_this_scan = !self.is_named() || self.plan.scan_exit_code.is_some();
        (is_undated && is_of_this_scan) || self.plan.failed_scan().is_some() || self.wanted.is_commit_alone()
    }

    /// The name of the main branch, and whether the project has others. A branch that is called `main` need not be the main
    /// branch of SonarQube.
    async fn list_branches(&self, server: &Server, project: &str, listed: &mut Listed) {
        let sonarqube = self.sonarqube(server);
        if self.wanted.pull_request.is_some() {
            if !listed.knows_branches {
                let known = sonarqube.pull_requests(project).await;
                listed.knows_branches = known.is_ok_and(|known| !known.is_empty());
            }
        } else if self.wanted.branch.is_some() {
            let Ok(known) = sonarqube.branches(project).await else { return };
            listed.knows_branches |= known.iter().any(|branch| !branch.is_main);
            let Some(main) = known.into_iter().find(|branch| branch.is_main) else { return };
            listed.main_branch = Some(main.name.clone());
            if self.is_named() && self.plan.scan_exit_code.is_some() {
                listed.take_analysed(Some(main));
            }
        }
    }
}
