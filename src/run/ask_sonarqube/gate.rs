//! The quality gate of an analysis, or of a project.

use crate::{
    explain::no_verdict::NoVerdict,
    model::analysis::Subject,
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
    /// The gate of the analysis that a task made.
    pub(super) async fn gate_of_task(
        &self,
        server: &Server,
        task: &Task,
        project: Option<&str>,
        subject: &Subject,
    ) -> Result<Gate, NoGate> {
        match task.state {
            TaskState::Success => {}
            TaskState::Cancelled => return Err(NoVerdict::Cancelled.into()),
            TaskState::Failed | TaskState::Unfinished(_) => {
                return Err(NoVerdict::Failed(task.error.clone()).into());
            }
        }
        match (&task.analysis, project) {
            (Some(id), project) => {
                let gate = self.sonarqube(server).gate_of_analysis(id).await;
                self.trusted(server, gate, project, subject).await
            }
            (None, Some(project)) => self.gate_of_project(server, project, subject).await,
            (None, None) => Err(NoVerdict::Unnamed.into()),
        }
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
    /// SonarQube answers to a wrong token, or without one, is not a gate.
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
        match (gate.level, &self.plan.token) {
            (Level::None, None) => Err(NoVerdict::NoToken.into()),
            (Level::None, Some(_)) if !self.sonarqube(server).token_is_valid().await? => {
                Err(NoVerdict::TokenNotValid.into())
            }
            _ => Ok(self.advised(gate)),
        }
    }

    /// The gate as `ADVISORY_CONDITIONS` has it.
    pub(super) fn advised(&self, gate: Gate) -> Gate {
        self.servers.advice.add(&self.plan.advisory, &gate);
        self.plan.advisory.applied_to(gate)
    }
}
