//! Makes a verdict of a gate, or of the reason why there is none, and tells the reader of it.

use reqwest::Url;

use crate::{
    console::foreign::shown,
    explain::{
        no_verdict::NoVerdict,
        sonarqube::for_commit,
        tell::{tell, tell_no_verdict},
    },
    model::{
        address::refusal_of_url,
        analysis::Subject,
        insights::{IssueSource, ReportDraft},
        outcome::Outcome,
        state::State,
        status::DESCRIPTION_MAX_CHARS,
        verdict::{JudgedAnalysis, Verdict},
    },
    run::{
        ask_sonarqube::{AskSonarQube, NoGate},
        insights::draft::draft_of,
        report,
        summary::advice::Advice,
    },
    sonarqube::gate::{Gate, Level},
};

impl AskSonarQube<'_> {
    pub(super) fn with_gate(
        &self,
        gate: &Gate,
        analysis: JudgedAnalysis,
        project: Option<String>,
        link: Option<String>,
        source: Option<IssueSource>,
    ) -> Verdict {
        let about = about(project.as_deref(), &analysis.subject);
        let link_of_report = link
            .clone()
            .filter(|link| refusal_of_url(link).is_none() && self.console.without_secrets(link) == *link);
        let draft = Box::new(ReportDraft { link: link_of_report, source, ..draft_of(gate) });
        report::gate(gate, &about, self.console);
        let state = match gate.level {
            Level::Ok | Level::Warn | Level::Advice => State::Successful,
            Level::None => self.plan.on_no_gate,
            Level::Error | Level::Unknown => State::Failed,
        };
        let outcome = match (gate.level, state) {
            (Level::Unknown, _) => Outcome::SonarQubeFailed,
            (_, State::Failed) if self.plan.fail_on_red_gate => Outcome::GateRed,
            _ => Outcome::Done,
        };
        let reason = match gate.level {
            Level::None if state == State::Failed => Some(NoVerdict::NoGate { about: about.clone() }),
            Level::Unknown => {
                Some(NoVerdict::UnknownGate { about: about.clone(), word: gate.unknown_word.clone() })
            }
            _ => None,
        };
        let words = gate.words(&about, DESCRIPTION_MAX_CHARS);
        // With a list, the conditions are not told, and the outcome is green.
        if !self.console.is_of_run() && matches!(gate.level, Level::Advice | Level::Warn) {
            self.console.warning(&words);
        }
        let verdict = self.verdict(state, &words, project, link, outcome);
        if let Some(reason) = reason {
            tell_no_verdict(&reason, self.console);
            self.advise(|advice| advice.of_no_verdict(&verdict.words, &reason, self.console));
        }
        Verdict { analysis: Some(Box::new(analysis)), draft: Some(draft), ..verdict }
    }

    pub(super) fn without_gate(
        &self,
        reason: NoGate,
        project: Option<String>,
        link: Option<String>,
    ) -> Verdict {
        let (words, outcome) = match reason {
            NoGate::Refused(refusal) => {
                tell(&*refusal, self.console);
                let words = self.console.without_secrets(&for_commit(&refusal));
                self.advise(|advice| advice.of_sonarqube(&words, &*refusal, self.console));
                (words, Outcome::SonarQubeFailed)
            }
            NoGate::Reason(reason) => {
                tell_no_verdict(&reason, self.console);
                let words = self.console.without_secrets(&reason.to_string());
                self.advise(|advice| advice.of_no_verdict(&words, &reason, self.console));
                (words, reason.outcome())
            }
        };
        self.verdict(State::Failed, &words, project, link, outcome)
    }

    /// Adds to what the page of the run says of refusals, if there is one.
    fn advise(&self, add: impl FnOnce(&Advice)) {
        if let Some(advice) = self.context.advice {
            add(advice);
        }
    }

    /// A verdict without secrets: a file or a server may have put one into a text that becomes public.
    pub(super) fn verdict(
        &self,
        state: State,
        words: &str,
        project: Option<String>,
        link: Option<String>,
        outcome: Outcome,
    ) -> Verdict {
        Verdict {
            state,
            words: self.console.without_secrets(words),
            project: project.map(|project| self.console.without_secrets(&project)),
            link: self.accepted_link(link),
            outcome,
            analysis: None,
            draft: None,
        }
    }

    /// The link to the dashboard, if the status needs one and Bitbucket accepts its address.
    pub(super) fn accepted_link(&self, link: Option<String>) -> Option<String> {
        let link = link.filter(|_| self.plan.links_to_dashboard)?;
        if self.console.without_secrets(&link) != link {
            self.console
                .warning("the status does not link to SonarQube's dashboard: its address holds a secret");
            return None;
        }
        let Some(refused) = refusal_of_url(&link) else {
            return Some(link);
        };
        let server = Url::parse(&link).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        let console = self.console.news(format!("no link to {server}"))?;
        console.warning(format_args!(
            "the status does not link to SonarQube's dashboard {}, {refused}: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL",
            shown(&link)
        ));
        None
    }
}

/// The subject of a gate, in words.
pub(super) fn about(project: Option<&str>, subject: &Subject) -> String {
    project.map(str::to_owned).into_iter().chain([subject.words()]).collect::<Vec<_>>().join(", ")
}

/// The address of SonarQube's page for a project.
pub(super) fn dashboard_of(server: &Url, key: &str, subject: &Subject) -> String {
    let mut url = server.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push("dashboard");
    }
    url.query_pairs_mut().append_pair("id", key);
    match subject {
        Subject::PullRequest(id) => {
            url.query_pairs_mut().append_pair("pullRequest", id);
        }
        Subject::Branch(branch) => {
            url.query_pairs_mut().append_pair("branch", branch);
        }
        Subject::Main => {}
    }
    url.into()
}
