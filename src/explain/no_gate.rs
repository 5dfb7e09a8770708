//! Why an analysis has no gate although SonarQube answered: in the shape of a refusal.

#![cfg_attr(not(test), allow(dead_code, reason = "the run does not use it yet"))]

use std::{borrow::Cow, time::Duration};

use crate::{
    console::{log::Console, text::rounded},
    explain::explanation::Explanation,
};

/// Why there is no gate although SonarQube answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoGate<'a> {
    /// The task ended with this error message, if it has one.
    Failed(Option<&'a str>),
    /// The task was taken out of the queue.
    Cancelled,
    /// The task did not end within `timeout`; with its state.
    Late { state: &'a str, timeout: Duration },
    /// SonarQube computed NONE.
    NotComputed,
}

impl NoGate<'_> {
    /// The reason in a short sentence for the reviewers of the commit.
    pub(crate) fn for_commit(&self) -> String {
        match self {
            Self::Failed(Some(error)) => format!("The analysis failed: {error}"),
            Self::Failed(None) => "The analysis failed".to_owned(),
            Self::Cancelled => "The analysis was cancelled".to_owned(),
            Self::Late { state, timeout } => {
                format!("The analysis did not finish within {} s ({state})", rounded(*timeout))
            }
            Self::NotComputed => "No quality gate was computed".to_owned(),
        }
    }

    /// The line that begins with ✖.
    fn headline(&self) -> Cow<'static, str> {
        match self {
            Self::Failed(_) => "the analysis failed".into(),
            Self::Cancelled => "the analysis was cancelled".into(),
            Self::Late { timeout, .. } => {
                format!("the analysis did not finish within {} s", rounded(*timeout)).into()
            }
            Self::NotComputed => "SonarQube did not compute a quality gate".into(),
        }
    }

    /// SonarQube's answer.
    fn answered(&self) -> String {
        match self {
            Self::Failed(Some(error)) => format!("the task is FAILED, \"{error}\""),
            Self::Failed(None) => "the task is FAILED, without a reason".to_owned(),
            Self::Cancelled => "the task is CANCELED".to_owned(),
            Self::Late { state, .. } => format!("the task is {state}"),
            Self::NotComputed => "the quality gate is NONE".to_owned(),
        }
    }

    fn explain(&self) -> Explanation {
        match self {
            Self::Failed(Some(error)) if error.contains("lines of code") => Explanation::of(
                "the plan or license of SonarQube does not allow so many lines of code",
                format!(
                    "raise the limit, or analyse fewer files (sonar.exclusions), and scan again\n{TASKS}"
                ),
            ),
            Self::Failed(_) => Explanation::of(
                "SonarQube received the report of the scanner and could not process it",
                format!("{TASKS}\nremove the reason and scan again"),
            ),
            Self::Cancelled => Explanation::of(
                "somebody cancelled the task, or a newer analysis of the same pull request or branch took its place",
                format!("scan again, or look at the newer analysis\n{TASKS}"),
            ),
            Self::Late { .. } => Explanation::of(
                "SonarQube is still busy with this analysis, or with others that came before it",
                format!("pass a higher SONAR_TIMEOUT (seconds)\n{TASKS}"),
            ),
            Self::NotComputed => Explanation::of(
                "the first analysis of a project has no new code to judge; or the project has no quality gate or no definition of new code",
                "check Project Settings > New Code and Quality Gate in SonarQube; the next analysis then has a gate\nor pass ON_NO_GATE with the state to post for NONE (SUCCESSFUL, STOPPED; the default is FAILED)",
            ),
        }
    }
}

/// Where SonarQube tells more of a task.
const TASKS: &str =
    "see the Background Tasks of the project in SonarQube (Project Settings > Background Tasks)";

/// Tells the reader why there is no gate.
pub(crate) fn tell_no_gate(reason: &NoGate<'_>, console: &Console) {
    let explanation = reason.explain();
    match console.news(explanation.reasons.iter().map(|reason| &*reason.why).collect()) {
        Some(console) => {
            console.failed(reason.headline());
            console.detail("answered", reason.answered());
            explanation.tell("SonarQube", &console);
        }
        None => console.failed(format_args!("{} (as told above)", reason.headline())),
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, io, rc::Rc};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Rc<RefCell<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(reason: NoGate<'_>) -> String {
        let page = Page::default();
        tell_no_gate(&reason, &Console::new(Box::new(page.clone())));
        let bytes = page.0.borrow().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_reason_has_the_shape_of_a_refusal() {
        let error = "This project has too many lines of code. Upgrade the plan";
        for (reason, begin, names) in [
            (
                NoGate::Failed(Some(error)),
                "✖ the analysis failed\n  answered: the task is FAILED, \"This",
                "Background Tasks",
            ),
            (NoGate::Failed(Some("Fail to read the report")), "✖ the analysis failed\n", "Background Tasks"),
            (
                NoGate::Failed(None),
                "✖ the analysis failed\n  answered: the task is FAILED, without",
                "Background Tasks",
            ),
            (NoGate::Cancelled, "✖ the analysis was cancelled\n  answered: ", "Background Tasks"),
            (
                NoGate::Late { state: "in progress", timeout: Duration::from_secs(2) },
                "✖ the analysis did not finish within 2 s\n  answered: the task is in progress\n",
                "SONAR_TIMEOUT",
            ),
            (NoGate::NotComputed, "✖ SonarQube did not compute a quality gate\n  answered: ", "ON_NO_GATE"),
        ] {
            let told = told(reason);
            assert!(told.starts_with(begin), "{told}");
            for part in ["\n  why:      ", "\n  to do:    ", names] {
                assert!(told.contains(part), "{told}");
            }
            assert!(!reason.for_commit().is_empty());
        }
    }
}
