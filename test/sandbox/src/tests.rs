//! The rules of the sandbox's Bitbucket, tested without a network.

mod allowance;
mod changes;
mod credentials;
mod fleet;
mod reports;
mod repositories;
mod sonar;
mod statuses;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use serde_json::Value;

use crate::message::{Answer, Request};
use crate::{API_TOKEN, CI_EMAIL, World, bitbucket};

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
