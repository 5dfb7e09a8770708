//! Build statuses: they are posted, overwritten, listed and refused.

use std::ops::Range;
use std::time::Instant;

use serde_json::{Value, json};

use crate::{
    ADMIN_EMAIL, API_TOKEN_OF_ADMIN, API_TOKEN_OF_JANE, CI_USERNAME, JANE_EMAIL, REPOSITORY_TOKEN, Reach,
    Status, World, bitbucket, service,
};

use super::{basic, bearer, ci, get, parse, post, request, send, statuses_path};

#[test]
fn posts_a_status_and_overwrites_it() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");

    let created = post(&mut world, &head, &json!({ "key": "sonar", "state": "INPROGRESS" }));
    assert_eq!(created.status, 201);
    let body = parse(&created);
    assert_eq!(body["type"], "build");
    assert_eq!(body["refname"], Value::Null);
    assert_eq!(body["commit"]["hash"], *head);
    assert_eq!(body["repository"]["full_name"], "acme/api");
    assert_eq!(body["author"]["display_name"], CI_USERNAME);

    let full = json!({
        "key": "sonar", "state": "FAILED", "name": "Sonar", "description": "red", "url": "https://ci.example/1",
    });
    assert_eq!(post(&mut world, &head[..12], &full).status, 200);
    let statuses = world.statuses("acme/api", &head);
    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0].state, "FAILED");
    assert_eq!(statuses[0].url.as_deref(), Some("https://ci.example/1"));
    assert!(statuses[0].created_on < statuses[0].updated_on);
}

#[test]
fn accepts_a_trailing_slash() {
    let mut world = World::acme();
    let path = format!("{}/", statuses_path(&world));
    let answer =
        send(&mut world, "POST", &path, Some(&ci()), Some(&json!({ "key": "k", "state": "STOPPED" })));
    assert_eq!(answer.status, 201);
}

#[test]
fn keeps_statuses_of_one_key_apart_by_refname() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    for refname in [None, Some("feature/login"), Some("other")] {
        let body = json!({ "key": "sonar", "state": "FAILED", "refname": refname });
        assert_eq!(post(&mut world, &head, &body).status, 201);
    }
    assert_eq!(world.statuses("acme/api", &head).len(), 3);

    let shown = world.pull_request_statuses("acme/api", 7);
    let refnames: Vec<_> = shown.iter().map(|status| status.refname.as_deref()).collect();
    assert_eq!(refnames, [None, Some("feature/login")]);

    let path = format!("/2.0/repositories/acme/api/commit/{head}/statuses?refname=other");
    assert_eq!(parse(&get(&mut world, &path))["size"], 2);
    assert_eq!(parse(&get(&mut world, "/2.0/repositories/acme/api/pullrequests/7/statuses"))["size"], 2);

    // Bitbucket fails when a status is changed by its key and several statuses have that key.
    let path = format!("/2.0/repositories/acme/api/commit/{head}/statuses/build/sonar");
    let change = json!({ "state": "SUCCESSFUL" });
    assert_eq!(send(&mut world, "PUT", &path, Some(&ci()), Some(&change)).status, 500);
}

#[test]
fn reads_and_changes_a_status_by_key() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    let body = json!({ "key": "a/b c", "state": "INPROGRESS", "name": "N", "refname": "feature/login" });
    let created = parse(&post(&mut world, &head, &body));
    let own = created["links"]["self"]["href"].as_str().unwrap();
    let path = own.strip_prefix("http://sandbox.test").unwrap().to_owned();
    assert_eq!(parse(&get(&mut world, &path))["key"], "a/b c");

    let change = json!({ "state": "SUCCESSFUL", "refname": null, "key": "other" });
    let changed = parse(&send(&mut world, "PUT", &path, Some(&ci()), Some(&change)));
    assert_eq!(
        (&changed["key"], &changed["state"], &changed["name"], &changed["refname"]),
        (&json!("a/b c"), &json!("SUCCESSFUL"), &json!("N"), &json!("feature/login")),
    );

    let missing = format!("/2.0/repositories/acme/api/commit/{head}/statuses/build/none");
    assert_eq!(get(&mut world, &missing).status, 404);
}

#[test]
fn lists_statuses_in_order_of_creation_and_moves_them_between_branches() {
    let mut world = World::acme();
    let [main, head] = ["main", "feature/login"].map(|branch| world.head("acme/api", branch));
    for (commit, key) in [(&head, "z"), (&main, "m"), (&head, "a"), (&head, "z")] {
        post(&mut world, commit, &json!({ "key": key, "state": "FAILED" }));
    }
    let path = format!("/2.0/repositories/acme/api/commit/{head}/statuses");
    let listed = |world: &mut World| {
        let values = parse(&get(world, &path))["values"].take();
        values.as_array().unwrap().iter().map(|status| status["key"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&mut world), ["z", "a"]);

    let change = json!({ "state": "FAILED", "refname": "feature/login" });
    let moved = send(&mut world, "PUT", &format!("{path}/build/z"), Some(&ci()), Some(&change));
    assert_eq!(moved.status, 200);
    assert_eq!(listed(&mut world), ["z", "a"]);
    assert_eq!(world.statuses("acme/api", &head)[0].refname.as_deref(), Some("feature/login"));
}

#[test]
fn refuses_bad_fields_in_the_format_of_bitbucket() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    let long_key = post(&mut world, &head, &json!({ "key": "é".repeat(48), "state": "FAILED" }));
    assert_eq!(long_key.status, 400);
    assert_eq!(
        parse(&long_key),
        json!({ "type": "error", "error": {
            "message": "key: Ensure this value has at most 40 characters (it has 48).",
            "fields": { "key": ["Ensure this value has at most 40 characters (it has 48)."] },
        } }),
    );

    let problem = |world: &mut World, field: &str, value: Value| {
        let mut body = json!({ "key": "é".repeat(40), "state": "FAILED" });
        body[field] = value;
        let answer = post(world, &head, &body);
        (answer.status == 400)
            .then(|| parse(&answer)["error"]["fields"][field][0].as_str().unwrap().to_owned())
    };
    for accepted in [
        "https://ci.example/a?b=c#d",
        "http://10.0.0.7:8080/",
        "http://[2001:db8::1]/",
        "http://jenkins.local:8080/job",
        "https://ci.example/{repository.full_name}",
    ] {
        assert_eq!(problem(&mut world, "url", json!(accepted)), None, "{accepted}");
    }
    for refused in [
        "http://localhost:9000/",
        "http://jenkins:8080/",
        "ftp://ci.example/",
        "ci.example",
        "https://ci .example",
    ] {
        assert_eq!(
            problem(&mut world, "url", json!(refused)).as_deref(),
            Some("Enter a valid URL."),
            "{refused}"
        );
    }
    for field in ["name", "description"] {
        assert_eq!(problem(&mut world, field, json!("x".repeat(255))), None);
        let long = problem(&mut world, field, json!("x".repeat(256)));
        assert_eq!(long.as_deref(), Some("Ensure this value has at most 255 characters (it has 256)."));
    }
    assert!(problem(&mut world, "state", json!("CANCELLED")).is_some());
    assert!(problem(&mut world, "state", json!("successful")).is_some());
    assert!(problem(&mut world, "state", Value::Null).is_some());
    assert!(problem(&mut world, "key", json!("")).is_some());
    assert!(problem(&mut world, "key", json!(7)).is_some());

    let both = parse(&post(&mut world, &head, &json!({})));
    assert_eq!(both["error"]["message"], "Bad request");
    assert_eq!(both["error"]["fields"].as_object().unwrap().len(), 2);
}

#[test]
fn requires_json_with_its_content_type() {
    let mut world = World::acme();
    let path = statuses_path(&world);
    for (kind, body) in [
        ("text/plain", r#"{"key":"k","state":"FAILED"}"#),
        ("application/json", "key=k&state=FAILED"),
        ("application/json", "[]"),
    ] {
        let mut request = request("POST", &path, Some(&ci()), None);
        request.headers.insert("content-type", kind.parse().unwrap());
        request.body = body.into();
        assert_eq!(bitbucket::answer(&mut world, &request).status, 400, "{kind} {body}");
    }
}

#[test]
fn only_the_creator_and_administrators_overwrite() {
    let mut world = World::acme();
    let head = world.head("jane/api", "patch-1");
    let path = format!("/2.0/repositories/jane/api/commit/{head}/statuses/build");
    let body = json!({ "key": "sonar", "state": "FAILED" });
    assert_eq!(send(&mut world, "POST", &path, Some(&ci()), Some(&body)).status, 201);
    let jane = basic(JANE_EMAIL, API_TOKEN_OF_JANE);
    let admin_of_acme = basic(ADMIN_EMAIL, API_TOKEN_OF_ADMIN);
    assert_eq!(send(&mut world, "POST", &path, Some(&admin_of_acme), Some(&body)).status, 403);
    assert_eq!(send(&mut world, "POST", &path, Some(&jane), Some(&body)).status, 200);
    assert_eq!(world.statuses("jane/api", &head)[0].author.display_name, CI_USERNAME);
}

#[test]
fn a_rotated_access_token_is_another_author() {
    let mut world = World::acme();
    let path = statuses_path(&world);
    let body = json!({ "key": "sonar", "state": "FAILED" });
    assert_eq!(send(&mut world, "POST", &path, Some(&bearer(REPOSITORY_TOKEN)), Some(&body)).status, 201);
    world.revoke(REPOSITORY_TOKEN).add_access_token(
        "new",
        Reach::Repository("acme/api".to_owned()),
        &["repository"],
    );
    assert_eq!(send(&mut world, "POST", &path, Some(&bearer(REPOSITORY_TOKEN)), Some(&body)).status, 401);
    assert_eq!(send(&mut world, "POST", &path, Some(&bearer("new")), Some(&body)).status, 403);
}

#[test]
fn statuses_stay_on_the_old_commit_after_a_push() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    post(&mut world, &head, &json!({ "key": "sonar", "state": "FAILED" }));
    assert_eq!(world.pull_request_statuses("acme/api", 7).len(), 1);
    world.push("acme/api", "feature/login");
    assert_eq!(world.pull_request_statuses("acme/api", 7), []);
}

#[test]
fn splits_lists_into_pages() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    for number in 0..12 {
        post(&mut world, &head, &json!({ "key": format!("k{number}"), "state": "FAILED" }));
    }
    let path = format!("/2.0/repositories/acme/api/commit/{head}/statuses");
    let first = parse(&get(&mut world, &format!("{path}?refname=main")));
    assert_eq!(
        (&first["size"], &first["pagelen"], first["values"].as_array().unwrap().len()),
        (&json!(12), &json!(10), 10)
    );
    let next = first["next"].as_str().unwrap();
    assert_eq!(next, format!("http://sandbox.test{path}?refname=main&page=2"));
    let second = parse(&get(&mut world, next.strip_prefix("http://sandbox.test").unwrap()));
    assert_eq!(second["values"].as_array().unwrap().len(), 2);
    assert_eq!(second.get("next"), None);
    for refused in ["pagelen=101", "pagelen=0", "page=0", "page=x"] {
        assert_eq!(get(&mut world, &format!("{path}?{refused}")).status, 400, "{refused}");
    }
}

/// Only the fastest hundreds are compared, because a busy machine does not slow all of them down.
#[test]
fn the_ten_thousandth_status_takes_less_than_twice_as_long_as_the_first() {
    let mut world = World::fleet(10_000);
    let ci = ci();
    let report = |world: &mut World, slug: &str, key: &str| {
        let path = format!("/2.0/repositories/acme/{slug}/pullrequests/1");
        let pull_request = parse(&send(world, "GET", &path, Some(&ci), None));
        let commit = pull_request["source"]["commit"]["hash"].as_str().unwrap();
        let path = format!("/2.0/repositories/acme/{slug}/commit/{commit}/statuses/build");
        let body = json!({ "key": key, "state": "FAILED" });
        assert_eq!(send(world, "POST", &path, Some(&ci), Some(&body)).status, 201);
    };
    let fastest = |hundreds: Range<usize>, report: &mut dyn FnMut(usize)| {
        let took = hundreds.map(|hundred| {
            let begun = Instant::now();
            (1..=100).for_each(|number| report(hundred * 100 + number));
            begun.elapsed()
        });
        took.min().unwrap()
    };

    let mut one_each = |number: usize| report(&mut world, &service(number), "sonar");
    let (first, last) = (fastest(0..5, &mut one_each), fastest(95..100, &mut one_each));
    assert!(last < first * 2, "one each: a hundred took {first:?}, then {last:?}");

    let first = fastest(0..5, &mut |number| report(&mut world, "service-001", &format!("k{number}")));
    let present = world.pull_request_statuses("acme/service-001", 1).remove(0);
    let statuses = &mut world.repository_mut("acme/service-001").statuses;
    for number in 501..=9500 {
        statuses.write(None, Status { key: format!("k{number}"), ..present.clone() });
    }
    let last = fastest(95..100, &mut |number| report(&mut world, "service-001", &format!("k{number}")));
    assert!(last < first * 2, "all on one commit: a hundred took {first:?}, then {last:?}");
}
