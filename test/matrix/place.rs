//! What a row's request is, and what stands before and after its run.

use super::{Place, wire::Broken};

/// A status as it stands: key, state, description and branch.
pub(super) type Standing = (String, String, String, Option<String>);

impl Place {
    /// Which requests of a wire the fault hits.
    pub(super) const fn broken(self) -> Broken {
        match self {
            Self::Status | Self::Pending | Self::Lookup | Self::Task => Broken::After(0),
            Self::StatusAfterLookup | Self::Gate => Broken::After(1),
            // The task and the gate. The status, and the report of an earlier run is deleted.
            Self::Issues | Self::Report => Broken::After(2),
            Self::Annotations => Broken::After(3),
            // Others are sent before it, and at the same time.
            _ => Broken::At(self),
        }
    }

    pub(super) const fn is_of_sonarqube(self) -> bool {
        matches!(self, Self::Task | Self::Gate | Self::Issues)
    }

    /// Whether the run finds its targets, in two repositories.
    pub(super) const fn is_found(self) -> bool {
        matches!(self, Self::Repositories | Self::PullRequests | Self::SecondPage | Self::StatusOfFound)
            || self.is_of_branches()
            || self.settles()
    }

    /// Whether the targets that are found are main branches.
    pub(super) const fn is_of_branches(self) -> bool {
        matches!(self, Self::MainBranch | Self::BranchOfFound)
    }

    /// Whether the run ends statuses.
    pub(super) const fn settles(self) -> bool {
        matches!(self, Self::Statuses | Self::Ending)
    }

    /// Whether a project has a status without an analysis.
    pub(super) const fn is_of_unanalysed(self) -> bool {
        matches!(self, Self::Standing | Self::StandingVerdict)
    }

    pub(super) const fn has_report(self) -> bool {
        matches!(self, Self::Report | Self::Annotations | Self::Issues)
    }

    /// Method and a part of the path and query of the request that the row is about.
    pub(super) const fn request(self) -> (&'static str, &'static str) {
        match self {
            Self::Status | Self::Pending | Self::StatusAfterLookup => ("POST", "/statuses/build"),
            Self::Lookup => ("GET", "/pullrequests/7"),
            Self::Report => ("PUT", "/reports/"),
            Self::Annotations => ("POST", "/annotations"),
            Self::Task => ("GET", "/api/ce/task"),
            Self::Gate => ("GET", "/api/qualitygates/project_status"),
            Self::Issues => ("GET", "/api/issues/search"),
            Self::Repositories => ("GET", "/2.0/repositories/acme?"),
            Self::PullRequests => ("GET", "/2.0/repositories/acme/api/pullrequests?"),
            Self::SecondPage => ("GET", "&page=2"),
            Self::MainBranch => ("GET", "/2.0/repositories/acme/api?"),
            Self::BranchOfFound => ("GET", "/2.0/repositories/acme/api/refs/branches/main"),
            Self::StatusOfFound | Self::Ending => {
                ("POST", "/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build")
            }
            Self::Statuses => ("GET", "/2.0/repositories/acme/api/commit/94277cd267a8/statuses?"),
            Self::Standing | Self::StandingVerdict => ("GET", "/statuses/build/sonar-acme_web"),
        }
    }

    /// Whether a request is one that the row is about, by its method and path.
    pub(super) fn is_about(self, request: &str) -> bool {
        let (method, path) = self.request();
        request.starts_with(method) && request.contains(path)
    }

    /// The status that is meant to stand.
    pub(super) fn meant(self) -> Standing {
        match self {
            Self::Pending => standing("sonar", "INPROGRESS", "In progress", "main"),
            Self::Status | Self::MainBranch | Self::BranchOfFound => {
                standing("sonar", "SUCCESSFUL", "Successful", "main")
            }
            Self::Lookup
            | Self::StatusAfterLookup
            | Self::Repositories
            | Self::PullRequests
            | Self::SecondPage
            | Self::StatusOfFound => standing("sonar", "SUCCESSFUL", "Successful", "feature/login"),
            Self::Statuses | Self::Ending => standing("sonar", "STOPPED", ENDED, "feature/login"),
            Self::Standing => {
                standing("sonar-acme_web", "SUCCESSFUL", "Not affected by this change", "feature/login")
            }
            Self::StandingVerdict => standing("sonar-acme_web", "FAILED", VERDICT, "feature/login"),
            Self::Report | Self::Annotations | Self::Task | Self::Gate | Self::Issues => gate_of_api(),
        }
    }

    /// The status that stands before the run.
    pub(super) fn before(self) -> Option<Standing> {
        let in_progress = |key: &str| Some(standing(key, "INPROGRESS", "In progress", "feature/login"));
        match self {
            Self::Statuses | Self::Ending => in_progress("sonar"),
            Self::Standing => in_progress("sonar-acme_web"),
            Self::StandingVerdict => Some(self.meant()),
            _ => None,
        }
    }

    /// What stands of another target or project before the run.
    pub(super) fn beside_before(self) -> Option<Standing> {
        self.settles().then(|| standing("sonar", "INPROGRESS", "In progress", "fix/header"))
    }

    /// The status of another target or project, which stands whatever goes wrong with the row's request.
    pub(super) fn beside(self) -> Option<Standing> {
        match self {
            _ if self.is_of_branches() => Some(standing("sonar", "SUCCESSFUL", "Successful", "main")),
            _ if self.settles() => Some(standing("sonar", "STOPPED", ENDED, "fix/header")),
            _ if self.is_found() => Some(standing("sonar", "SUCCESSFUL", "Successful", "fix/header")),
            _ if self.is_of_unanalysed() => Some(gate_of_api()),
            _ => None,
        }
    }
}

/// The beginning of the description of a status that was ended. Dates follow it.
pub(super) const ENDED: &str = "Ended by Gatepost on ";
/// The description of a gate that failed.
const VERDICT: &str = "3 New Issues (is greater than 0)";

fn standing(key: &str, state: &str, description: &str, branch: &str) -> Standing {
    (key.to_owned(), state.to_owned(), description.to_owned(), Some(branch.to_owned()))
}

fn gate_of_api() -> Standing {
    let description = "Quality gate passed: acme_api, pull request 7";
    standing("sonar-acme_api", "SUCCESSFUL", description, "feature/login")
}
