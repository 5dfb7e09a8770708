//! Wrong variables of `MODE: settle` are named before anything is sent.

use super::{present, settle};
use crate::run::{assert_told, in_branch_build};

#[test]
fn each_bad_value_is_explained() {
    let sandbox = present();
    let mut told = String::new();
    for (name, value) in [
        ("SETTLE_AFTER", "0"),
        ("SETTLE_AFTER", "-1h"),
        ("SETTLE_AFTER", "1y"),
        ("SETTLE_AFTER", "tomorrow"),
        ("SETTLE_AFTER", "366d"),
        ("SETTLE_AFTER", "0m"),
        ("SETTLE_AFTER", "$AFTER"),
        ("SETTLE_STATES", "SUCCESSFUL"),
        ("SETTLE_STATES", "INPROGRESS,perhaps"),
        ("SETTLE_KEYS", "sonar-[a"),
        ("SETTLE_KEYS", ", "),
        ("SETTLE_KEYS", "a,,b"),
        ("STATE", "running"),
        ("STATE", "perhaps"),
    ] {
        let run = settle(&sandbox).set(name, value).run();
        assert_eq!(run.code, 2, "{name}={value}:\n{}", run.output);
        told += &run.output;
    }
    told += &settle(&sandbox).unset("STATE").unset("KEY").run().output;
    insta::assert_snapshot!(told, @r#"
    ✖ SETTLE_AFTER is "0", which is not a time in whole minutes, hours or days
      accepted: a whole number with m (minutes), h (hours) or d (days), from 1m to 365d, such as 90m, 24h or 7d
      to do:    pass the time after which no build of yours still writes its status, or remove SETTLE_AFTER: the default is 24h
    ✖ 1 variable is wrong; nothing was sent
    ✖ SETTLE_AFTER is "-1h", which is not a time in whole minutes, hours or days
      accepted: a whole number with m (minutes), h (hours) or d (days), from 1m to 365d, such as 90m, 24h or 7d
      to do:    pass the time after which no build of yours still writes its status, or remove SETTLE_AFTER: the default is 24h
    ✖ 1 variable is wrong; nothing was sent
    ✖ SETTLE_AFTER is "1y", which is not a time in whole minutes, hours or days
      accepted: a whole number with m (minutes), h (hours) or d (days), from 1m to 365d, such as 90m, 24h or 7d
      to do:    pass the time after which no build of yours still writes its status, or remove SETTLE_AFTER: the default is 24h
    ✖ 1 variable is wrong; nothing was sent
    ✖ SETTLE_AFTER is "tomorrow", which is not a time in whole minutes, hours or days
      accepted: a whole number with m (minutes), h (hours) or d (days), from 1m to 365d, such as 90m, 24h or 7d
      to do:    pass the time after which no build of yours still writes its status, or remove SETTLE_AFTER: the default is 24h
    ✖ 1 variable is wrong; nothing was sent
    ✖ SETTLE_AFTER is "366d", which is more than the longest time, 365d
      accepted: a whole number with m (minutes), h (hours) or d (days), from 1m to 365d, such as 90m, 24h or 7d
      to do:    pass the time after which no build of yours still writes its status, or remove SETTLE_AFTER: the default is 24h
    ✖ 1 variable is wrong; nothing was sent
    ✖ SETTLE_AFTER is "0m", which is less than the shortest time, 1m
      accepted: a whole number with m (minutes), h (hours) or d (days), from 1m to 365d, such as 90m, 24h or 7d
      to do:    pass the time after which no build of yours still writes its status, or remove SETTLE_AFTER: the default is 24h
    ✖ 1 variable is wrong; nothing was sent
    ✖ SETTLE_AFTER holds the name of a variable instead of its value (it begins with $)
      accepted: the value itself
      to do:    define the variable for the repository, the workspace or the deployment of this step, and pass it without single quotes, as in `SETTLE_AFTER: $THAT_VARIABLE`
    ✖ 1 variable is wrong; nothing was sent
    ✖ SETTLE_STATES has "SUCCESSFUL", which is green and blocks nothing
      accepted: INPROGRESS, FAILED and STOPPED, as a list or separated by commas
      to do:    name the states that are to be ended, or remove SETTLE_STATES: the default is INPROGRESS
    ✖ 1 variable is wrong; nothing was sent
    ✖ SETTLE_STATES has "perhaps", which is not a state
      accepted: INPROGRESS, FAILED and STOPPED, as a list or separated by commas
      to do:    name the states that are to be ended, or remove SETTLE_STATES: the default is INPROGRESS
    ✖ 1 variable is wrong; nothing was sent
    ✖ SETTLE_KEYS has "sonar-[a", which is not a glob: invalid range pattern
      accepted: keys or globs for keys (sonar-*, ?, [abc]), as a list or separated by commas; * is every key
      to do:    correct it; a key that itself has *, ? or [ is written with [*], [?] or [[]
    ✖ 1 variable is wrong; nothing was sent
    ✖ SETTLE_KEYS has an empty item in ","
      accepted: keys or globs for keys (sonar-*, ?, [abc]), as a list or separated by commas; * is every key
      to do:    check whether the variable that the item is taken from reaches this step; remove the comma if there is no such item
    ✖ 1 variable is wrong; nothing was sent
    ✖ SETTLE_KEYS has an empty item in "a,,b"
      accepted: keys or globs for keys (sonar-*, ?, [abc]), as a list or separated by commas; * is every key
      to do:    check whether the variable that the item is taken from reaches this step; remove the comma if there is no such item
    ✖ 1 variable is wrong; nothing was sent
    ✖ STATE is "running", which does not end a status
      accepted: SUCCESSFUL, FAILED or STOPPED
      to do:    pass STATE: STOPPED for builds of which nobody knows how they ended; FAILED blocks merging, if merge checks ask for no failed builds
    ✖ 1 variable is wrong; nothing was sent
    ✖ STATE is "perhaps", which is not a state
      accepted: SUCCESSFUL, FAILED or STOPPED
      to do:    pass STATE: STOPPED for builds of which nobody knows how they ended; FAILED blocks merging, if merge checks ask for no failed builds
    ✖ 1 variable is wrong; nothing was sent
    ✖ KEY is not set, and neither is SETTLE_KEYS: nothing says which statuses may be ended
      accepted: the key of the statuses; or SETTLE_KEYS, with keys or globs for keys such as sonar-*
      to do:    pass the KEY with which the statuses were posted, or SETTLE_KEYS
    ✖ STATE is not set, and MODE is settle: nothing says how the statuses end
      accepted: SUCCESSFUL, FAILED or STOPPED
      to do:    pass STATE: STOPPED for builds of which nobody knows how they ended; FAILED blocks merging, if merge checks ask for no failed builds
    ✖ 2 variables are wrong; nothing was sent
    "#);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn texts_that_are_not_used_are_a_warning() {
    let sandbox = present();
    let run = settle(&sandbox).set("NAME", "Build").set("URL", "https://a.example/").run();
    for name in ["NAME", "URL"] {
        assert_told(
            &run,
            0,
            &[&format!("! {name} is set but ignored: with MODE: settle, a status keeps its title")],
        );
    }
}

/// A status keeps its branch, whatever it is.
#[test]
fn a_refname_chooses_no_status() {
    let sandbox = present();
    let run = settle(&sandbox).set("REFNAME", "release").run();
    assert_told(
        &run,
        0,
        &[
            "! REFNAME is set but ignored: with MODE: settle, Gatepost looks at the statuses of all branches on the commit\n",
        ],
    );
}

/// Another mode does not read them.
#[test]
fn the_variables_of_settle_disturb_no_other_mode() {
    let sandbox = present();
    let run = in_branch_build(&sandbox).set("SETTLE_AFTER", "tomorrow").set("SETTLE_KEYS", "$KEYS").run();
    assert_told(
        &run,
        0,
        &[
            "SETTLE_KEYS holds the name of a variable",
            "it is not used in this run",
            "! SETTLE_AFTER is \"tomorrow\", which is not a time in whole minutes, hours or days; only MODE: settle uses it, and it is ignored\n",
            "✔ posted",
        ],
    );
    let run = in_branch_build(&sandbox).set("SETTLE_KEYS", "[").set("SETTLE_STATES", "passed").run();
    assert_told(&run, 0, &["! SETTLE_KEYS has \"[\"", "! SETTLE_STATES has \"passed\""]);
}

/// Nobody waits for a scan whose end nobody knows.
#[test]
fn sonarqube_is_not_asked() {
    let sandbox = present();
    let run = settle(&sandbox)
        .set("SONAR_PROJECT_KEY", "acme_api")
        .set("SONAR_HOST_URL", "not an address")
        .set("SCAN_EXIT_CODE", "1")
        .run();
    assert_told(&run, 0, &["no status to end"]);
}
