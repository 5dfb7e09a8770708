//! Commits, branches and pull requests, and paths outside the API.

use serde_json::{Value, json};

use crate::{PullRequest, World};

use super::{ci, get, message, parse, send, statuses_path};

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
    // Deleting a branch does not change the pull requests from other branches.
    world.delete_branch("acme/api", "feature/login");
    let pushed = world.push("acme/api", "main");
    let kept = parse(&get(&mut world, "/2.0/repositories/acme/api/pullrequests/1"));
    assert_eq!(kept["source"]["commit"]["hash"], pushed[..12]);
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

    // The destination repository does not have the commits of the fork.
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
fn answers_paths_outside_the_api_as_bitbucket_does() {
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
