//! The quality gate of an analysis, or of a project.

use crate::{
    explain::no_verdict::NoVerdict,
    model::{analysis::Subject, target::CommitHash},
    run::{
        ask_sonarqube::{AskSonarQube, NoGate},
        context::Server,
    },
    sonarqube::{
        api::{Task, TaskState, is_cloud},
        gate::{Gate, Level},
        refusal::Refusal,
    },
};

impl AskSonarQube<'_> {
    /// The gate of the analysis that a task made, and after a scan that failed the commit of the analysis.
    pub(super) async fn gate_of_task(
        &self,
        server: &Server,
        task: &Task,
        project: Option<&str>,
        subject: &Subject,
    ) -> Result<(Gate, Option<CommitHash>), NoGate> {
        match task.state {
            TaskState::Success => {}
            TaskState::Cancelled => return Err(NoVerdict::Cancelled.into()),
            TaskState::Failed | TaskState::Unfinished(_) => {
                return Err(NoVerdict::Failed(task.error.clone()).into());
            }
        }
        let gate = match (&task.analysis, project) {
            (Some(id), project) => {
                let gate = self.sonarqube(server).gate_of_analysis(id).await;
                self.trusted(server, gate, project, subject).await?
            }
            (None, Some(project)) => self.gate_of_project(server, project, subject).await?,
            (None, None) => return Err(NoVerdict::Unnamed.into()),
        };
        let revision = match (self.plan.failed_scan(), project, &task.analysis) {
            // The commit proves that the scan made this analysis. Without 'Browse' it is not known.
            (Some(_), Some(project), Some(id)) => {
                self.sonarqube(server).revision(project, subject, id).await.ok().flatten()
            }
            _ => None,
        };
        Ok((gate, revision))
    }

    pub(super) async fn gate_of_project(
        &self,
        server: &Server,
        key: &str,
        subject: &Subject,
    ) -> Result<Gate, NoGate> {
        let gate = self.sonarqube(server).gate_of_project(key, subject).await;
        self.trusted(server, gate, Some(key), subject).await
    }

    /// A gate that can be trusted. When SonarQube Cloud has removed the endpoint, the measures tell the gate. A NONE that
    /// SonarQube answers to a wrong token is not a gate.
    pub(super) async fn trusted(
        &self,
        server: &Server,
        gate: Result<Gate, Box<Refusal>>,
        project: Option<&str>,
        subject: &Subject,
    ) -> Result<Gate, NoGate> {
        let gate = match (gate, project) {
            (Err(refusal), Some(project)) if refusal.is_endpoint_gone() && is_cloud(&server.address.url) => {
                // The first refusal says better what is missing.
                self.sonarqube(server).gate_by_measures(project, subject).await.map_err(|_| refusal)?
            }
            (gate, _) => gate?,
        };
        if gate.level == Level::None
            && self.plan.token.is_some()
            && !self.sonarqube(server).token_is_valid().await?
        {
            return Err(NoVerdict::TokenNotValid.into());
        }
        Ok(gate)
    }
}
