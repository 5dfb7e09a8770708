//! Files of scanners, webhooks and earlier runs.

use secrecy::SecretString;
use serde_json::Value;

use super::{
    Log,
    answers::{says_ok, with_sonarqube},
    check_status,
};
use crate::{
    config::{
        findings::Findings,
        report_task::{Analysis, End, decoded},
        status::StatusPlan,
        variables::Variables,
    },
    http::authorization::Authorization,
    model::{
        analysis::Subject,
        outcome::Outcome,
        state::State,
        status::Status,
        target::{CommitHash, Repository, Target},
        verdict::Verdict,
    },
    run::{
        report,
        result_file::{EarlierRuns, Record, RecordedTarget},
    },
    sonarqube::{
        advice::AdvisoryConditions,
        gate::{Condition, Level},
    },
};

/// What is wrong with a file is one sentence.
const WRONG_MAX_CHARS: usize = 300;

/// `report-task.txt`: the task is asked for at the server of the file, over http or https.
pub fn report_task(text: &[u8]) {
    match Analysis::of_bytes(text.to_vec(), false) {
        Err(wrong) => check_wrong(&wrong),
        Ok(Analysis { project, dashboard, end, .. }) => {
            let End::Ask { server, version, task } = end else { panic!("only a webhook has an end") };
            for text in
                [Some(&task), project.as_ref(), dashboard.as_ref(), version.as_ref()].into_iter().flatten()
            {
                assert!(!text.is_empty());
                Log::new(&[]).check(text);
            }
            let Some(server) = server else { return };
            assert!(["http", "https"].contains(&server.scheme()) && server.host().is_some(), "{server}");
            assert!(server.username().is_empty() && server.password().is_none(), "{server}");
            let token = SecretString::from("squ_0123456789abcdef0123456789abcdef01234567");
            let authorization = Authorization::bearer(token, String::new());
            with_sonarqube(&server, &authorization, |sonarqube| {
                let asked = sonarqube.url("api/ce/task", &[("id", &task)]);
                assert_eq!(asked.origin(), server.origin());
                assert!(asked.path().ends_with("/api/ce/task"), "{asked}");
                assert!(asked.query_pairs().eq([("id".into(), task.as_str().into())]), "{asked}");
            });
        }
    }
}

/// The JSON of a webhook: a status is green only if the gate itself says `OK`, or if only advisory conditions failed. The
/// status is within the limits of Bitbucket.
pub fn webhook(text: &[u8]) {
    let analysis = match Analysis::of_bytes(text.to_vec(), true) {
        Err(wrong) => return check_wrong(&wrong),
        Ok(analysis) => analysis,
    };
    let End::Gate(webhook) = &analysis.end else { return };
    let server = webhook.server.as_ref();
    assert!(server.is_none_or(|server| ["http", "https"].contains(&server.scheme())));
    let gate = &webhook.gate;
    if gate.level == Level::Ok {
        let json = decoded(text.to_vec()).expect("it was read as text");
        let json: Value =
            serde_json::from_str(json.trim_start_matches('\u{feff}').trim()).expect("it is JSON");
        assert!(says_ok(&json["qualityGate"]) && json["status"] == "SUCCESS", "{json}");
    }
    let subject = analysis.subject.as_ref().map(Subject::words).unwrap_or_default();
    let log = Log::new(&[]);
    report::gate(gate, &subject, &log.console);
    log.read();
    check_status(&status_of(&gate.words(&subject, 255), analysis.project.clone(), None));
    let advised = AdvisoryConditions::new(vec![glob::Pattern::new("*").expect("it is a glob")])
        .applied_to(gate.clone());
    if advised.level == Level::Advice {
        assert_eq!(gate.level, Level::Error);
        assert!(gate.conditions.iter().any(|condition| condition.level == Level::Error));
        let is_explained =
            |it: &Condition| it.level != Level::Unknown && (it.level != Level::Error || it.has_metric_key());
        assert!(gate.conditions.iter().all(is_explained));
    } else {
        assert_eq!(gate.level, advised.level);
    }
    report::gate(&advised, &subject, &log.console);
    log.read();
    check_status(&status_of(&advised.words(&subject, 255), analysis.project, None));
}

/// Lines of `RESULT_FILE`: the status that is written is recalled, and no other.
pub fn result_file(text: &[u8]) {
    let mut earlier = EarlierRuns::default();
    let lines = text.split(|byte| *byte == b'\n');
    let count = lines.clone().count();
    lines.for_each(|line| earlier.read_line(line));
    assert!(earlier.unreadable <= count);

    let words = String::from_utf8_lossy(text);
    let status = status_of(&words, Some(words.clone().into_owned()), Some(words.clone().into_owned()));
    let target = target(status.refname.clone());
    let record = Record {
        target: RecordedTarget::new(None, Some(&target)).expect("there is a target"),
        status: Some(&status),
        outcome: "delivered",
        exit_code: 0,
        reason: None,
    };
    let line = serde_json::to_vec(&record).expect("a record has a JSON form");
    assert!(!line.contains(&b'\n'), "a record is one line");
    let unreadable = earlier.unreadable;
    earlier.read_line(&line);
    assert_eq!(earlier.unreadable, unreadable);
    assert!(earlier.has_delivered(&target, &status));
    assert!(!earlier.has_delivered(&target, &status.stopped()));

    // The same status, refused later, no longer stands.
    let refused = Record { outcome: "refused", exit_code: 4, ..record };
    earlier.read_line(&serde_json::to_vec(&refused).expect("a record has a JSON form"));
    assert!(!earlier.has_delivered(&target, &status));
}

fn check_wrong(wrong: &str) {
    assert!(!wrong.is_empty() && wrong.chars().count() <= WRONG_MAX_CHARS, "{wrong}");
    Log::new(&[]).check(wrong);
}

fn target(refname: Option<String>) -> Target {
    Target {
        repository: Repository::from_full_name("acme/api").expect("it is a name"),
        commit: CommitHash::parse("8d081548cabb").expect("it is a hash"),
        refname,
    }
}

/// The status of a verdict with these words.
pub(super) fn status_of(words: &str, project: Option<String>, refname: Option<String>) -> Status {
    let plan = StatusPlan::from_variables(&Variables::default(), &mut Findings::default());
    let key = plan.key_for(project.as_deref());
    let verdict = Verdict {
        state: State::Failed,
        words: words.to_owned(),
        project,
        link: None,
        outcome: Outcome::Done,
        analysis: None,
        draft: None,
    };
    plan.status(&verdict, &target(refname), key, false)
}
