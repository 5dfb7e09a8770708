//! More statuses than a page has, and pages that lead astray.

use std::{fmt::Write as _, time::Duration};

use sandbox::Fault;
use serde_json::{Value, json};

use super::{HOUR, counted, leave, pair, present, requests, settle, standing};
use crate::run::{acme, assert_told};

#[test]
fn every_page_is_read_once() {
    for (number, pages) in [(100, 1), (101, 2), (250, 3)] {
        let sandbox = present();
        let keys: Vec<String> = (0..number).map(|key| format!("sonar-{key:03}")).collect();
        let statuses: Vec<_> = keys.iter().map(|key| (key.as_str(), "INPROGRESS", 26 * HOUR)).collect();
        leave(&sandbox, &statuses);
        let run = settle(&sandbox).set("SETTLE_KEYS", "sonar-*").run();
        assert_told(&run, 0, &[&format!(": {number} statuses ended\n")]);
        assert!(standing(&sandbox).iter().all(|(_, state)| state == "STOPPED"));
        let (reads, writes) = counted(&sandbox);
        assert_eq!(writes, number);
        // On a slow machine the list becomes older than 2 seconds.
        let lists = reads / pages;
        assert!(reads % pages == 0 && lists <= lists_max(run.took), "{reads} {:?}", run.took);
    }
}

/// How often a run that took so long may have read a list.
fn lists_max(took: Duration) -> usize {
    1 + usize::try_from(took.as_secs()).unwrap() / 2
}

/// The server answers slowly, so Gatepost reads the list again, but not for each status.
#[test]
fn a_hundred_statuses_take_few_lists() {
    let sandbox = present();
    let keys: Vec<String> = (0..100).map(|key| format!("sonar-{key:03}")).collect();
    let statuses: Vec<_> = keys.iter().map(|key| (key.as_str(), "INPROGRESS", 26 * HOUR)).collect();
    leave(&sandbox, &statuses);
    sandbox.fault_always(Fault::Delay(Duration::from_millis(50)));
    let run = settle(&sandbox).set("SETTLE_KEYS", "sonar-*").run();
    assert_told(&run, 0, &[": 100 statuses ended\n"]);
    let (lists, writes) = counted(&sandbox);
    assert!(writes == 100 && (3..=lists_max(run.took)).contains(&lists), "{lists} {:?}", run.took);
}

/// A page of one old status that leads on.
fn page(next: &str) -> Fault {
    Fault::json(200, &json!({ "values": [status("sonar")], "next": next }))
}

fn status(key: &str) -> Value {
    json!({ "key": key, "state": "INPROGRESS", "updated_on": "2020-01-01T00:00:00+00:00" })
}

#[test]
fn a_page_at_another_host_is_refused_and_the_credential_does_not_follow() {
    let (sandbox, other) = (present(), acme());
    for next in [
        other.http_url() + "/repositories/acme/api/commit/94277cd267a8/statuses?page=2",
        "https://api.bitbucket.org.evil.example/2.0/x".to_owned(),
        sandbox.http_url().replace("http:", "https:") + "/x",
        sandbox.http_url().replace("127.0.0.1", "user@127.0.0.1").replace("/2.0", "/1.0"),
        sandbox.http_url().replace("http://", "http://user:password@") + "/x",
        sandbox.http_url() + "-other/x",
        "//evil.example/2.0".to_owned(),
        "page 2".to_owned(),
    ] {
        sandbox.fault(page(&next));
        let run = settle(&sandbox).run();
        assert_told(
            &run,
            4,
            &[
                "✖ failed to list the statuses of commit ",
                "which is not Bitbucket's API: the credential is not sent there",
                "✖ acme/api commit 94277cd267a8: 0 statuses ended, 1 target without a list of statuses\n",
            ],
        );
    }
    assert_eq!((other.request_count(), counted(&sandbox)), (0, (8, 0)));
}

#[test]
fn pages_that_lead_back_end_and_nothing_is_written() {
    let sandbox = present();
    let first = || requests(&sandbox, "GET")[0].path.clone();
    sandbox.fault(page(&(sandbox.http_url() + "/repositories/acme/api/commit/94277cd267a8/statuses?page=2")));
    sandbox.fault(page(&(sandbox.http_url() + "/repositories/acme/api/commit/94277cd267a8/statuses?page=2")));
    let run = settle(&sandbox).run();
    assert_told(&run, 4, &["which was read before: the list does not end"]);
    assert_eq!(counted(&sandbox), (2, 0));
    // The first page leads to itself.
    let itself = sandbox.http_url().replace("/2.0", "") + &first();
    sandbox.fault(page(&itself));
    assert_told(&settle(&sandbox).run(), 4, &["which was read before: the list does not end"]);
    assert_eq!(counted(&sandbox), (3, 0));
}

#[test]
fn a_list_that_is_none_is_refused() {
    let sandbox = present();
    for (body, told) in [
        (json!({ "values": [{ "key": "sonar" }] }), "the answer does not have the documented format"),
        (json!({ "values": {} }), "the answer does not have the documented format"),
        (json!([]), "the answer does not have the documented format"),
        (
            json!({ "values": [{ "key": "k", "state": "FAILED", "commit": { "hash": "0123456789ab" } }] }),
            "the list has a status of commit 0123456789ab, not of 94277cd267a8",
        ),
    ] {
        sandbox.fault(Fault::json(200, &body));
        assert_told(&settle(&sandbox).run(), 4, &[told, "1 target without a list of statuses"]);
    }
    assert_eq!(counted(&sandbox).1, 0);
}

/// With another key it would be another status, and a link without its secret leads elsewhere.
#[test]
fn a_status_that_holds_a_secret_stays() {
    let sandbox = present();
    let with = |field: &str, text: &str| {
        let mut status = status(&format!("sonar-{field}"));
        status[field] = json!(text);
        status
    };
    let secret = sandbox::REPOSITORY_TOKEN;
    let held = [
        with("name", &format!("Build with {secret}")),
        with("key", &format!("sonar-{secret}")),
        with("refname", &format!("fix-{secret}")),
        with("url", "https://ci.acme.example/1?token=abcdefgh&x=1"),
        with("url", &format!("https://{secret}@ci.acme.example/1")),
    ];
    for status in held {
        sandbox.fault(Fault::json(200, &json!({ "values": [status] })));
        let run = settle(&sandbox).set("SETTLE_KEYS", "sonar-*").run();
        let told = [
            "INPROGRESS stays, because its key, branch, title or link holds a secret, which Gatepost does not send: ",
            "0 statuses ended, 1 with a secret\n",
        ];
        assert_told(&run, 0, &told);
        assert!(!run.output.contains(secret), "{}", run.output);
    }
    assert_eq!(counted(&sandbox), (5, 0));
}

/// Keys and titles are texts of others.
#[test]
fn a_text_of_the_list_cannot_forge_a_line() {
    let sandbox = present();
    let mut evil = String::from("sonar");
    let _ = write!(evil, "\n✔ done\u{1b}[31m");
    sandbox.fault(Fault::json(200, &json!({ "values": [status(&evil)] })));
    let run = settle(&sandbox).set("SETTLE_KEYS", "sonar*").run();
    assert!(!run.output.contains("\n✔ done") && !run.output.contains('\u{1b}'), "{}", run.output);
    let sent: Value = serde_json::from_str(&requests(&sandbox, "POST")[0].body).unwrap();
    assert_eq!(sent["key"], evil.as_str(), "another key would be another status");
    assert_eq!(standing(&sandbox).len(), 1);
    assert_ne!(standing(&sandbox), [pair("sonar", "STOPPED")]);
}
