//! Answers of services.
//!
//! An answer is a line with its status code and further numbers, a line for each header, an empty line, and the body.
//! Several answers have a zero byte between them; the last one is the answer to all further requests.

use std::{
    fmt::Debug,
    rc::Rc,
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures_util::FutureExt as _;
use percent_encoding::percent_decode_str;
use reqwest::{
    StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Log, check_status, files::status_of};
use crate::{
    bitbucket::{
        api::Bitbucket,
        credential::{Credential, CredentialKind},
        refusal::Refusal,
    },
    console::text::one_line,
    explain::tell::{Refused, tell},
    http::{
        authorization::Authorization,
        body::Body,
        client::{Client, Retries},
        deadline::Deadline,
        failed_request::Service,
        proxy::Proxies,
        retry::{self, Next},
        throttle::{Admission, Outage, Throttle},
        transport::{BODY_MAX_BYTES, Response, Transport},
    },
    model::{
        analysis::{AddressOrigin, ServerAddress, Subject},
        status::Status,
        target::{CommitHash, PullRequestId, Repository, Target},
    },
    run::report,
    sonarqube::{
        api::SonarQube,
        gate::{Gate, Level},
        issues::IssuePage,
    },
};

/// Secrets of the run, as the services may send them back.
const TOKEN: &str = "ATCTT3xFfGN0-of-the-run-7d1f3c55e0a94b";
const SONAR_TOKEN: &str = "squ_0123456789abcdef0123456789abcdef01234567";
const MINUTE: Duration = Duration::from_mins(1);
/// Where an OAuth consumer gets its tokens.
const CONSUMER_TOKENS: &str = "https://bitbucket.org/site/oauth2/access_token";
/// A request may be sent again with another token, which takes a request, too.
const MORE_REQUESTS: usize = 3;

thread_local! {
    /// Making one takes longer than everything else.
    pub(super) static TRANSPORT: Transport =
        Transport::new([], Arc::new(Proxies::default()), 1).expect("the built-in roots are valid");
    /// No answer is waited for, but a pause needs a clock.
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("there is memory");
}

/// An answer, and the numbers after its status code.
struct Answer {
    response: Response,
    numbers: Vec<u64>,
}

impl Answer {
    fn read(text: &[u8]) -> Option<Self> {
        let end = text.windows(2).position(|pair| pair == b"\n\n").unwrap_or(text.len());
        let (head, body) = text.split_at(end);
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = str::from_utf8(lines.next()?).ok()?;
        let mut words = first.split_ascii_whitespace();
        let status_code = StatusCode::from_str(words.next()?).ok()?;
        let headers: HeaderMap = lines
            .filter_map(|line| {
                let at = line.iter().position(|byte| *byte == b':')?;
                let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?;
                Some((HeaderName::from_bytes(&line[..at]).ok()?, value))
            })
            .collect();
        let body = Body::new(body.get(2..).unwrap_or_default().to_vec(), false);
        let numbers = words.map_while(|word| word.parse().ok()).collect();
        Some(Self { response: Response { status_code, headers, body }, numbers })
    }

    fn number(&self, at: usize) -> u64 {
        self.numbers.get(at).copied().unwrap_or_default()
    }

    fn transport(&self) -> Transport {
        transport(vec![self.response.clone()])
    }
}

/// The responses in a text of answers.
pub(super) fn responses(text: &[u8]) -> Vec<Response> {
    let answers = text.split(|byte| *byte == 0).filter_map(Answer::read);
    answers.map(|answer| answer.response).collect()
}

/// A transport with these responses in place of a network.
pub(super) fn transport(responses: Vec<Response>) -> Transport {
    TRANSPORT.with(|transport| transport.answering(responses))
}

/// The requests that a transport has answered. Each goes to the API, or asks for the token of an OAuth consumer. It names no
/// user, and holds no secret but its one credential.
pub(super) fn check_requests(transport: &Transport, api: &Url, log: &Log) -> Vec<reqwest::Request> {
    let requests = transport.take_requests();
    for request in &requests {
        let url = request.url();
        let is_of_api = url.origin() == api.origin() && url.path().starts_with(&format!("{}/", api.path()));
        assert!(is_of_api || url.as_str() == CONSUMER_TOKENS, "{url}");
        assert!(url.username().is_empty() && url.password().is_none(), "{url}");
        assert!(request.headers().get_all(AUTHORIZATION).iter().count() <= 1, "{:?}", request.headers());
        log.check_secrets(&percent_decode_str(url.as_str()).decode_utf8_lossy());
        log.check_secrets(&body_of(request));
    }
    requests
}

/// What a request sends.
pub(super) fn body_of(request: &reqwest::Request) -> String {
    let bytes = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

/// The result of a request that is answered at once; `None` when the answer makes the next request wait.
pub(super) fn now<T>(request: impl Future<Output = T>) -> Option<T> {
    RUNTIME.with(|runtime| {
        let _guard = runtime.enter();
        Box::pin(request).now_or_never()
    })
}

/// A client that asks the transport once.
fn client<'a>(
    service: Service,
    transport: &'a Transport,
    log: &'a Log,
    authorization: &'a Authorization,
    (throttle, deadline): &'a (Throttle, Deadline),
    base_url: &'a Url,
) -> Client<'a> {
    Client {
        transport,
        console: &log.console,
        service,
        authorization,
        throttle,
        base_url,
        deadline,
        body_max_bytes: BODY_MAX_BYTES,
        retries: Retries::No,
        effect: None,
    }
}

fn unused_throttle() -> (Throttle, Deadline) {
    (Throttle::new(MINUTE, Outage::default()), Deadline::after(MINUTE))
}

/// Returns the value, which holds no secret. Tells the reader about a refusal.
fn check<T: Debug, R: Refused>(result: Option<Result<T, Box<R>>>, log: &Log) -> Option<T> {
    match result? {
        Ok(value) => {
            log.check_secrets(&format!("{value:?}"));
            Some(value)
        }
        Err(refusal) => {
            assert!(!refusal.explain().reasons.is_empty());
            tell(&*refusal, &log.console);
            assert!(!log.read().is_empty());
            None
        }
    }
}

/// Answers of Bitbucket; the number after the first status code is that of the credential. Each line that is printed is
/// short, visible and without a secret, and there is a reason for each refusal. A status is posted only if the answer
/// has its key and its state, or is 204. A list ends, and none of its pages is elsewhere.
pub fn bitbucket(text: &[u8]) {
    let Some(answer) = text.split(|byte| *byte == 0).next().and_then(Answer::read) else { return };
    let responses = responses(text);
    let base_url = Url::parse("https://api.bitbucket.org/2.0").expect("it is an address");
    let repository = Repository::from_full_name("acme/api").expect("it is a name");
    let commit = CommitHash::parse("8d081548cabb").expect("it is a hash");
    let status = status_of("failed", Some("acme_api".to_owned()), Some("feature/x".to_owned()));
    let refname = status.refname.clone();
    let target = Target { repository: repository.clone(), commit: commit.clone(), refname };
    let log = Log::new(&[TOKEN]);
    for question in 0..13 {
        let transport = transport(responses.clone());
        let credential = Rc::new(Credential::new(credential(answer.number(0)), Rc::new(unused_throttle().0)));
        log.console.hide(credential.secrets_in_headers());
        let used = unused_throttle();
        let client =
            client(Service::Bitbucket, &transport, &log, &credential.authorization, &used, &base_url);
        let bitbucket = Bitbucket { client, credential: &credential };
        match question {
            0 => {
                let posted = check(now(bitbucket.post_status(&repository, &commit, &status)), &log);
                let says_posted = |response: &Response| says_posted(response, &status);
                assert!(posted.is_none() || responses.iter().any(says_posted), "it is not posted");
            }
            1 => drop(check(now(bitbucket.pull_request_source(&repository, PullRequestId(7))), &log)),
            2 => drop(check(now(bitbucket.source_commit(&repository, PullRequestId(7))), &log)),
            3 => drop(check(now(bitbucket.branch_head(&repository, "feature/x")), &log)),
            4 => drop(check(now(bitbucket.read_repository(&repository)), &log)),
            5 => drop(check(now(bitbucket.read_commit(&repository, &commit)), &log)),
            6 => drop(check(now(bitbucket.standing_status(&target, &status.key)), &log)),
            7 => drop(check(now(bitbucket.status_creator(&repository, &commit, &status.key)), &log)),
            8 => drop(check(now(bitbucket.list_repositories("acme", None)), &log)),
            9 => drop(check(now(bitbucket.list_repositories("acme", Some("APPS"))), &log)),
            10 => drop(check(now(bitbucket.main_branch(&repository)), &log)),
            11 => drop(check(now(bitbucket.open_pull_requests(&repository)), &log)),
            _ => drop(check(now(bitbucket.list_statuses(&repository, &commit)), &log)),
        }
        log.read();
        let requests = check_requests(&transport, &base_url, &log);
        // The last answer comes again, and leads to the same page.
        assert!(requests.len() <= responses.len() + MORE_REQUESTS, "{} requests", requests.len());
    }
}

/// The refusal of a status with this body.
pub(super) fn refused_status(body: &str, log: &Log) -> Box<Refusal> {
    let body = Body::new(body.as_bytes().to_vec(), false);
    let response = Response { status_code: StatusCode::BAD_REQUEST, headers: HeaderMap::new(), body };
    let transport = transport(vec![response]);
    let base_url = Url::parse("https://api.bitbucket.org/2.0").expect("it is an address");
    let credential = Rc::new(Credential::new(credential(0), Rc::new(unused_throttle().0)));
    let used = unused_throttle();
    let client = client(Service::Bitbucket, &transport, log, &credential.authorization, &used, &base_url);
    let bitbucket = Bitbucket { client, credential: &credential };
    let repository = Repository::from_full_name("acme/api").expect("it is a name");
    let commit = CommitHash::parse("8d081548cabb").expect("it is a hash");
    let posted = now(bitbucket.post_status(&repository, &commit, &status_of("failed", None, None)));
    posted.expect("there is an answer").expect_err("400 is a refusal")
}

fn says_posted(response: &Response, sent: &Status) -> bool {
    let says = |field: &str, sent: &str| response.body.json().is_some_and(|body| body[field] == sent);
    match response.status_code {
        StatusCode::NO_CONTENT => true,
        StatusCode::OK | StatusCode::CREATED => {
            says("key", sent.key.as_str()) && says("state", sent.state.as_str())
        }
        _ => false,
    }
}

fn credential(number: u64) -> CredentialKind {
    let token = SecretString::from(TOKEN);
    match number % 4 {
        0 => CredentialKind::AccessToken { token, entry: None },
        1 => CredentialKind::AccessToken { token, entry: Some("acme/api".to_owned()) },
        2 => CredentialKind::ApiToken { email: "jane@acme.example".to_owned(), token },
        _ => CredentialKind::OauthConsumer { key: "key-of-acme".into(), secret: token },
    }
}

/// An answer of SonarQube. Each line that is printed is short, visible and without a secret; so is what becomes a status.
/// It is green only if the gate itself says `OK`.
pub fn sonarqube(text: &[u8]) {
    let Some(answer) = Answer::read(text) else { return };
    let transport = answer.transport();
    let address = server(Url::parse("https://sonar.acme.example/sonar").expect("it is an address"));
    let authorization = Authorization::bearer(SONAR_TOKEN.into(), "with the token (SONAR_TOKEN)".to_owned());
    let (of_pull_request, of_branch) =
        (Subject::PullRequest("7".to_owned()), Subject::Branch("feature/x".to_owned()));
    let log = Log::new(&[SONAR_TOKEN]);
    let json = answer.response.body.json();
    let gate_of_status = json.and_then(|json| json.get("projectStatus"));
    let gate_of_measures = json.and_then(gate_of_measures);
    for question in 0..11 {
        let used = unused_throttle();
        let client = client(Service::SonarQube, &transport, &log, &authorization, &used, &address.url);
        let sonarqube = SonarQube { client, has_token: true, address: &address, version: Some("9.9.1") };
        let project = "acme_api";
        match question {
            0 => drop(check(now(sonarqube.task("AY-1")), &log)),
            1 => drop(check(now(sonarqube.tasks_of_project(project)), &log)),
            2 => drop(check(now(sonarqube.revision(project, &of_branch, "AY-2")), &log)),
            3 => drop(check(now(sonarqube.pull_requests(project)), &log)),
            4 => drop(check(now(sonarqube.branches(project)), &log)),
            5 => check_gate(check(now(sonarqube.gate_of_analysis("AY-2")), &log), gate_of_status, &log),
            6 => check_gate(
                check(now(sonarqube.gate_of_project(project, &of_branch)), &log),
                gate_of_status,
                &log,
            ),
            7 => check_gate(
                check(now(sonarqube.gate_by_measures(project, &of_pull_request)), &log),
                gate_of_measures.as_ref(),
                &log,
            ),
            8 => drop(check(now(sonarqube.token_is_valid()), &log)),
            9 => check_issues(check(now(sonarqube.issues(project, &of_pull_request, 1, 500)), &log)),
            _ => check_issues(check(now(sonarqube.hotspots(project, &of_branch)), &log)),
        }
        log.read();
    }
}

/// The gate among the measures of an answer: its details, and its status if these are not JSON.
fn gate_of_measures(json: &Value) -> Option<Value> {
    let measures = json.pointer("/component/measures")?.as_array()?;
    let value = |metric: &str| measures.iter().find(|measure| measure["metric"] == metric)?.get("value");
    let details = value("quality_gate_details").and_then(Value::as_str);
    details
        .and_then(|details| serde_json::from_str(details).ok())
        .or_else(|| Some(json!({ "status": value("alert_status")? })))
}

/// Whether the gate itself says `OK`, whatever its conditions say.
pub(super) fn says_ok(gate: &Value) -> bool {
    let word = |field: &str| Some(one_line(gate.get(field)?.as_str()?)).filter(|word| !word.is_empty());
    word("status").or_else(|| word("level")).is_some_and(|word| word == "OK")
}

fn check_gate(gate: Option<Gate>, answered: Option<&Value>, log: &Log) {
    let Some(gate) = gate else { return };
    assert!(gate.level != Level::Ok || answered.is_some_and(says_ok), "{gate:?}");
    report::gate(&gate, "pull request 7", &log.console);
    let status = status_of(&gate.words("pull request 7", 255), Some("acme_api".to_owned()), None);
    check_status(&status);
    log.check(&status.description);
}

fn check_issues(page: Option<IssuePage>) {
    let Some(IssuePage { issues, total, received, others, unreadable }) = page else { return };
    assert!(issues.len() + others + unreadable <= received && received <= total);
    for issue in issues {
        assert!(!issue.key.is_empty() && issue.message.chars().count() <= 4000 && issue.line != Some(0));
    }
}

fn server(url: Url) -> ServerAddress {
    ServerAddress { url, origin: AddressOrigin::File, reported: None }
}

/// Calls `use_it` with a client of a SonarQube, which is not asked.
pub(super) fn with_sonarqube(url: &Url, authorization: &Authorization, use_it: impl FnOnce(SonarQube<'_>)) {
    let (log, used, address) = (Log::new(&[]), unused_throttle(), server(url.clone()));
    TRANSPORT.with(|transport| {
        let client = client(Service::SonarQube, transport, &log, authorization, &used, &address.url);
        use_it(SonarQube { client, has_token: true, address: &address, version: None });
    });
}

/// An answer with a pause. The numbers after the status code are the milliseconds to the deadline, the failures in a row,
/// the random number in 255 parts, and the time in seconds since 1970. No attempt begins after the deadline.
pub fn retry_after(text: &[u8]) {
    let Some(answer) = Answer::read(text) else { return };
    let remaining = Duration::from_millis(answer.number(0) % 10_000_000);
    let failures = u32::try_from(answer.number(1)).unwrap_or(u32::MAX);
    #[expect(clippy::cast_precision_loss, reason = "it is a small number")]
    let jitter = (answer.number(2) % 256) as f64 / 255.0;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(answer.number(3) % (1 << 40));
    let attempt = Ok(answer.response.clone());
    let next = retry::next(failures, &attempt, remaining, now, jitter);
    match next {
        Next::Retry(pause) => assert!(pause < remaining, "{pause:?} of {remaining:?}"),
        Next::TooLate(pause) => assert!(pause >= remaining, "{pause:?} of {remaining:?}"),
        Next::End => {}
    }

    let (throttle, _) = unused_throttle();
    let (sent, deadline) = (Instant::now(), Instant::now() + remaining);
    throttle.record(&attempt, sent);
    if let Next::Retry(pause) | Next::TooLate(pause) = next {
        throttle.pause(sent, pause, &attempt);
    }
    let mut slot = None;
    for _ in 0..3 {
        match throttle.admit(deadline, true, &mut slot) {
            Admission::AfterPause(end) => assert!(end < deadline, "the pause ends after the deadline"),
            // A slot is a moment of the credential's queue, and not a pause of the service.
            Admission::InSlot(at) => assert!(at <= sent + MINUTE, "a slot is in {:?}", at - sent),
            Admission::Now | Admission::TooLate(..) | Admission::GivenUp(_) => {}
        }
    }
}
