//! How things look in JSON, after the schemas of <https://developer.atlassian.com/cloud/bitbucket/rest/>.
//!
//! `base` is the address under which the client reached the service: links lead back to it.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::world::{Account, PullRequest, Repository, Status, World, uuid};

/// Pull requests carry abbreviated hashes; everything else carries whole ones.
const PULL_REQUEST_HASH_DIGITS: usize = 12;

pub(crate) fn account(account: &Account) -> Value {
    json!({
        "type": account.kind,
        "uuid": account.uuid,
        "display_name": account.display_name,
        "nickname": account.display_name,
        "links": { "html": { "href": format!("https://bitbucket.org/{}/", encode(&account.uuid)) } },
    })
}

pub(crate) fn repository_reference(base: &str, full_name: &str) -> Value {
    let (_workspace, slug) = full_name.split_once('/').unwrap_or(("", full_name));
    json!({
        "type": "repository",
        "full_name": full_name,
        "name": slug,
        "uuid": uuid(full_name),
        "links": {
            "self": { "href": format!("{base}/repositories/{full_name}") },
            "html": { "href": format!("https://bitbucket.org/{full_name}") },
        },
    })
}

pub(crate) fn repository(base: &str, full_name: &str, repository: &Repository) -> Value {
    let (workspace, slug) = full_name.split_once('/').unwrap_or(("", full_name));
    let mut shape = repository_reference(base, full_name);
    shape["slug"] = json!(slug);
    shape["is_private"] = json!(repository.private);
    shape["scm"] = json!("git");
    shape["project"] = json!({ "type": "project", "key": repository.project });
    shape["workspace"] = json!({ "type": "workspace", "slug": workspace, "uuid": uuid(workspace) });
    shape["mainbranch"] = match repository.branch("main") {
        Some(_) => json!({ "type": "branch", "name": "main" }),
        None => Value::Null,
    };
    shape
}

pub(crate) fn commit_reference(base: &str, full_name: &str, hash: &str) -> Value {
    json!({
        "type": "commit",
        "hash": hash,
        "links": {
            "self": { "href": format!("{base}/repositories/{full_name}/commit/{hash}") },
            "html": { "href": format!("https://bitbucket.org/{full_name}/commits/{hash}") },
        },
    })
}

pub(crate) fn commit(base: &str, full_name: &str, hash: &str) -> Value {
    let mut shape = commit_reference(base, full_name, hash);
    shape["date"] = json!("2026-11-02T08:00:00+00:00");
    shape["message"] = json!("A commit\n");
    shape["author"] = json!({ "type": "author", "raw": "Jane <jane@example.com>" });
    shape["parents"] = json!([]);
    shape["repository"] = repository_reference(base, full_name);
    shape["links"]["statuses"] =
        json!({ "href": format!("{base}/repositories/{full_name}/commit/{hash}/statuses") });
    shape
}

pub(crate) fn branch(base: &str, full_name: &str, name: &str, head: &str) -> Value {
    json!({
        "type": "branch",
        "name": name,
        "target": commit(base, full_name, head),
        "links": {
            "self": { "href": format!("{base}/repositories/{full_name}/refs/branches/{name}") },
            "html": { "href": format!("https://bitbucket.org/{full_name}/branch/{name}") },
        },
    })
}

pub(crate) fn status(base: &str, full_name: &str, status: &Status) -> Value {
    let commit_address = format!("{base}/repositories/{full_name}/commit/{}", status.commit);
    json!({
        "type": "build",
        "key": status.key,
        "state": status.state,
        "name": status.name,
        "description": status.description,
        "url": status.url,
        "refname": status.refname,
        "created_on": status.created_on,
        "updated_on": status.updated_on,
        "author": account(&status.author),
        "commit": commit_reference(base, full_name, &status.commit),
        "repository": repository_reference(base, full_name),
        "links": {
            "self": { "href": format!("{commit_address}/statuses/build/{}", encode(&status.key)) },
            "commit": { "href": commit_address },
        },
    })
}

/// Without its source repository when that is gone: then `source.repository` is null.
pub(crate) fn pull_request(base: &str, world: &World, pull_request: &PullRequest) -> Value {
    let PullRequest {
        repository,
        id,
        title,
        source_repository,
        source_branch,
        destination_branch,
        state,
        is_draft,
        last_head: _,
        merge_commit,
    } = pull_request;
    let endpoint = |full_name: &str, branch: &str, head: Option<String>| {
        let exists = world.repository(full_name).is_some();
        let commit = head.map(|hash| commit_reference(base, full_name, &hash[..PULL_REQUEST_HASH_DIGITS]));
        let repository = exists.then(|| repository_reference(base, full_name));
        json!({ "branch": { "name": branch }, "commit": commit, "repository": repository })
    };
    let destination_head = world.repository(repository).and_then(|found| found.branch(destination_branch));
    let address = format!("{base}/repositories/{repository}/pullrequests/{id}");
    json!({
        "type": "pullrequest",
        "id": id,
        "title": title,
        "draft": is_draft,
        "state": state,
        // Null until it is merged: `mibexsoftware/sonar-bitbucket-plugin` #45.
        "merge_commit": merge_commit.as_ref().map(|hash| commit_reference(base, repository, hash)),
        "source": endpoint(source_repository, source_branch, world.pull_request_head(pull_request)),
        "destination": endpoint(repository, destination_branch, destination_head.map(ToOwned::to_owned)),
        "links": {
            "self": { "href": address },
            "html": { "href": format!("https://bitbucket.org/{repository}/pull-requests/{id}") },
            "statuses": { "href": format!("{address}/statuses") },
        },
    })
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
