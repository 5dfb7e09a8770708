//! Statuses that another credential created.

use sandbox::{API_TOKEN, Fault};
use serde_json::{Value, json};

use super::{BRANCH, HOUR, counted, leave, left, pair, present, settle, standing};
use crate::run::{Folder, assert_told};

/// Its creator is in the list, so nobody is asked who created it.
#[test]
fn a_status_of_another_credential_is_told_and_tried_once() {
    let (sandbox, folder) = (present(), Folder::new());
    leave(&sandbox, &[("sonar-a", "INPROGRESS", 26 * HOUR)]);
    sandbox.world(|world| {
        for key in ["sonar-b", "sonar-c"] {
            let mut status = left(world, key, "INPROGRESS", 26 * HOUR);
            status.author = world.account_of(API_TOKEN);
            world.add_status("acme/api", status);
        }
    });
    let run = settle(&sandbox)
        .within(folder.path())
        .set("SETTLE_KEYS", "sonar-*")
        .set("RESULT_FILE", "results.jsonl")
        .run();
    assert_told(
        &run,
        4,
        &[
            "✔ key sonar-a, branch feature/login: INPROGRESS is STOPPED now: 26 hours old",
            "✖ key sonar-b, branch feature/login: failed to post the status: Bitbucket answered 403 Forbidden\n",
            "this status was probably created with another credential: by the user \"acme-ci\" on ",
            "✖ key sonar-b, branch feature/login: INPROGRESS stays: 26 hours old, created by the user \"acme-ci\" on ",
            "✖ key sonar-c, branch feature/login: failed to post the status: Bitbucket answered 403 Forbidden (as told above)\n",
            "✖ acme/api commit 94277cd267a8: 1 status ended, 2 not ended\n",
        ],
    );
    assert_eq!(counted(&sandbox), (1, 3));
    assert_eq!(
        standing(&sandbox),
        [pair("sonar-a", "STOPPED"), pair("sonar-b", "INPROGRESS"), pair("sonar-c", "INPROGRESS")]
    );
    let lines: Vec<Value> =
        folder.read("results.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcomes: Vec<_> = lines.iter().map(|line| (&line["outcome"], &line["exit_code"])).collect();
    let (delivered, refused) = (json!("delivered"), json!("refused"));
    assert_eq!(outcomes, [(&delivered, &json!(0)), (&refused, &json!(4)), (&refused, &json!(4))]);
}

#[test]
fn an_admin_ends_the_status_of_another_credential() {
    let sandbox = present();
    leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
    let run = settle(&sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::ADMIN_EMAIL)
        .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN_OF_ADMIN)
        .run();
    assert_told(&run, 0, &["created by the access token \"Repository access token\"", "1 status ended"]);
    assert_eq!(standing(&sandbox), [pair("sonar", "STOPPED")]);
}

/// A page with the status `sonar`, with more fields.
fn listed(fields: Value) -> Fault {
    let mut status = json!({ "key": "sonar", "state": "INPROGRESS", "refname": BRANCH });
    let Value::Object(fields) = fields else { panic!("{fields} is no object") };
    status.as_object_mut().unwrap().extend(fields);
    Fault::json(200, &json!({ "values": [status] }))
}

#[test]
fn a_status_without_a_date_stays_and_one_without_a_creator_is_ended() {
    let sandbox = present();
    leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
    let long_ago = "2020-01-01T00:00:00+00:00";
    for fields in [
        json!({}),
        json!({ "created_on": null, "updated_on": null, "author": null }),
        json!({ "created_on": "yesterday", "updated_on": "soon" }),
        // The last write is not known, and may be a minute ago.
        json!({ "created_on": long_ago, "updated_on": "" }),
    ] {
        sandbox.fault(listed(fields.clone()));
        let run = settle(&sandbox).run();
        let stays = "! key sonar, branch feature/login: INPROGRESS stays, because Bitbucket names no date and its age is not known: ";
        assert_told(
            &run,
            0,
            &[stays, "✔ acme/api commit 94277cd267a8: 0 statuses ended, 1 without a date\n"],
        );
        assert_eq!(standing(&sandbox), [pair("sonar", "INPROGRESS")], "{fields}");
    }
    sandbox.fault(listed(json!({ "created_on": long_ago, "updated_on": null, "author": null })));
    let run = settle(&sandbox).run();
    assert_told(&run, 0, &[" days old, and Bitbucket does not name its creator", "1 status ended"]);
    assert_eq!(standing(&sandbox), [pair("sonar", "STOPPED")]);
}

#[test]
fn a_state_that_is_not_known_stays() {
    let sandbox = present();
    leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
    sandbox.fault(listed(json!({ "state": "PAUSED", "updated_on": "2020-01-01T00:00:00+00:00" })));
    assert_told(&settle(&sandbox).run(), 0, &["no status to end"]);
    assert_eq!(counted(&sandbox), (1, 0));
}
