//! The rules, one test each, asked without a network.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use serde_json::{Value, json};

use crate::message::{Answer, Request};
use crate::{
    ADMIN_EMAIL, API_TOKEN, API_TOKEN_CLASSIC, API_TOKEN_EXPIRED, API_TOKEN_OF_ADMIN, API_TOKEN_OF_JANE,
    API_TOKEN_REPOSITORY_ONLY, API_TOKEN_WRITE_ONLY, APP_PASSWORD, CI_EMAIL, CI_USERNAME, JANE_EMAIL,
    PROJECT_TOKEN, PullRequest, REPOSITORY_TOKEN, REPOSITORY_TOKEN_OF_WEB, REPOSITORY_TOKEN_REPOSITORY_ONLY,
    REVOKED_TOKEN, Reach, Status, WORKSPACE_TOKEN, World, bitbucket, repository_token, service,
};

const TOKEN_REJECTED: &str = "Token is invalid, expired, or not supported for this endpoint.";

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

    // Changing one of several by key alone breaks the service.
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
fn keeps_pull_requests_apart_by_repository() {
    let mut world = World::acme();
    for (name, branch) in [("acme/web", "main"), ("acme/api", "main")] {
        world.open_pull_request(PullRequest::new(name, 1, branch));
    }
    world.delete_repository("acme/web");
    assert_eq!(get(&mut world, "/2.0/repositories/acme/web/pullrequests/1").status, 404);
    let kept = parse(&get(&mut world, "/2.0/repositories/acme/api/pullrequests/1"));
    assert_eq!(kept["source"]["commit"]["hash"], world.head("acme/api", "main")[..12]);
    // Deleting a branch leaves the pull requests from others as they are.
    world.delete_branch("acme/api", "feature/login");
    let pushed = world.push("acme/api", "main");
    let kept = parse(&get(&mut world, "/2.0/repositories/acme/api/pullrequests/1"));
    assert_eq!(kept["source"]["commit"]["hash"], pushed[..12]);
}

#[test]
fn refuses_bad_fields_in_the_real_shape() {
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
fn wants_json_that_says_so() {
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
fn refuses_credentials_that_do_not_count() {
    let mut world = World::acme();
    for authorization in [
        basic(CI_USERNAME, API_TOKEN),
        basic("x-bitbucket-api-token-auth", API_TOKEN),
        basic(JANE_EMAIL, API_TOKEN),
        basic(CI_EMAIL, "no such token"),
        basic(CI_EMAIL, API_TOKEN_CLASSIC),
        basic(CI_EMAIL, API_TOKEN_EXPIRED),
        basic(CI_EMAIL, REPOSITORY_TOKEN),
        basic("x-token-auth", REPOSITORY_TOKEN),
        bearer(API_TOKEN),
        bearer(REVOKED_TOKEN),
        bearer(APP_PASSWORD),
        bearer("no such token"),
    ] {
        let answer = send(&mut world, "GET", "/2.0/repositories/acme/api", Some(&authorization), None);
        assert_eq!(answer.status, 401, "{authorization}");
        assert_eq!(parse(&answer), json!({ "type": "error", "error": { "message": TOKEN_REJECTED } }));
    }
    for authorization in ["Basic", "Basic ???", "Basic bm9jb2xvbg==", "Token x"] {
        let answer = send(&mut world, "GET", "/2.0/repositories/acme/api", Some(authorization), None);
        assert_eq!((answer.status, answer.body.as_slice()), (401, &b""[..]), "{authorization}");
        assert_eq!(header(&answer, "www-authenticate"), Some(r#"Basic realm="Bitbucket.org HTTP""#));
    }
    let gone =
        send(&mut world, "GET", "/2.0/repositories/acme/api", Some(&basic(CI_USERNAME, APP_PASSWORD)), None);
    assert_eq!(gone.status, 410);
    assert_eq!(message(&gone), "CHANGE-3222 - Functionality has been deprecated");
}

#[test]
fn tells_required_and_granted_scopes() {
    let mut world = World::acme();
    let writes = basic(CI_EMAIL, API_TOKEN_WRITE_ONLY);
    let path = statuses_path(&world);
    let answer = send(&mut world, "POST", &path, Some(&writes), Some(&json!({})));
    assert_eq!(answer.status, 403);
    assert_eq!(
        parse(&answer)["error"]["detail"],
        json!({ "required": ["read:repository:bitbucket"], "granted": ["write:repository:bitbucket"] }),
    );

    let pull_request = "/2.0/repositories/acme/api/pullrequests/7";
    let reads = basic(CI_EMAIL, API_TOKEN_REPOSITORY_ONLY);
    assert_eq!(send(&mut world, "GET", pull_request, Some(&reads), None).status, 403);
    let answer = send(&mut world, "GET", pull_request, Some(&bearer(REPOSITORY_TOKEN_REPOSITORY_ONLY)), None);
    assert_eq!(
        parse(&answer)["error"]["detail"],
        json!({ "required": ["pullrequest"], "granted": ["repository"] }),
    );

    // Classic scopes imply each other.
    world.add_access_token("implies", Reach::Workspace("acme".to_owned()), &["pullrequest:write"]);
    for path in [pull_request, "/2.0/repositories/acme/api"] {
        assert_eq!(send(&mut world, "GET", path, Some(&bearer("implies")), None).status, 200);
    }
}

#[test]
fn the_user_is_a_bad_probe() {
    let mut world = World::acme();
    let answer = get(&mut world, "/2.0/user");
    assert_eq!(
        (answer.status, &parse(&answer)["error"]["detail"]["required"][0]),
        (403, &json!("read:user:bitbucket"))
    );
    let answer = send(&mut world, "GET", "/2.0/user", Some(&bearer(WORKSPACE_TOKEN)), None);
    assert_eq!(message(&answer), "This API is not accessible by this authentication mechanism");
    assert_eq!(header(&answer, "x-oauth-scopes"), Some("repository, pullrequest"));
    assert_eq!(send(&mut world, "GET", "/2.0/user", None, None).status, 401);
    world.add_api_token("reads", CI_EMAIL, &["read:user:bitbucket"]);
    let answer = send(&mut world, "GET", "/2.0/user", Some(&basic(CI_EMAIL, "reads")), None);
    assert_eq!(parse(&answer)["display_name"], CI_USERNAME);
}

#[test]
fn hides_what_a_credential_may_not_see() {
    let mut world = World::acme();
    let sees = |world: &mut World, authorization: Option<&str>| {
        ["acme/api", "acme/web", "acme/central-pipeline", "jane/api"]
            .map(|name| send(world, "GET", &format!("/2.0/repositories/{name}"), authorization, None).status)
    };
    assert_eq!(sees(&mut world, Some(&ci())), [200, 200, 200, 200]);
    assert_eq!(sees(&mut world, Some(&basic(JANE_EMAIL, API_TOKEN_OF_JANE))), [404, 404, 404, 200]);
    assert_eq!(sees(&mut world, Some(&bearer(REPOSITORY_TOKEN))), [200, 404, 404, 404]);
    assert_eq!(sees(&mut world, Some(&bearer(REPOSITORY_TOKEN_OF_WEB))), [404, 200, 404, 404]);
    assert_eq!(sees(&mut world, Some(&bearer(PROJECT_TOKEN))), [200, 200, 404, 404]);
    assert_eq!(sees(&mut world, Some(&bearer(WORKSPACE_TOKEN))), [200, 200, 200, 404]);
    assert_eq!(sees(&mut world, None), [404, 404, 404, 200]);

    let hidden = send(&mut world, "GET", "/2.0/repositories/acme/api", None, None);
    assert!(message(&hidden).starts_with("You may not have access to this repository"));
    let missing = get(&mut world, "/2.0/repositories/acme/none");
    assert_eq!((missing.status, message(&missing)), (404, message(&hidden)));
    let elsewhere = get(&mut world, "/2.0/repositories/acmee/api");
    assert_eq!(
        (elsewhere.status, message(&elsewhere).as_str()),
        (404, "No workspace with identifier 'acmee'.")
    );
}

#[test]
fn nobody_in_particular_reads_public_repositories_only() {
    let mut world = World::acme();
    let head = world.head("jane/api", "patch-1");
    let path = format!("/2.0/repositories/jane/api/commit/{head}");
    assert_eq!(send(&mut world, "GET", &path, None, None).status, 200);
    let body = json!({ "key": "k", "state": "FAILED" });
    assert_eq!(send(&mut world, "POST", &format!("{path}/statuses/build"), None, Some(&body)).status, 401);
}

#[test]
fn resolves_commits_by_unique_abbreviation() {
    let mut world = World::acme();
    let twins = ["abcdef1", "abcdef2"].map(|start| format!("{start}{}", "0".repeat(33)));
    world.add_commit("acme/api", &twins[0]).add_commit("acme/api", &twins[1]);
    let found =
        |world: &mut World, hash: &str| get(world, &format!("/2.0/repositories/acme/api/commit/{hash}"));
    assert_eq!(parse(&found(&mut world, "abcdef1"))["hash"], *twins[0]);
    assert_eq!(parse(&found(&mut world, &twins[1].to_uppercase()))["hash"], *twins[1]);
    world.add_commit("acme/api", &format!("abcdef1{}", "1".repeat(33)));
    for unknown in ["abcdef1", "abcdef", "main", "0123456789ab", &format!("{}0", twins[1])] {
        let answer = found(&mut world, unknown);
        assert_eq!(answer.status, 404);
        let data = json!({ "shas": [unknown] });
        let error = json!({ "message": "Commit not found", "data": data });
        assert_eq!(parse(&answer), json!({ "type": "error", "error": error, "data": data }));
    }
}

#[test]
fn finds_branches_with_slashes() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    for name in ["feature/login", "feature%2Flogin"] {
        let branch = parse(&get(&mut world, &format!("/2.0/repositories/acme/api/refs/branches/{name}")));
        assert_eq!((&branch["name"], &branch["target"]["hash"]), (&json!("feature/login"), &json!(head)));
    }
    assert_eq!(get(&mut world, "/2.0/repositories/acme/api/refs/branches/none").status, 404);
}

#[test]
fn shows_pull_requests_with_short_hashes_and_their_source() {
    let mut world = World::acme();
    let head = world.head("jane/api", "patch-1");
    let path = "/2.0/repositories/acme/api/pullrequests/9";
    let shape = parse(&get(&mut world, path));
    assert_eq!(shape["source"]["commit"]["hash"], head[..12]);
    assert_eq!(shape["source"]["branch"]["name"], "patch-1");
    assert_eq!(shape["source"]["repository"]["full_name"], "jane/api");
    assert_eq!(shape["destination"]["repository"]["full_name"], "acme/api");
    assert_eq!(shape["destination"]["commit"]["hash"], world.head("acme/api", "main")[..12]);

    // The fork's commits are not in the repository that it wants to be merged into.
    assert_eq!(get(&mut world, &format!("/2.0/repositories/acme/api/commit/{head}")).status, 404);

    let pushed = world.push("jane/api", "patch-1");
    world.delete_branch("jane/api", "patch-1");
    assert_eq!(parse(&get(&mut world, path))["source"]["commit"]["hash"], pushed[..12]);
    world.delete_repository("jane/api");
    let shape = parse(&get(&mut world, path));
    assert_eq!(shape["source"]["repository"], Value::Null);
    assert_eq!(shape["source"]["commit"]["hash"], pushed[..12]);
    assert_eq!(get(&mut world, "/2.0/repositories/acme/api/pullrequests/8").status, 404);
    assert_eq!(get(&mut world, "/2.0/repositories/acme/api/pullrequests/x").status, 404);
}

#[test]
fn a_push_leaves_statuses_behind() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    post(&mut world, &head, &json!({ "key": "sonar", "state": "FAILED" }));
    assert_eq!(world.pull_request_statuses("acme/api", 7).len(), 1);
    world.push("acme/api", "feature/login");
    assert_eq!(world.pull_request_statuses("acme/api", 7), []);
}

#[test]
fn counts_requests_per_person_or_access_token() {
    let mut world = World::acme();
    world.set_allowance(API_TOKEN, 1).set_allowance(REPOSITORY_TOKEN, 0);
    assert_eq!(get(&mut world, "/2.0/repositories/acme/api").status, 200);
    let other = basic(CI_EMAIL, API_TOKEN_REPOSITORY_ONLY);
    let limited = send(&mut world, "GET", "/2.0/repositories/acme/api", Some(&other), None);
    assert_eq!(limited.status, 429);
    assert_eq!(header(&limited, "content-type"), Some("text/plain"));
    assert_eq!(header(&limited, "retry-after"), None);
    assert_eq!(limited.body, b"Rate limit for this resource has been exceeded");
    for (token, status) in [(REPOSITORY_TOKEN, 429), (WORKSPACE_TOKEN, 200)] {
        let answer = send(&mut world, "GET", "/2.0/repositories/acme/api", Some(&bearer(token)), None);
        assert_eq!(answer.status, status);
    }
}

#[test]
fn an_allowance_comes_back_and_is_told_to_access_tokens() {
    let mut world = World::acme();
    let ask = |world: &mut World| {
        send(world, "GET", "/2.0/repositories/acme/api", Some(&bearer(WORKSPACE_TOKEN)), None)
    };
    world.set_allowance_per(WORKSPACE_TOKEN, 5, Duration::from_hours(1));
    let told: Vec<_> = (0..6)
        .map(|_| ask(&mut world))
        .map(|answer| (answer.status, header(&answer, "x-ratelimit-nearlimit") == Some("true")))
        .collect();
    let plenty = (200, false);
    assert_eq!(told, [plenty, plenty, plenty, plenty, (200, true), (429, true)]);

    let limited = ask(&mut world);
    assert_eq!(header(&limited, "content-type"), Some("text/plain"));
    assert_eq!(header(&limited, "retry-after"), None);
    assert_eq!(header(&limited, "x-ratelimit-limit"), Some("5"));
    assert_eq!(get(&mut world, "/2.0/repositories/acme/api").status, 200, "others have their own");

    let window = Duration::from_millis(20);
    world.set_allowance_per(WORKSPACE_TOKEN, 1, window);
    for _ in 0..3 {
        assert_eq!(ask(&mut world).status, 200);
        std::thread::sleep(window);
    }

    world.set_allowance_per(API_TOKEN, 1, Duration::from_hours(1));
    let answers = [(); 2].map(|()| get(&mut world, "/2.0/repositories/acme/api"));
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 429]);
    assert_eq!(header(&answers[0], "x-ratelimit-limit"), None);
}

#[test]
fn names_scopes_and_kind_and_tells_only_access_tokens_the_limit() {
    let mut world = World::acme();
    let answer = get(&mut world, "/2.0/repositories/acme/api");
    assert_eq!(
        header(&answer, "x-oauth-scopes"),
        Some("read:repository:bitbucket, read:pullrequest:bitbucket")
    );
    assert_eq!(header(&answer, "x-accepted-oauth-scopes"), Some("read:repository:bitbucket"));
    assert_eq!(header(&answer, "x-credential-type"), Some("api_token"));
    assert_eq!(header(&answer, "x-request-count"), Some("1"));
    assert_eq!(header(&answer, "x-ratelimit-limit"), None);

    world.set_allowance(PROJECT_TOKEN, 201);
    for near in ["false", "true"] {
        let answer =
            send(&mut world, "GET", "/2.0/repositories/acme/api", Some(&bearer(PROJECT_TOKEN)), None);
        assert_eq!(header(&answer, "x-accepted-oauth-scopes"), Some("repository"));
        assert_eq!(header(&answer, "x-credential-type"), Some("project_access_token"));
        assert_eq!(header(&answer, "x-ratelimit-limit"), Some("1000"));
        assert_eq!(header(&answer, "x-ratelimit-nearlimit"), Some(near));
    }
}

#[test]
fn pages_lists() {
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

#[test]
fn keeps_reports_and_annotations() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    let path = format!("/2.0/repositories/acme/api/commit/{head}/reports/sonar-1");
    let annotations = format!("{path}/annotations");
    assert_eq!(get(&mut world, &path).status, 404);

    let report = json!({
        "title": "Sonar", "details": "2 issues", "report_type": "BUG", "result": "FAILED",
        "data": [{ "title": "Coverage", "type": "PERCENTAGE", "value": 81.5 }, { "title": "Free", "value": "text" }],
    });
    assert_eq!(send(&mut world, "PUT", &path, Some(&ci()), Some(&report)).status, 200);
    let many = |from: usize, to: usize| {
        let one = |id| json!({ "external_id": format!("a{id}"), "annotation_type": "BUG", "summary": "text", "line": 1 });
        (from..to).map(one).collect::<Value>()
    };
    let add = |world: &mut World, body: &Value| send(world, "POST", &annotations, Some(&ci()), Some(body));

    let refused = add(&mut world, &many(0, 101));
    assert_eq!(refused.status, 400);
    assert_eq!(
        parse(&refused),
        json!({ "code": 400, "message": "Bulk upload supports a maximum of /100 annotations." })
    );
    for start in (0..1000).step_by(100) {
        assert_eq!(add(&mut world, &many(start, start + 100)).status, 200);
    }
    assert_eq!(add(&mut world, &many(1000, 1001)).status, 400);
    assert_eq!(add(&mut world, &many(0, 1)).status, 200);
    for refused in [
        json!([]),
        json!([{ "external_id": "a", "summary": "" }]),
        json!([{ "external_id": "a", "summary": "x".repeat(451) }]),
        json!([{ "summary": "x" }]),
        json!([{ "external_id": "a0", "summary": "x" }, { "external_id": "a0", "summary": "x" }]),
        json!([{ "external_id": "a", "summary": "x", "severity": "BLOCKER" }]),
    ] {
        assert_eq!(add(&mut world, &refused).status, 400, "{refused}");
    }

    // Writing the report again does not clear its annotations; deleting it does.
    send(&mut world, "PUT", &path, Some(&ci()), Some(&report));
    assert_eq!(parse(&get(&mut world, &annotations))["size"], 1000);
    assert_eq!(
        parse(&get(&mut world, &format!("/2.0/repositories/acme/api/commit/{head}/reports")))["size"],
        1
    );
    assert_eq!(world.reports("acme/api", &head)[0].annotations.len(), 1000);
    for _ in 0..2 {
        assert_eq!(send(&mut world, "DELETE", &path, Some(&ci()), None).status, 204);
    }
    assert_eq!(get(&mut world, &path).status, 404);
}

#[test]
fn refuses_bad_reports() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    let path = format!("/2.0/repositories/acme/api/commit/{head}/reports/r");
    let field = json!({ "title": "t", "type": "NUMBER", "value": 1 });
    for (name, value) in [
        ("title", json!("")),
        ("details", Value::Null),
        ("report_type", json!("LINT")),
        ("result", json!("RED")),
        ("data", json!(vec![field; 11])),
        ("data", json!([{ "title": "t", "type": "PERCENTAGE", "value": 101 }])),
        ("data", json!([{ "title": "t", "type": "LINK", "value": "https://ci.example" }])),
    ] {
        let mut report = json!({ "title": "Sonar", "details": "text" });
        report[name] = value;
        let answer = send(&mut world, "PUT", &path, Some(&ci()), Some(&report));
        assert_eq!((answer.status, &parse(&answer)["code"]), (400, &json!(400)), "{report}");
    }
}

#[test]
fn knows_what_lies_beside_the_api() {
    let mut world = World::acme();
    for path in ["/rest/api/1.0/projects", "/2.0/rest/build-status/1.0/commits/x"] {
        let answer = get(&mut world, path);
        assert_eq!((answer.status, message(&answer).as_str()), (404, "Resource not found"));
    }
    for path in ["/user", "/repositories/acme/api", "/"] {
        let answer = get(&mut world, path);
        assert_eq!((answer.status, message(&answer).as_str()), (403, "Forbidden"));
    }
    for path in ["/2.0", "/2.0/workspaces", "/2.0/repositories/acme/api/pipelines"] {
        assert_eq!(get(&mut world, path).status, 501, "{path}");
    }
    let path = statuses_path(&world);
    assert_eq!(send(&mut world, "DELETE", &path, Some(&ci()), None).status, 501);
}

#[test]
fn secrets_have_the_length_of_real_ones() {
    for (secret, prefix) in [
        (API_TOKEN, "ATATT3xFfGF0"),
        (API_TOKEN_REPOSITORY_ONLY, "ATATT3xFfGF0"),
        (API_TOKEN_WRITE_ONLY, "ATATT3xFfGF0"),
        (API_TOKEN_CLASSIC, "ATATT3xFfGF0"),
        (API_TOKEN_EXPIRED, "ATATT3xFfGF0"),
        (API_TOKEN_OF_JANE, "ATATT3xFfGF0"),
        (API_TOKEN_OF_ADMIN, "ATATT3xFfGF0"),
        (REPOSITORY_TOKEN, "ATCTT3xFfGN0"),
        (REPOSITORY_TOKEN_REPOSITORY_ONLY, "ATCTT3xFfGN0"),
        (REPOSITORY_TOKEN_OF_WEB, "ATCTT3xFfGN0"),
        (PROJECT_TOKEN, "ATCTT3xFfGN0"),
        (WORKSPACE_TOKEN, "ATCTT3xFfGN0"),
        (REVOKED_TOKEN, "ATCTT3xFfGN0"),
    ] {
        assert!(secret.starts_with(prefix), "{secret}");
        assert_eq!((secret.len(), secret.find('=')), (192, Some(183)), "{secret}");
    }
    assert_eq!(APP_PASSWORD.len(), 36);
}

#[test]
fn a_fleet_has_repositories_with_pull_requests_and_tokens_of_their_own() {
    let mut world = World::fleet(1001);
    let sees = |world: &mut World, authorization: &str| {
        ["service-001", "service-1001", "central-pipeline"]
            .map(|slug| format!("/2.0/repositories/acme/{slug}"))
            .map(|path| send(world, "GET", &path, Some(authorization), None).status)
    };
    assert_eq!(sees(&mut world, &ci()), [200, 200, 200]);
    assert_eq!(sees(&mut world, &basic(ADMIN_EMAIL, API_TOKEN_OF_ADMIN)), [200, 200, 200]);
    assert_eq!(sees(&mut world, &bearer(WORKSPACE_TOKEN)), [200, 200, 200]);
    assert_eq!(sees(&mut world, &bearer(PROJECT_TOKEN)), [200, 200, 404]);
    assert_eq!(sees(&mut world, &bearer(&repository_token("service-1001"))), [404, 200, 404]);

    let full_name = "acme/service-999";
    assert_ne!(world.head(full_name, "main"), world.head(full_name, "feature/change"));
    assert_ne!(world.head(full_name, "main"), world.head("acme/service-998", "main"));
    let path = format!("/2.0/repositories/{full_name}/pullrequests/1");
    let token = bearer(&repository_token("service-999"));
    let pull_request = parse(&send(&mut world, "GET", &path, Some(&token), None));
    assert_eq!(
        (&pull_request["state"], &pull_request["source"]["branch"]["name"]),
        (&json!("OPEN"), &json!("feature/change")),
    );
    assert!(world.repository("acme/service-000").is_none());
    assert!(world.repository("acme/service-1002").is_none());

    world.revoke(&repository_token("service-999")).delete_repository("acme/service-001");
    assert_eq!(send(&mut world, "GET", &path, Some(&token), None).status, 401);
    assert_eq!(sees(&mut world, &bearer(WORKSPACE_TOKEN)), [404, 200, 200]);
}

#[test]
fn a_token_of_a_fleet_belongs_to_one_repository() {
    let tokens: BTreeSet<String> = (1..=10_000).map(|number| repository_token(&service(number))).collect();
    assert_eq!(tokens.len(), 10_000);
    for token in &tokens {
        assert_eq!((token.len(), token.find('=')), (WORKSPACE_TOKEN.len(), WORKSPACE_TOKEN.find('=')));
        assert_eq!(token[..12], WORKSPACE_TOKEN[..12]);
        assert_eq!(token[token.len() - 8..], WORKSPACE_TOKEN[token.len() - 8..]);
    }
    for slug in ["api", "service-1", "service-0001", "service-000", "service-100000"] {
        std::panic::catch_unwind(|| repository_token(slug)).expect_err(slug);
    }
}

/// The fastest hundreds are compared: a busy machine does not slow all of them down.
#[test]
fn the_ten_thousandth_status_costs_about_what_the_first_does() {
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

#[test]
fn finds_parts_of_secrets_wherever_they_were_cut() {
    use crate::{Gatepost, PROJECT_ANALYSIS_TOKEN, Program};

    let run = Gatepost::bare(Program::Binary("gatepost".into()))
        .set("SONAR_TOKEN", PROJECT_ANALYSIS_TOKEN)
        .set("BITBUCKET_ACCESS_TOKEN", REPOSITORY_TOKEN);
    run.assert_no_secret("sqp_ ATCTT3xFfGN0 decadeface");
    for (secret, prefix) in [(PROJECT_ANALYSIS_TOKEN, 4), (REPOSITORY_TOKEN, 12)] {
        for start in [prefix, prefix + 5, secret.len() - 12] {
            let shown = &secret[start..start + 12];
            std::panic::catch_unwind(|| run.assert_no_secret(shown)).expect_err(shown);
        }
    }
}

fn request(method: &str, path: &str, authorization: Option<&str>, body: Option<&Value>) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert("host", "sandbox.test".parse().unwrap());
    if let Some(authorization) = authorization {
        headers.insert("authorization", authorization.parse().unwrap());
    }
    if body.is_some() {
        headers.insert("content-type", "application/json".parse().unwrap());
    }
    Request {
        scheme: "http",
        method: method.parse().unwrap(),
        uri: path.parse().unwrap(),
        headers,
        body: body.map(ToString::to_string).unwrap_or_default().into(),
    }
}

fn send(
    world: &mut World,
    method: &str,
    path: &str,
    authorization: Option<&str>,
    body: Option<&Value>,
) -> Answer {
    bitbucket::answer(world, &request(method, path, authorization, body))
}

fn get(world: &mut World, path: &str) -> Answer {
    send(world, "GET", path, Some(&ci()), None)
}

fn post(world: &mut World, commit: &str, body: &Value) -> Answer {
    let path = format!("/2.0/repositories/acme/api/commit/{commit}/statuses/build");
    send(world, "POST", &path, Some(&ci()), Some(body))
}

fn statuses_path(world: &World) -> String {
    format!("/2.0/repositories/acme/api/commit/{}/statuses/build", world.head("acme/api", "feature/login"))
}

fn ci() -> String {
    basic(CI_EMAIL, API_TOKEN)
}

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

fn bearer(secret: &str) -> String {
    format!("Bearer {secret}")
}

fn parse(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn message(answer: &Answer) -> String {
    parse(answer)["error"]["message"].as_str().unwrap().to_owned()
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}
