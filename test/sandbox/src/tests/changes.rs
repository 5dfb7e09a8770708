//! What happens to a world after it was made, and the ways in which Bitbucket answers then.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use serde_json::{Value, json};

use crate::message::{Answer, Request};
use crate::{
    API_TOKEN, CI_EMAIL, CI_USERNAME, Closed, Consumer, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET,
    REPOSITORY_TOKEN, WORKSPACE_TOKEN, World, bitbucket, uuid,
};

const HEADS: [&str; 2] = ["main", "feature/login"];

#[test]
fn a_consumer_gets_a_token_that_stands_for_its_workspace() {
    let mut world = World::acme();
    let granted = grant(&mut world, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET);
    assert_eq!(granted.status, 200);
    let granted = parse(&granted);
    assert_eq!(
        (&granted["token_type"], &granted["expires_in"], &granted["scopes"]),
        (&json!("bearer"), &json!(7200), &json!("repository pullrequest"))
    );
    let token = granted["access_token"].as_str().unwrap();
    assert_eq!(world.oauth_tokens(), [token]);

    let head = world.head("acme/web", "main");
    let body = json!({ "key": "sonar", "state": "INPROGRESS" });
    let created = post(&mut world, "acme/web", &head, token, &body);
    assert_eq!(created.status, 201);
    assert_eq!(parse(&created)["author"]["display_name"], "acme");
    assert_eq!(header(&created, "x-credential-type"), Some("oauth2"));
    assert_eq!(header(&created, "x-oauth-scopes"), Some("repository, pullrequest"));
    assert_eq!(header(&created, "x-ratelimit-limit"), None, "only access tokens are told");

    // Another token of the consumer is the same author; an access token is another one.
    let again = parse(&grant(&mut world, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET));
    let second = again["access_token"].as_str().unwrap();
    assert_ne!(second, token);
    assert_eq!(post(&mut world, "acme/web", &head, second, &body).status, 200);
    assert_eq!(post(&mut world, "acme/web", &head, WORKSPACE_TOKEN, &body).status, 403);

    // It reads pull requests and public repositories, and nothing private of others.
    assert_eq!(get(&mut world, "/2.0/repositories/acme/api/pullrequests/9", token).status, 200);
    assert_eq!(get(&mut world, "/2.0/repositories/jane/api", token).status, 200);
    world.set_private("jane/api", true);
    assert_eq!(get(&mut world, "/2.0/repositories/jane/api", token).status, 404);
}

#[test]
fn a_repository_may_be_deleted_between_two_requests() {
    let mut world = World::acme();
    world.delete_repository_after("acme/api", 2);
    let asked = || get(&mut world, "/2.0/repositories/acme/api", WORKSPACE_TOKEN).status;
    let statuses: Vec<u16> = std::iter::repeat_with(asked).take(3).collect();
    assert_eq!(statuses, [200, 200, 404]);
    assert_eq!(get(&mut world, "/2.0/repositories/acme/web", WORKSPACE_TOKEN).status, 200);
}

#[test]
fn a_consumer_that_lacks_something_gets_no_token() {
    let refused = |consumer: Consumer, secret: &str| {
        let mut world = World::acme();
        world.add_consumer(consumer);
        let answer = grant(&mut world, OAUTH_CLIENT_ID, secret);
        assert!(world.oauth_tokens().is_empty());
        let body = parse(&answer);
        (answer.status, body["error"].as_str().unwrap().to_owned(), body["error_description"].clone())
    };
    let public = Consumer { is_private: false, ..Consumer::acme() };
    let (status, error, description) = refused(public, OAUTH_CLIENT_SECRET);
    assert_eq!((status, error.as_str()), (400, "invalid_grant"));
    assert!(
        description
            .as_str()
            .unwrap()
            .starts_with("Cannot use client_credentials with a consumer marked as \"public\".")
    );

    let without_callback = Consumer { has_callback: false, ..Consumer::acme() };
    assert_eq!(
        refused(without_callback, OAUTH_CLIENT_SECRET),
        (400, "invalid_request".to_owned(), json!("No callback uri defined for the OAuth client."))
    );
    let invalid = (400, "unauthorized_client".to_owned(), json!("Invalid OAuth client credentials"));
    assert_eq!(refused(Consumer::acme(), "wrong"), invalid);

    let mut world = World::acme();
    let other = send(&mut world, "POST", "/site/oauth2/access_token", None, "grant_type=client_credentials");
    assert_eq!(parse(&other)["error"], "unauthorized_client");
    let client = basic(OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET);
    let other = send(&mut world, "POST", "/site/oauth2/access_token", Some(&client), "grant_type=password");
    assert_eq!(parse(&other)["error"], "unsupported_grant_type");
    assert_eq!(send(&mut world, "GET", "/site/oauth2/access_token", Some(&client), "").status, 403);
}

#[test]
fn a_consumers_token_ends() {
    let path = "/2.0/repositories/acme/api";
    let mut world = World::acme();
    world.add_consumer(Consumer { token_requests: Some(2), ..Consumer::acme() });
    let token = token(&mut world);
    let answers = [(); 3].map(|()| get(&mut world, path, &token));
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 200, 401]);
    assert_eq!(parse(&answers[2])["error"]["message"], "Access token expired.");

    world.add_consumer(Consumer { token_life: Duration::ZERO, ..Consumer::acme() });
    let at_once = self::token(&mut world);
    assert_eq!(get(&mut world, path, &at_once).status, 401);

    world.add_consumer(Consumer::acme());
    let third = self::token(&mut world);
    assert_eq!(get(&mut world, path, &third).status, 200);
    world.expire_oauth_tokens();
    assert_eq!(get(&mut world, path, &third).status, 401);

    let fourth = self::token(&mut world);
    world.delete_consumer(OAUTH_CLIENT_ID);
    let answer = get(&mut world, path, &fourth);
    assert_eq!(answer.status, 401);
    assert!(parse(&answer)["error"]["message"].as_str().unwrap().starts_with("Token is invalid"));
    assert_eq!(grant(&mut world, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET).status, 400);
}

#[test]
fn a_consumer_without_scopes_is_refused_in_their_words() {
    let mut world = World::acme();
    world.add_consumer(Consumer { scopes: vec!["webhook".to_owned()], ..Consumer::acme() });
    let token = token(&mut world);
    let answer = get(&mut world, "/2.0/repositories/acme/api", &token);
    assert_eq!(answer.status, 403);
    assert_eq!(
        parse(&answer)["error"]["detail"],
        json!({ "required": ["repository"], "granted": ["webhook"] })
    );
}

#[test]
fn all_tokens_of_a_consumer_share_its_allowance() {
    let mut world = World::acme();
    let [first, second] = [(); 2].map(|()| token(&mut world));
    world.set_allowance(OAUTH_CLIENT_ID, 2);
    let path = "/2.0/repositories/acme/api";
    let statuses = [&first, &second, &first].map(|token| get(&mut world, path, token).status);
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(get(&mut world, path, REPOSITORY_TOKEN).status, 200);
}

#[test]
fn a_pushed_commit_is_known_after_some_requests() {
    let mut world = World::acme();
    let [main, head] = HEADS.map(|branch| world.head("acme/api", branch));
    world.know_commit_after("acme/api", &head, 2);
    let pull_request = parse(&get(&mut world, "/2.0/repositories/acme/api/pullrequests/7", REPOSITORY_TOKEN));
    assert_eq!(pull_request["source"]["commit"]["hash"], head[..12]);
    let body = json!({ "key": "k", "state": "FAILED" });
    let refused = post(&mut world, "acme/api", &head[..12], REPOSITORY_TOKEN, &body);
    assert_eq!(parse(&refused)["error"]["message"], "Commit not found");
    assert_eq!(post(&mut world, "acme/api", &main, REPOSITORY_TOKEN, &body).status, 201, "another one");
    let path = format!("/2.0/repositories/acme/api/commit/{head}");
    assert_eq!(get(&mut world, &path, REPOSITORY_TOKEN).status, 404);
    assert_eq!(post(&mut world, "acme/api", &head, REPOSITORY_TOKEN, &body).status, 201);
}

#[test]
fn a_commit_that_was_force_pushed_away_is_gone() {
    let mut world = World::acme();
    let gone = world.head("acme/api", "feature/login");
    let head = world.force_push("acme/api", "feature/login");
    let path = |commit: &str| format!("/2.0/repositories/acme/api/commit/{commit}");
    assert_eq!(get(&mut world, &path(&gone), REPOSITORY_TOKEN).status, 404);
    assert_eq!(get(&mut world, &path(&head), REPOSITORY_TOKEN).status, 200);
    let pull_request = parse(&get(&mut world, "/2.0/repositories/acme/api/pullrequests/7", REPOSITORY_TOKEN));
    assert_eq!(pull_request["source"]["commit"]["hash"], head[..12]);
    // One that another branch has stays.
    let main = world.head("acme/api", "main");
    world.add_branch("acme/api", "copy", &main);
    world.force_push("acme/api", "copy");
    assert_eq!(get(&mut world, &path(&main), REPOSITORY_TOKEN).status, 200);
}

#[test]
fn a_pull_request_that_ended_keeps_its_head() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    let merge = world.merge_pull_request("acme/api", 7);
    world.push("acme/api", "feature/login");
    let path = "/2.0/repositories/acme/api/pullrequests/7";
    let merged = parse(&get(&mut world, path, REPOSITORY_TOKEN));
    assert_eq!(
        (&merged["state"], &merged["source"]["commit"]["hash"], &merged["merge_commit"]["hash"]),
        (&json!("MERGED"), &json!(head[..12]), &json!(merge))
    );
    assert_eq!(world.head("acme/api", "main"), merge);
    world.decline_pull_request("acme/api", 9);
    let declined = parse(&get(&mut world, "/2.0/repositories/acme/api/pullrequests/9", REPOSITORY_TOKEN));
    assert_eq!((&declined["state"], &declined["merge_commit"]), (&json!("DECLINED"), &Value::Null));
    assert_eq!(declined["source"]["commit"]["hash"], world.head("jane/api", "patch-1")[..12]);
}

#[test]
fn a_pull_request_whose_source_is_gone_has_no_commit() {
    let mut world = World::acme();
    world.delete_source_repository("acme/api", 9).delete_source_branch("acme/api", 7);
    let source = |world: &mut World, id: u64| {
        let path = format!("/2.0/repositories/acme/api/pullrequests/{id}");
        parse(&get(world, &path, REPOSITORY_TOKEN))["source"].take()
    };
    let of_fork = source(&mut world, 9);
    assert_eq!((&of_fork["commit"], &of_fork["repository"]), (&Value::Null, &Value::Null));
    assert_eq!(of_fork["branch"]["name"], "patch-1");
    let of_branch = source(&mut world, 7);
    assert_eq!(
        (&of_branch["commit"], &of_branch["repository"]["full_name"]),
        (&Value::Null, &json!("acme/api"))
    );
}

#[test]
fn a_renamed_repository_sends_clients_on() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    world.rename_repository("acme/api", "acme/new-name");
    let body = json!({ "key": "k", "state": "FAILED" });
    let answer = post(&mut world, "acme/api", &head, REPOSITORY_TOKEN, &body);
    let path = format!("/2.0/repositories/acme/new-name/commit/{head}/statuses/build");
    assert_eq!(
        (answer.status, header(&answer, "location")),
        (301, Some(&*format!("http://sandbox.test{path}")))
    );
    assert!(world.statuses("acme/new-name", &head).is_empty());
    assert_eq!(post(&mut world, "acme/new-name", &head, REPOSITORY_TOKEN, &body).status, 201);
    let answer = get(&mut world, "/2.0/repositories/acme/api?fields=full_name", REPOSITORY_TOKEN);
    let there = "http://sandbox.test/2.0/repositories/acme/new-name";
    assert_eq!((answer.status, header(&answer, "location")), (301, Some(there)));
    let moved = parse(&get(&mut world, "/2.0/repositories/acme/new-name/pullrequests/7", REPOSITORY_TOKEN));
    assert_eq!(moved["source"]["repository"]["full_name"], "acme/new-name");
    // Who does not see it is not told where it is.
    assert_eq!(get(&mut world, "/2.0/repositories/acme/api", "no such token").status, 401);
    let answer = send(&mut world, "GET", "/2.0/repositories/acme/api", None, "");
    assert_eq!(answer.status, 404);
}

#[test]
fn a_repository_may_answer_under_another_name() {
    let mut world = World::acme();
    world.rename_repository_silently("acme/api", "acme/new-name");
    let answer = parse(&get(&mut world, "/2.0/repositories/acme/api", REPOSITORY_TOKEN));
    assert_eq!(answer["full_name"], "acme/new-name");
    let head = world.head("acme/new-name", "feature/login");
    let body = json!({ "key": "k", "state": "FAILED" });
    let answer = post(&mut world, "acme/api", &head, REPOSITORY_TOKEN, &body);
    assert_eq!((answer.status, &parse(&answer)["repository"]["full_name"]), (201, &json!("acme/new-name")));
}

#[test]
fn uuids_in_braces_name_what_they_are_of() {
    let mut world = World::acme();
    let encode = |uuid: String| uuid.replace('{', "%7B").replace('}', "%7D");
    let (workspace, repository) = (encode(uuid("acme")), encode(uuid("acme/api")));
    for path in
        [format!("{workspace}/{repository}"), format!("{workspace}/api"), format!("acme/{repository}")]
    {
        let answer = get(&mut world, &format!("/2.0/repositories/{path}"), REPOSITORY_TOKEN);
        assert_eq!(parse(&answer)["full_name"], "acme/api", "{path}");
    }
    let bare = uuid("acme/api").replace(['{', '}'], "");
    assert_eq!(get(&mut world, &format!("/2.0/repositories/acme/{bare}"), REPOSITORY_TOKEN).status, 404);
    let other = encode(uuid("jane/api"));
    assert_eq!(get(&mut world, &format!("/2.0/repositories/acme/{other}"), WORKSPACE_TOKEN).status, 404);
}

#[test]
fn a_closed_repository_is_read_and_not_written() {
    let mut world = World::acme();
    let head = world.head("acme/api", "main");
    let body = json!({ "key": "k", "state": "FAILED" });
    for (why, status, words) in [
        (Closed::ForNow, 409, "try again"),
        (Closed::Archived, 403, "archived"),
        (Closed::OverUserLimit, 402, "user limit"),
    ] {
        world.close_repository("acme/api", why);
        let answer = post(&mut world, "acme/api", &head, REPOSITORY_TOKEN, &body);
        assert_eq!(answer.status, status);
        assert!(parse(&answer)["error"]["message"].as_str().unwrap().contains(words));
        assert_eq!(get(&mut world, "/2.0/repositories/acme/api", REPOSITORY_TOKEN).status, 200);
    }
    assert!(world.statuses("acme/api", &head).is_empty());
    world.reopen_repository("acme/api");
    assert_eq!(post(&mut world, "acme/api", &head, REPOSITORY_TOKEN, &body).status, 201);
}

/// Not every name with a dot is a host for Django.
#[test]
fn the_last_label_of_an_address_is_looked_at() {
    let mut world = World::acme();
    let head = world.head("acme/api", "main");
    let mut status = |url: &str| {
        let body = json!({ "key": "k", "state": "FAILED", "url": url });
        post(&mut world, "acme/api", &head, REPOSITORY_TOKEN, &body).status
    };
    let long = format!("http://{}.example/", "a".repeat(64));
    for refused in
        ["http://sonarqube.k8s/x", "http://sonar.c/", "http://sonar.1a/", "http://a..example/", &long]
    {
        assert_eq!(status(refused), 400, "{refused}");
    }
    let longest = format!("http://{}.example/", "a".repeat(63));
    for accepted in
        ["http://sonar.local/", "http://sonar.svc.cluster.local./", "http://k8s.xn--p1ai/", &longest]
    {
        assert_ne!(status(accepted), 400, "{accepted}");
    }
}

#[test]
fn a_compressed_answer_is_gzip() {
    for length in [0, 1, 0xffff, 0x1_0000, 0x2_0001] {
        let content = vec![b'x'; length];
        let answer = Answer { status: 200, headers: Vec::new(), body: content }.compressed();
        assert_eq!(header(&answer, "content-encoding"), Some("gzip"));
        let blocks = length.div_ceil(0xffff).max(1);
        assert_eq!(answer.body.len(), 10 + 5 * blocks + length + 8);
        assert_eq!(answer.body[answer.body.len() - 4..], u32::try_from(length).unwrap().to_le_bytes());
    }
    // The check value of CRC-32 that is published with its parameters: reveng.sourceforge.io, CRC-32/ISO-HDLC.
    let answer = Answer { status: 200, headers: Vec::new(), body: b"123456789".to_vec() }.compressed();
    assert_eq!(answer.body[answer.body.len() - 8..][..4], 0xcbf4_3926_u32.to_le_bytes());
}

#[test]
fn an_altered_answer_keeps_what_is_not_changed() {
    let answer = Answer::json(201, &json!({ "key": "k", "commit": { "hash": "a", "type": "commit" } }));
    let altered = answer.altered(&json!({ "state": "FAILED", "commit": { "hash": "b" } }));
    assert_eq!(
        parse(&altered),
        json!({ "key": "k", "state": "FAILED", "commit": { "hash": "b", "type": "commit" } })
    );
    assert_eq!(Answer::text(200, "text").altered(&json!({ "a": 1 })), Answer::text(200, "text"));
}

/// The creator rule holds for people, too.
#[test]
fn a_persons_status_is_not_the_consumers_to_overwrite() {
    let mut world = World::acme();
    let head = world.head("acme/api", "main");
    let person = basic(CI_EMAIL, API_TOKEN);
    let path = format!("/2.0/repositories/acme/api/commit/{head}/statuses/build");
    let body = json!({ "key": "k", "state": "FAILED" });
    assert_eq!(send(&mut world, "POST", &path, Some(&person), &body.to_string()).status, 201);
    let token = token(&mut world);
    assert_eq!(post(&mut world, "acme/api", &head, &token, &body).status, 403);
    assert_eq!(world.statuses("acme/api", &head)[0].author.display_name, CI_USERNAME);
}

fn grant(world: &mut World, key: &str, secret: &str) -> Answer {
    let client = basic(key, secret);
    send(world, "POST", "/site/oauth2/access_token", Some(&client), "grant_type=client_credentials")
}

fn token(world: &mut World) -> String {
    let granted = parse(&grant(world, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET));
    granted["access_token"].as_str().unwrap().to_owned()
}

fn post(world: &mut World, full_name: &str, commit: &str, token: &str, body: &Value) -> Answer {
    let path = format!("/2.0/repositories/{full_name}/commit/{commit}/statuses/build");
    send(world, "POST", &path, Some(&format!("Bearer {token}")), &body.to_string())
}

fn get(world: &mut World, path: &str, token: &str) -> Answer {
    send(world, "GET", path, Some(&format!("Bearer {token}")), "")
}

fn send(world: &mut World, method: &str, path: &str, authorization: Option<&str>, body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("host", "sandbox.test".parse().unwrap());
    headers.insert("content-type", "application/json".parse().unwrap());
    if let Some(authorization) = authorization {
        headers.insert("authorization", authorization.parse().unwrap());
    }
    let request = Request {
        scheme: "http",
        method: method.parse().unwrap(),
        uri: path.parse().unwrap(),
        headers,
        body: body.to_owned().into(),
    };
    bitbucket::answer(world, &request)
}

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

fn parse(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
