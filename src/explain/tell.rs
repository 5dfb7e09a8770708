//! How the reader is told of a refusal: what was sent, what came back, why, and what to do.

use std::fmt;

use crate::{
    bitbucket,
    console::log::Console,
    explain::{
        bitbucket::{STOPPED_OVER, explain as explain_bitbucket},
        explanation::{Explanation, Reason},
        no_verdict::NoVerdict,
        sonarqube::explain as explain_sonarqube,
    },
    http::failed_request::FailedRequest,
    sonarqube,
};

/// A refusal of either service.
pub(crate) trait Refused: fmt::Display {
    /// The request that failed.
    fn failed(&self) -> &FailedRequest;
    /// Why it failed, and what to do.
    fn explain(&self) -> Explanation;
    /// What stands on the commit although the request failed.
    fn left_on_commit(&self) -> Option<&'static str> {
        None
    }
}

impl Refused for bitbucket::refusal::Refusal {
    fn failed(&self) -> &FailedRequest {
        &self.failed
    }

    fn explain(&self) -> Explanation {
        explain_bitbucket(self)
    }

    fn left_on_commit(&self) -> Option<&'static str> {
        self.is_stopped_over.then_some(STOPPED_OVER)
    }
}

impl Refused for sonarqube::refusal::Refusal {
    fn failed(&self) -> &FailedRequest {
        &self.failed
    }

    fn explain(&self) -> Explanation {
        explain_sonarqube(self)
    }
}

/// Tells the reader of a refusal. With many targets only the first of the same kind is told in full.
pub(crate) fn tell(refusal: &impl Refused, console: &Console) {
    let explanation = refusal.explain();
    let kind =
        |reason: &Reason| reason.trouble.map_or_else(|| reason.why.to_string(), |it| it.title.to_owned());
    let kinds: Vec<String> = explanation.reasons.iter().map(kind).collect();
    let status_code = refusal.failed().status_code().map(|code| code.as_u16());
    match console.news(format!("{status_code:?} {}", kinds.join("\n"))) {
        Some(console) => tell_in_full(refusal, &explanation, &console),
        None => console.failed(format_args!("{refusal} (as told above)")),
    }
    if let Some(left) = refusal.left_on_commit() {
        console.detail("left", left);
    }
}

/// Warns of a refusal that keeps something away that the run can do without. With many targets only the first of the same
/// kind is told in full.
pub(crate) fn warn(what: impl fmt::Display, refusal: &impl Refused, console: &Console) {
    let explanation = refusal.explain();
    let kinds: Vec<&str> = explanation.reasons.iter().map(|reason| &*reason.why).collect();
    let Some(news) = console.news(format!("warning {}", kinds.join("\n"))) else {
        return console.warning(format_args!("{what}: {refusal} (as told above)"));
    };
    news.warning(format_args!("{what}: {refusal}"));
    news.detail("answered", refusal.failed().answered());
    explanation.tell(refusal.failed().service, &news);
}

/// Tells the reader why there is no verdict. With many targets only the first of the same kind is told in full.
pub(crate) fn tell_no_verdict(reason: &NoVerdict, console: &Console) {
    let explanation = reason.explain();
    let kinds: Vec<&str> = explanation.reasons.iter().map(|reason| &*reason.why).collect();
    let Some(console) = &console.news(kinds.join("\n")) else {
        return console.failed(format_args!("{reason} (as told above)"));
    };
    console.failed(reason);
    if let Some(answered) = reason.answered() {
        console.detail("answered", answered);
    }
    explanation.tell("SonarQube", console);
}

fn tell_in_full(refusal: &impl Refused, explanation: &Explanation, console: &Console) {
    let failed = refusal.failed();
    console.failed(refusal);
    console.detail("sent", failed.sent());
    console.detail("answered", failed.answered());
    explanation.tell(failed.service, console);
}

impl Explanation {
    /// Prints the reasons and the remedies. `service` does not say which reason it is, when there are several.
    pub(crate) fn tell(&self, service: impl fmt::Display, console: &Console) {
        let Self { reasons, otherwise, again, address } = self;
        if let Some(address) = address {
            console.detail("address", address);
        }
        let are_several = reasons.len() > 1;
        if are_several {
            console.detail(
                "why",
                format_args!("{service} does not say; these reasons are possible, likeliest first"),
            );
        }
        for (number, Reason { why, remedy, .. }) in (1..).zip(reasons) {
            let number = if are_several { format!(" {number}") } else { String::new() };
            console.detail(&format!("why{number}"), why);
            console.details(&format!("to do{number}"), remedy);
        }
        if let Some(Reason { why, remedy, .. }) = otherwise {
            console.detail("else", why);
            console.details("then", remedy);
        }
        if let Some(again) = again {
            console.detail("again", again);
        }
    }
}
