//! Bitbucket's REST API: from a request and the state of the world to an answer.
//!
//! One function for each operation, in the order of the vendor's reference. What an operation asks of a
//! credential is in the call of `admit` with which it begins. That scopes are looked at before the
//! repository, the repository before the commit, and the commit before the body, is assumed.

use std::time::Instant;

use hyper::{Method, header};
use serde_json::{Map, Value, json};

use crate::allowance::{Allowance, REQUESTS_PER_HOUR};
use crate::canary;
use crate::changes::Move;
use crate::credentials::{self, Scope, Visitor};
use crate::message::{Answer, Request};
use crate::server::Service;
use crate::world::{PullRequest, Report, Status, World, uuid};
use crate::{refusals, rules, shapes};

/// <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination>
const PAGE_DEFAULT: usize = 10;
const PAGE_MAX: usize = 100;
/// Pages of pull requests are shorter: `atlassian/atlascode` and others ask for 50. That more is refused is assumed.
const PULL_REQUESTS_PAGE_MAX: usize = 50;

type Outcome = Result<Answer, Answer>;

impl Service for World {
    fn foreign_secrets() -> &'static canary::Pieces {
        &canary::PIECES_OF_SONARQUBE
    }

    fn answer(&mut self, request: &Request) -> Answer {
        answer(self, request)
    }

    /// Observed in `MitjaBezensek/SharpBucket` #108.
    fn reason(status: u16) -> Option<&'static [u8]> {
        (status == 429).then_some(b"Unknown Status Code")
    }
}

/// Answers a request, as far as it is one that the sandbox knows; others get 501.
pub(crate) fn answer(world: &mut World, request: &Request) -> Answer {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        // On another host of the real service: <https://developer.atlassian.com/cloud/bitbucket/oauth-2>.
        ["site", "oauth2", "access_token"] if request.method == Method::POST => {
            world.consumers.grant(request)
        }
        // Addresses of Data Center, with or without the version of Cloud before them.
        ["rest", ..] | ["2.0", "rest", ..] => refusals::no_api_here(),
        ["2.0", path @ ..] => {
            world.count_request();
            let mut call = Call { world, request, visitor: None, scope: None };
            let answer = dispatch(&mut call, path).unwrap_or_else(|refusal| refusal);
            call.sign(answer)
        }
        _ => refusals::forbidden(),
    }
}

fn dispatch(call: &mut Call, path: &[&str]) -> Outcome {
    let ["repositories", workspace, slug, path @ ..] = path else {
        return match (call.request.method.as_str(), path) {
            ("GET", ["user"]) => user(call),
            ("GET", ["repositories", workspace]) => list_repositories(call, workspace),
            _ => Err(refusals::unknown(call.request)),
        };
    };
    let full_name = &call.moved_to(&call.world.full_name(workspace, slug))?;
    match (call.request.method.as_str(), path) {
        ("GET", []) => repository(call, full_name),
        ("GET", ["refs", "branches", first, rest @ ..]) => {
            let name = rest.iter().fold((*first).to_owned(), |name, segment| name + "/" + segment);
            branch(call, full_name, &name)
        }
        ("GET", ["commit", commit]) => get_commit(call, full_name, commit),
        ("GET", ["commit", commit, "statuses"]) => list_statuses(call, full_name, commit),
        ("POST", ["commit", commit, "statuses", "build"]) => create_status(call, full_name, commit),
        ("GET", ["commit", commit, "statuses", "build", key]) => get_status(call, full_name, commit, key),
        ("PUT", ["commit", commit, "statuses", "build", key]) => update_status(call, full_name, commit, key),
        ("GET", ["pullrequests"]) => list_pull_requests(call, full_name),
        ("GET", ["pullrequests", id]) => pull_request(call, full_name, id),
        ("GET", ["pullrequests", id, "statuses"]) => pull_request_statuses(call, full_name, id),
        ("GET", ["commit", commit, "reports"]) => list_reports(call, full_name, commit),
        ("GET", ["commit", commit, "reports", id]) => get_report(call, full_name, commit, id),
        ("PUT", ["commit", commit, "reports", id]) => put_report(call, full_name, commit, id),
        ("DELETE", ["commit", commit, "reports", id]) => delete_report(call, full_name, commit, id),
        ("GET", ["commit", commit, "reports", id, "annotations"]) => {
            list_annotations(call, full_name, commit, id)
        }
        ("POST", ["commit", commit, "reports", id, "annotations"]) => {
            add_annotations(call, full_name, commit, id)
        }
        _ => Err(refusals::unknown(call.request)),
    }
}

/// A bad way to try out a credential: API tokens need a scope for it that no other operation here wants, and
/// access tokens get 403, whose body is assumed.
fn user(call: &mut Call) -> Outcome {
    let visitor = call.identify(Scope::Account)?.ok_or_else(refusals::unauthenticated)?;
    if visitor.is_access_token() {
        return Err(refusals::wrong_mechanism());
    }
    visitor.require(Scope::Account)?;
    Ok(Answer::json(200, &shapes::account(&visitor.account)))
}

/// Those that the credential sees, by name. The filter for a project is an example of the vendor's:
/// <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#filtering>; any other is not known here.
fn list_repositories(call: &mut Call, workspace: &str) -> Outcome {
    let visitor = call.identify(Scope::Repository)?.ok_or_else(refusals::unauthenticated)?;
    visitor.require(Scope::Repository)?;
    let workspace = call.world.workspace_id(workspace);
    if !call.world.has_workspace(workspace) {
        return Err(refusals::no_workspace(workspace));
    }
    let project = match call.request.query("q") {
        Some(filter) => match filter.strip_prefix("project.key=\"").and_then(|key| key.strip_suffix('"')) {
            Some(key) => Some(key.to_owned()),
            None => return Err(refusals::unknown(call.request)),
        },
        None => None,
    };
    let base = call.request.base();
    let seen = call.world.repositories_of(workspace).filter(|(full_name, repository)| {
        project.as_ref().is_none_or(|key| *key == repository.project) && visitor.sees(call.world, full_name)
    });
    call.page(PAGE_MAX, seen.map(|(full_name, repository)| shapes::repository(&base, full_name, repository)))
}

fn repository(call: &mut Call, full_name: &str) -> Outcome {
    call.admit(full_name, Scope::Repository)?;
    let repository = call.world.repository(full_name).ok_or_else(refusals::no_repository)?;
    Ok(Answer::json(200, &shapes::repository(&call.request.base(), full_name, repository)))
}

fn branch(call: &mut Call, full_name: &str, name: &str) -> Outcome {
    call.admit(full_name, Scope::Repository)?;
    let head = call.world.repository(full_name).and_then(|repository| repository.branch(name));
    let head = head.ok_or_else(|| refusals::not_found("Branch"))?;
    Ok(Answer::json(200, &shapes::branch(&call.request.base(), full_name, name, head)))
}

fn get_commit(call: &mut Call, full_name: &str, commit: &str) -> Outcome {
    let commit = call.admit_to_commit(full_name, commit)?;
    Ok(Answer::json(200, &shapes::commit(&call.request.base(), full_name, &commit)))
}

fn list_statuses(call: &mut Call, full_name: &str, commit: &str) -> Outcome {
    let commit = call.admit_to_commit(full_name, commit)?;
    let mut statuses = call.world.statuses(full_name, &commit);
    if let Some(refname) = call.request.query("refname") {
        statuses.retain(|status| status.is_for(&refname));
    }
    call.page(PAGE_MAX, statuses.iter().map(|status| shapes::status(&call.request.base(), full_name, status)))
}

/// Creates a status, or overwrites the one with the same key and refname. Whether the latter is answered with
/// 200 or with 201 is not known; 200 is assumed.
fn create_status(call: &mut Call, full_name: &str, commit: &str) -> Outcome {
    let commit = call.admit_to_commit(full_name, commit)?;
    let fields = rules::status(&call.object()?)?;
    let statuses = &call.world.repository_mut(full_name).statuses;
    let is_same = |status: &&Status| status.refname == fields.refname;
    let present = statuses.with_key(&commit, &fields.key).find(is_same).cloned();
    let code = if present.is_some() { 200 } else { 201 };
    let status = write_status(call, full_name, &commit, fields, present.as_ref())?;
    Ok(Answer::json(code, &shapes::status(&call.request.base(), full_name, &status)))
}

/// Which one is meant when statuses for several branches share the key is not documented; the latest is
/// assumed.
fn get_status(call: &mut Call, full_name: &str, commit: &str, key: &str) -> Outcome {
    let commit = call.admit_to_commit(full_name, commit)?;
    let statuses = &call.world.repository_mut(full_name).statuses;
    let status = statuses.with_key(&commit, key).max_by_key(|status| &status.updated_on);
    let status = status.ok_or_else(|| refusals::not_found("Build status"))?;
    Ok(Answer::json(200, &shapes::status(&call.request.base(), full_name, status)))
}

/// Changes the fields that are given, except the key, which "cannot be changed". Null counts as not given:
/// `refname` "cannot be set to null" once it is set. With several statuses of the key the service answers
/// 500. Both: `jenkinsci/bitbucket-branch-source-plugin` #930.
fn update_status(call: &mut Call, full_name: &str, commit: &str, key: &str) -> Outcome {
    let commit = call.admit_to_commit(full_name, commit)?;
    let changes = call.object()?;
    let named: Vec<_> = call.world.repository_mut(full_name).statuses.with_key(&commit, key).collect();
    let present = match named.as_slice() {
        [] => return Err(refusals::not_found("Build status")),
        [status] => (*status).clone(),
        _ => return Err(refusals::broken()),
    };
    let mut merged = Map::new();
    for (field, value) in [
        ("state", Some(&present.state)),
        ("name", present.name.as_ref()),
        ("description", present.description.as_ref()),
        ("url", present.url.as_ref()),
        ("refname", present.refname.as_ref()),
    ] {
        merged.insert(field.to_owned(), json!(value));
    }
    merged.extend(changes.into_iter().filter(|(_, value)| !value.is_null()));
    merged.insert("key".to_owned(), json!(key));
    let fields = rules::status(&merged)?;
    let status = write_status(call, full_name, &commit, fields, Some(&present))?;
    Ok(Answer::json(200, &shapes::status(&call.request.base(), full_name, &status)))
}

/// Writes a new status, or over a present one. Only its creator and the administrators of the repository
/// may do the latter: <https://developer.atlassian.com/cloud/bitbucket/bitbucket-api-changes-commit-status/>.
/// 403 and its body are assumed, and that an administrator does not become the author.
fn write_status(
    call: &mut Call,
    full_name: &str,
    commit: &str,
    fields: rules::StatusFields,
    present: Option<&Status>,
) -> Result<Status, Answer> {
    let visitor = call.visitor.clone().ok_or_else(refusals::unauthenticated)?;
    let administers = visitor.administers(call.world, full_name);
    let now = call.world.tick();
    if present.is_some_and(|present| present.author != visitor.account && !administers) {
        return Err(refusals::forbidden());
    }
    let status = Status {
        commit: commit.to_owned(),
        key: fields.key,
        state: fields.state,
        name: fields.name,
        description: fields.description,
        url: fields.url,
        refname: fields.refname,
        author: present.map_or(visitor.account, |present| present.author.clone()),
        created_on: present.map_or_else(|| now.clone(), |present| present.created_on.clone()),
        updated_on: now,
    };
    call.world.repository_mut(full_name).statuses.write(present, status.clone());
    Ok(status)
}

/// The open ones, or those in the states asked for:
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/#api-repositories-workspace-repo-slug-pullrequests-get>
fn list_pull_requests(call: &mut Call, full_name: &str) -> Outcome {
    call.admit(full_name, Scope::PullRequest)?;
    let wanted = call.request.query("state").unwrap_or_else(|| "OPEN".to_owned());
    let all = call.world.pull_requests(full_name);
    let shown = all.filter(|pull_request| pull_request.state == wanted);
    let base = call.request.base();
    call.page(
        PULL_REQUESTS_PAGE_MAX,
        shown.map(|pull_request| shapes::pull_request(&base, call.world, pull_request)),
    )
}

fn pull_request(call: &mut Call, full_name: &str, id: &str) -> Outcome {
    call.admit(full_name, Scope::PullRequest)?;
    let pull_request = call.pull_request(full_name, id)?;
    Ok(Answer::json(200, &shapes::pull_request(&call.request.base(), call.world, pull_request)))
}

fn pull_request_statuses(call: &mut Call, full_name: &str, id: &str) -> Outcome {
    call.admit(full_name, Scope::PullRequest)?;
    let PullRequest { id, source_repository, .. } = call.pull_request(full_name, id)?;
    let statuses = call.world.pull_request_statuses(full_name, *id);
    call.page(
        PAGE_MAX,
        statuses.iter().map(|status| shapes::status(&call.request.base(), source_repository, status)),
    )
}

fn list_reports(call: &mut Call, full_name: &str, commit: &str) -> Outcome {
    let commit = call.admit_to_commit(full_name, commit)?;
    call.page(
        PAGE_MAX,
        call.world.reports(full_name, &commit).into_iter().map(|report| Value::Object(report.fields)),
    )
}

fn get_report(call: &mut Call, full_name: &str, commit: &str, id: &str) -> Outcome {
    let commit = call.admit_to_commit(full_name, commit)?;
    let report = call.report(full_name, &commit, id)?;
    Ok(Answer::json(200, &Value::Object(report.fields.clone())))
}

/// Creates a report or replaces one; its annotations stay: `reviewdog/reviewdog` #1344.
fn put_report(call: &mut Call, full_name: &str, commit: &str, id: &str) -> Outcome {
    let commit = call.admit_to_commit(full_name, commit)?;
    let mut fields = call.object()?;
    rules::report(&fields)?;
    let now = call.world.tick();
    let reports = &mut call.world.repository_mut(full_name).reports;
    let present = reports.iter().position(|report| report.commit == commit && report.external_id == id);
    let index = present.unwrap_or_else(|| {
        reports.push(Report {
            commit: commit.clone(),
            external_id: id.to_owned(),
            fields: Map::from_iter([("created_on".to_owned(), json!(now))]),
            annotations: Vec::new(),
        });
        reports.len() - 1
    });
    fields.insert("type".to_owned(), json!("report"));
    fields.insert("uuid".to_owned(), json!(uuid(&format!("{commit} {id}"))));
    fields.insert("external_id".to_owned(), json!(id));
    fields.insert("created_on".to_owned(), reports[index].fields["created_on"].clone());
    fields.insert("updated_on".to_owned(), json!(now));
    reports[index].fields.clone_from(&fields);
    Ok(Answer::json(200, &Value::Object(fields)))
}

/// Answers 204 for a report that is not there, too. Clients have seen both that and 404.
fn delete_report(call: &mut Call, full_name: &str, commit: &str, id: &str) -> Outcome {
    let commit = call.admit_to_commit(full_name, commit)?;
    let reports = &mut call.world.repository_mut(full_name).reports;
    reports.retain(|report| report.commit != commit || report.external_id != id);
    Ok(Answer::empty(204))
}

fn list_annotations(call: &mut Call, full_name: &str, commit: &str, id: &str) -> Outcome {
    let commit = call.admit_to_commit(full_name, commit)?;
    let annotations = call.report(full_name, &commit, id)?.annotations.clone();
    call.page(PAGE_MAX, annotations.into_iter().map(Value::Object))
}

/// That an annotation with a known id replaces the former one is assumed.
fn add_annotations(call: &mut Call, full_name: &str, commit: &str, id: &str) -> Outcome {
    let id_of =
        |annotation: &Map<String, Value>| annotation["external_id"].as_str().unwrap_or_default().to_owned();
    let commit = call.admit_to_commit(full_name, commit)?;
    let present = call.report(full_name, &commit, id)?.annotations.iter().map(id_of).collect();
    let mut added = rules::annotations(&call.json()?, &present)?;
    let now = call.world.tick();
    let report = call.report(full_name, &commit, id)?;
    for annotation in &mut added {
        let own = id_of(annotation);
        annotation.insert("type".to_owned(), json!("report_annotation"));
        annotation.insert("uuid".to_owned(), json!(uuid(&format!("{} {id} {own}", report.commit))));
        annotation.insert("created_on".to_owned(), json!(now));
        annotation.insert("updated_on".to_owned(), json!(now));
        match report.annotations.iter_mut().find(|known| id_of(known) == own) {
            Some(known) => known.clone_from(annotation),
            None => report.annotations.push(annotation.clone()),
        }
    }
    Ok(Answer::json(200, &json!(added)))
}

/// The parts of a value that the paths lead to:
/// <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#partial-response>
fn only(value: &Value, paths: &[&[&str]]) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| only(item, paths)).collect(),
        Value::Object(fields) => {
            let kept = fields.iter().filter_map(|(name, value)| {
                let within: Vec<&[&str]> = paths
                    .iter()
                    .filter_map(|path| path.split_first())
                    .filter(|(first, _)| *first == name)
                    .map(|(_, rest)| rest)
                    .collect();
                let is_whole = within.iter().any(|rest| rest.is_empty());
                let part = || if is_whole { value.clone() } else { only(value, &within) };
                (!within.is_empty()).then(|| (name.clone(), part()))
            });
            Value::Object(kept.collect())
        }
        _ => value.clone(),
    }
}

/// A request on its way to its answer.
struct Call<'a> {
    world: &'a mut World,
    request: &'a Request,
    visitor: Option<Visitor>,
    scope: Option<Scope>,
}

impl Call<'_> {
    /// Who is asking for an operation of that scope, with the request counted against their allowance.
    fn identify(&mut self, scope: Scope) -> Result<Option<Visitor>, Answer> {
        self.scope = Some(scope);
        let authorization = self.request.header(header::AUTHORIZATION);
        self.visitor = credentials::identify(self.world, authorization.as_deref())?;
        if self.visitor.as_ref().is_some_and(|visitor| !self.world.spend(visitor.counted_on())) {
            return Err(refusals::rate_limited());
        }
        Ok(self.visitor.clone())
    }

    /// Lets those in who may see the repository and have the scope. Without a credential public repositories
    /// can be read; how writing is then refused is assumed.
    fn admit(&mut self, full_name: &str, scope: Scope) -> Result<(), Answer> {
        let visitor = self.identify(scope)?;
        if let Some(visitor) = &visitor {
            visitor.require(scope)?;
        }
        let workspace = full_name.split('/').next().unwrap_or_default();
        if !self.world.has_workspace(workspace) {
            return Err(refusals::no_workspace(workspace));
        }
        let sees = match &visitor {
            Some(visitor) => visitor.sees(self.world, full_name),
            None => credentials::is_public(self.world, full_name),
        };
        if !sees || self.world.repository(full_name).is_none() {
            return Err(refusals::no_repository());
        }
        if visitor.is_none() && self.request.method != Method::GET {
            return Err(refusals::unauthenticated());
        }
        match self.world.closed.get(full_name) {
            Some(closed) if self.request.method != Method::GET => Err(closed.refusal()),
            _ => Ok(()),
        }
    }

    /// The repository that is meant by this name. After a renaming Bitbucket sends clients on
    /// (`zarplata/concourse-git-bitbucket-pr-resource` #39); that it looks at the credential first is assumed.
    fn moved_to(&mut self, full_name: &str) -> Result<String, Answer> {
        let Some(moved) = self.world.moves.get(full_name).cloned() else {
            return Ok(full_name.to_owned());
        };
        match moved {
            Move::Silent(name) => Ok(name),
            Move::Announced(name) => {
                self.admit(&name, Scope::Repository)?;
                let rest = self.request.path_and_query().splitn(6, '/').nth(5);
                let rest = rest.map(|rest| format!("/{rest}")).unwrap_or_default();
                let location = format!("{}/repositories/{name}{rest}", self.request.base());
                Err(refusals::moved(&location))
            }
        }
    }

    /// The same for one of the repository's commits, whose full hash it returns.
    fn admit_to_commit(&mut self, full_name: &str, commit: &str) -> Result<String, Answer> {
        self.admit(full_name, Scope::Repository)?;
        let found = self.world.repository_mut(full_name).commit(commit);
        let found = found.filter(|found| !self.world.is_late(full_name, found));
        found.ok_or_else(|| refusals::no_commit(commit))
    }

    fn pull_request(&self, full_name: &str, id: &str) -> Result<&PullRequest, Answer> {
        let found = id.parse().ok().and_then(|id| self.world.pull_request(full_name, id));
        found.ok_or_else(|| refusals::not_found("Pull request"))
    }

    fn report(&mut self, full_name: &str, commit: &str, id: &str) -> Result<&mut Report, Answer> {
        let mut reports = self.world.repository_mut(full_name).reports.iter_mut();
        let found = reports.find(|report| report.commit == commit && report.external_id == id);
        found.ok_or_else(|| refusals::insights(404, "Report not found"))
    }

    /// The body, which has to be JSON and to say so. The refusal's words for this case are assumed.
    fn json(&self) -> Result<Value, Answer> {
        let kind = self.request.header(header::CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(refusals::bad_request());
        }
        serde_json::from_slice(&self.request.body).map_err(|_| refusals::bad_request())
    }

    fn object(&self) -> Result<Map<String, Value>, Answer> {
        match self.json()? {
            Value::Object(fields) => Ok(fields),
            _ => Err(refusals::bad_request()),
        }
    }

    /// One page of a list, of `max` values at most: <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination>
    fn page(&self, max: usize, values: impl IntoIterator<Item = Value>) -> Outcome {
        let page = self.number("page", 1, usize::MAX)?;
        let length = self.number("pagelen", PAGE_DEFAULT, max)?;
        let values: Vec<Value> = values.into_iter().collect();
        let size = values.len();
        let values: Vec<Value> =
            values.into_iter().skip((page - 1).saturating_mul(length)).take(length).collect();
        let mut body = json!({ "page": page, "pagelen": length, "size": size, "values": values });
        if page.saturating_mul(length) < size {
            body["next"] = json!(self.page_address(page + 1));
        }
        if page > 1 {
            body["previous"] = json!(self.page_address(page - 1));
        }
        if let Some(fields) = self.request.query("fields") {
            let paths: Vec<Vec<&str>> = fields.split(',').map(|path| path.split('.').collect()).collect();
            body = only(&body, &paths.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        Ok(Answer::json(200, &body))
    }

    fn number(&self, parameter: &str, default: usize, max: usize) -> Result<usize, Answer> {
        let Some(value) = self.request.query(parameter) else {
            return Ok(default);
        };
        let number = value.parse().ok().filter(|number| (1..=max).contains(number));
        number.ok_or_else(|| refusals::bad_page(parameter))
    }

    fn page_address(&self, page: usize) -> String {
        let query = self.request.uri.query().unwrap_or_default();
        let kept = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "page");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(kept).append_pair("page", &page.to_string()).finish();
        format!("{}://{}{}?{query}", self.request.scheme, self.request.host(), self.request.uri.path())
    }

    /// Adds the headers that say how the credential was understood, seen in
    /// `jenkinsci/bitbucket-branch-source-plugin` #192, and the rate limit's, which only access tokens get:
    /// <https://bitbucket.org/blog/introducing-scaled-rate-limits-for-bitbucket-cloud-api>. The name of the
    /// resource is assumed.
    fn sign(&self, answer: Answer) -> Answer {
        let answer = answer.with("x-request-count", self.world.requests().to_string());
        let Some(visitor) = &self.visitor else {
            return answer;
        };
        let mut answer = answer
            .with("x-credential-type", visitor.credential_type())
            .with("x-oauth-scopes", visitor.scopes().join(", "));
        if let Some(scope) = self.scope {
            answer = answer.with("x-accepted-oauth-scopes", visitor.wording(scope));
        }
        if visitor.is_access_token() {
            let allowance = self.world.allowance(visitor.counted_on());
            let limit = allowance.map_or(REQUESTS_PER_HOUR, Allowance::limit);
            let is_near = allowance.is_some_and(|allowance| allowance.is_nearly_spent(Instant::now()));
            answer = answer
                .with("x-ratelimit-limit", limit.to_string())
                .with("x-ratelimit-resource", "repositories")
                .with("x-ratelimit-nearlimit", is_near.to_string());
        }
        answer
    }
}
