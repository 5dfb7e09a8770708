//! How the run behaves, whatever it does.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reqwest::Url;

use crate::{
    config::{
        findings::Findings,
        parse::{flag, whole_number},
        variables::Variables,
    },
    console::foreign::{holds_credential, shown},
    http::proxy::{Exceptions, Proxies},
    model::address::{is_this_machine, service_address},
};

/// `MODE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Publish,
    Check,
    Settle,
    Targets,
}

/// `SUMMARY_FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SummaryPath {
    pub(crate) path: PathBuf,
    pub(crate) format: SummaryFormat,
}

/// The format of the page of a run, which the end of its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SummaryFormat {
    Html,
    Markdown,
}

/// How the run behaves.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) dry_run: bool,
    pub(crate) debug: bool,
    /// For all requests about one target to Bitbucket, retries included, and for each question to SonarQube.
    pub(crate) timeout: Duration,
    /// The number of targets at once, and of requests at once to each service.
    pub(crate) concurrency: usize,
    pub(crate) api_url: Url,
    pub(crate) proxies: Arc<Proxies>,
    /// The proxy of Pipelines, through which a report goes without a credential.
    pub(crate) report_proxy: Url,
    pub(crate) ssl_cert_file: Option<PathBuf>,
    pub(crate) result_file: Option<PathBuf>,
    pub(crate) resume: bool,
    /// The file for the page of the run.
    pub(crate) summary_file: Option<SummaryPath>,
    /// The file for output variables of the pipeline.
    pub(crate) output_variables: Option<PathBuf>,
    /// Whether the log is coloured; `None` when the terminal decides.
    pub(crate) colour: Option<bool>,
}

const API_URL: &str = "https://api.bitbucket.org/2.0";
/// Seconds; a step of a pipeline may wait this long for a rate limit.
const TIMEOUT_DEFAULT: u64 = 120;
/// Seconds; Bitbucket's rate limits are counted over one hour.
const TIMEOUT_MAX: u64 = 3600;

/// A run of 60 targets ends within seconds.
const CONCURRENCY_DEFAULT: u64 = 8;
/// With more, a run would only reach the rate limit sooner.
const CONCURRENCY_MAX: u64 = 64;

impl Settings {
    /// Reads the settings. A wrong value is a problem, and its setting keeps the default.
    ///
    /// # Errors
    ///
    /// None that a variable can cause: the built-in address is valid.
    pub(crate) fn from_variables(variables: &Variables, findings: &mut Findings) -> anyhow::Result<Self> {
        let mut settings = Self {
            mode: mode(variables.mode.as_deref(), findings),
            dry_run: flag("DRY_RUN", variables.dry_run.as_deref(), false, findings),
            debug: flag("DEBUG", variables.debug.as_deref(), false, findings),
            timeout: Duration::from_secs(whole_number(
                "TIMEOUT",
                variables.timeout.as_deref(),
                TIMEOUT_DEFAULT,
                1..=TIMEOUT_MAX,
                findings,
            )),
            concurrency: usize::try_from(whole_number(
                "CONCURRENCY",
                variables.concurrency.as_deref(),
                CONCURRENCY_DEFAULT,
                1..=CONCURRENCY_MAX,
                findings,
            ))?,
            api_url: match api_url(variables.bitbucket_api_url.as_deref(), findings) {
                Some(url) => url,
                None => Url::parse(API_URL)?,
            },
            proxies: Arc::default(),
            report_proxy: match report_proxy(variables, findings) {
                Some(url) => url,
                None => Url::parse(REPORT_PROXY_OF_SCRIPT)?,
            },
            ssl_cert_file: path(variables.ssl_cert_file.as_deref()),
            result_file: path(variables.result_file.as_deref()),
            resume: flag("RESUME", variables.resume.as_deref(), false, findings),
            summary_file: summary_path(variables.summary_file.as_deref(), findings),
            output_variables: path(variables.bitbucket_pipelines_variables_path.as_deref()),
            colour: match (&variables.no_color, &variables.ci) {
                (Some(_), _) => Some(false),
                (None, Some(_)) => Some(true),
                (None, None) => None,
            },
        };
        settings.proxies = Arc::new(proxies(variables, &settings.api_url, findings));
        settings.check_written_files(variables, findings);
        Ok(settings)
    }

    /// Leaves out a `RESULT_FILE` or `SUMMARY_FILE` that would overwrite another file or that was refused, and `RESUME` without
    /// a `RESULT_FILE`.
    fn check_written_files(&mut self, variables: &Variables, findings: &mut Findings) {
        let targets = path(variables.targets_file.as_deref());
        let mut others = vec![
            ("TARGETS_FILE", targets.as_deref()),
            ("SSL_CERT_FILE", self.ssl_cert_file.as_deref()),
            ("BITBUCKET_PIPELINES_VARIABLES_PATH", self.output_variables.as_deref()),
        ];
        let _ = self
            .result_file
            .take_if(|path| is_one_of("RESULT_FILE", path, &others, "results.jsonl", findings));
        others.push(("RESULT_FILE", self.result_file.as_deref()));
        let _ = self
            .summary_file
            .take_if(|summary| is_one_of("SUMMARY_FILE", &summary.path, &others, "summary.html", findings));
        if self.resume && self.result_file.is_none() {
            findings.problem(
                "RESUME",
                "is true without a RESULT_FILE, which would record what was delivered: every status is posted",
                "RESUME together with RESULT_FILE",
                "pass the RESULT_FILE of the run that Gatepost continues, or remove RESUME",
            );
            self.resume = false;
        }
        // A token would become the name of a file.
        let is_refused = |name: &str| findings.problems.iter().any(|problem| problem.variable == name);
        let _ = self.result_file.take_if(|_| is_refused("RESULT_FILE"));
        let _ = self.summary_file.take_if(|_| is_refused("SUMMARY_FILE"));
    }
}

/// Whether the variable names one of the `others`, which Gatepost would overwrite. If so, a problem is reported.
fn is_one_of(
    variable: &str,
    path: &Path,
    others: &[(&str, Option<&Path>)],
    example: &str,
    findings: &mut Findings,
) -> bool {
    let is_it = |(_, other): &&(&str, Option<&Path>)| other.is_some_and(|other| are_one_file(path, other));
    let Some((name, _)) = others.iter().find(is_it) else { return false };
    let found = format!("names the same file as {name}, which would be overwritten");
    findings.problem(variable, found, "another file", format!("pass another name, such as {example}"));
    true
}

/// Whether two paths lead to the same file, which need not exist yet.
fn are_one_file(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let place = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some((fs::canonicalize(folder).ok()?, path.file_name()?.to_owned()))
    };
    one == other
        || file(one).is_some_and(|one| Some(one) == file(other))
        || place(one).is_some_and(|one| Some(one) == place(other))
}

fn summary_path(text: Option<&str>, findings: &mut Findings) -> Option<SummaryPath> {
    let path = path(text)?;
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    let format = match ending.to_str() {
        Some("html") => SummaryFormat::Html,
        Some("md") => SummaryFormat::Markdown,
        _ => {
            findings.problem(
                "SUMMARY_FILE",
                format!("is {}, whose ending names no format of a page", shown(&path.to_string_lossy())),
                "a name that ends in .html or .md",
                "pass a name such as summary.html",
            );
            return None;
        }
    };
    Some(SummaryPath { path, format })
}

fn path(text: Option<&str>) -> Option<PathBuf> {
    text.map(|text| PathBuf::from(text.trim()))
}

fn mode(text: Option<&str>, findings: &mut Findings) -> Mode {
    let Some(text) = text.map(str::trim) else {
        return Mode::Publish;
    };
    match text.to_ascii_lowercase().as_str() {
        "publish" => Mode::Publish,
        "check" => Mode::Check,
        "settle" => Mode::Settle,
        "targets" => Mode::Targets,
        _ => {
            findings.problem(
                "MODE",
                format!("is {}, which is not a mode", shown(text)),
                "publish (post the status), check (check credential and target, and post nothing), settle (end statuses that nobody else ends) or targets (write the targets of REPOSITORIES)",
                "pass one of these words, or remove MODE: the default is publish",
            );
            Mode::Publish
        }
    }
}

fn api_url(text: Option<&str>, findings: &mut Findings) -> Option<Url> {
    let text = text?.trim();
    let found = match service_address(text) {
        Ok(url) => {
            let Some(found) = unlike_the_api(&url) else {
                if !is_this_machine(&url) && url.host_str() != Some(API_HOST) {
                    findings.warning(format!(
                        "BITBUCKET_API_URL names the host {}, not {API_HOST}: Gatepost sends the credential there",
                        url.host_str().unwrap_or_default()
                    ));
                }
                if !url.path().trim_end_matches('/').ends_with("/2.0") {
                    findings.warning("BITBUCKET_API_URL does not end in /2.0, the version of the API: without it Bitbucket answers 403 or 404");
                }
                return Some(url);
            };
            found.to_owned()
        }
        Err(found) => found.to_string(),
    };
    findings.problem(
        "BITBUCKET_API_URL",
        format!("is {}, {found}", shown(text)),
        "an https address such as https://api.bitbucket.org/2.0, or http to loopback or host.docker.internal",
        format!(
            "remove BITBUCKET_API_URL: the default is {API_URL}; Gatepost works with Bitbucket Cloud only"
        ),
    );
    None
}

const API_HOST: &str = "api.bitbucket.org";

/// Why an address cannot be the API, to complete "is ..., ".
/// Data Center's addresses: <https://developer.atlassian.com/server/bitbucket/rest/>.
fn unlike_the_api(url: &Url) -> Option<&'static str> {
    let host = url.host_str().unwrap_or_default();
    if url.path_segments().is_some_and(|mut parts| parts.any(|part| part == "rest")) {
        Some("which is an address of Bitbucket Data Center, which has another API")
    } else if host == "bitbucket.org" || host == "www.bitbucket.org" {
        Some("which is the web site; the API has another host")
    } else if host == API_HOST && url.path() != "/2.0" {
        Some("which does not end in /2.0, the version of the API")
    } else if url.scheme() == "http" && !is_this_machine(url) {
        Some("which would send the credential unencrypted over the network")
    } else {
        None
    }
}

/// The proxies. A wrong `HTTPS_PROXY` that no request needs is a warning.
fn proxies(variables: &Variables, api_url: &Url, findings: &mut Findings) -> Proxies {
    let https = variables.https_proxy.as_deref();
    let text = variables.no_proxy.as_deref().unwrap_or_default();
    let (exceptions, mut unreadable) = Exceptions::parse(text);
    // A password with white space would be divided, and not be seen as one.
    if !unreadable.is_empty() && holds_credential(text) {
        unreadable = vec![text];
    }
    for entry in unreadable {
        findings.warning(format!(
            "NO_PROXY has {}, which is ignored (accepted: host names with or without a port, *.example.com, addresses, 10.0.0.0/8, or *)",
            shown(entry)
        ));
    }
    let is_proxied = api_url.scheme() == "https"
        && api_url.host_str().is_some_and(|host| !exceptions.have(host, api_url.port_or_known_default()));
    // SonarQube may be asked over https.
    let is_used = is_proxied || variables.sonar_token.is_some();
    let https = https.and_then(|text| match proxy(text) {
        Ok(url) => Some(url),
        Err(wrong) => {
            if is_used {
                let remedy =
                    wrong.remedy.unwrap_or("correct HTTPS_PROXY, or remove it if no proxy is needed");
                findings.problem("HTTPS_PROXY", wrong.found, PROXY_ACCEPTED, remedy);
            } else {
                findings.warning(format!(
                    "HTTPS_PROXY {}; it is not used in this run, and is ignored",
                    wrong.found
                ));
            }
            None
        }
    });
    let http = variables.http_proxy.as_deref().and_then(|text| match proxy(text) {
        Ok(url) => Some(url),
        Err(wrong) => {
            findings.problem("HTTP_PROXY", wrong.found, PROXY_ACCEPTED, "");
            None
        }
    });
    Proxies::new(https, http, exceptions)
}

/// A pipe reaches the proxy of Pipelines at the host of Docker, and a script reaches it at `localhost`:
/// <https://support.atlassian.com/bitbucket-cloud/docs/code-insights/>.
const REPORT_PROXY_PORT: u16 = 29418;
const REPORT_PROXY_OF_SCRIPT: &str = "http://localhost:29418";

fn report_proxy(variables: &Variables, findings: &mut Findings) -> Option<Url> {
    if let Some(text) = variables.report_proxy.as_deref() {
        let address = service_address(text).ok().filter(|url| url.scheme() == "http");
        if address.is_none() {
            findings.problem(
                "REPORT_PROXY",
                format!("is {}, which is not the address of an http proxy", shown(text)),
                "an http address such as http://host.docker.internal:29418",
                "",
            );
        }
        return address;
    }
    let docker = Url::parse(variables.docker_host.as_deref()?.trim()).ok()?;
    Url::parse(&format!("http://{}:{REPORT_PROXY_PORT}", docker.host_str()?)).ok()
}

const PROXY_ACCEPTED: &str = "an http or https address such as http://proxy.example.com:3128, with user:password@ before the host when the proxy asks for it";

/// What is wrong with the address of a proxy.
struct WrongProxy {
    found: String,
    remedy: Option<&'static str>,
}

fn proxy(text: &str) -> Result<Url, WrongProxy> {
    let text = text.trim();
    // A proxy without a scheme is an http proxy, as in curl.
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let address = with_scheme.split_once("://").map_or("", |(_, address)| address);
    // The first of these characters ends the host: a user or password that has one makes another host of its beginning.
    let end = address.find(['/', '\\', '?', '#']);
    if end.is_some_and(|end| address[end..].contains('@') && !address[..end].contains('@')) {
        return Err(WrongProxy {
            found: "has a user name or password with a character that ends the host of an address".to_owned(),
            remedy: Some(
                "write these characters of the user name and password encoded: \\ as %5C, # as %23, / as %2F, ? as %3F, @ as %40, : as %3A, % as %25; CORP\\user is CORP%5Cuser",
            ),
        });
    }
    Url::parse(&with_scheme)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
        .ok_or_else(|| WrongProxy {
            found: format!("is {}, which is not the address of a proxy", shown(&with_scheme)),
            remedy: None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &Variables) -> (Settings, Vec<String>) {
        let mut findings = Findings::default();
        let settings = Settings::from_variables(variables, &mut findings).unwrap();
        (settings, findings.problems.into_iter().map(|p| p.variable).collect())
    }

    #[expect(clippy::unnecessary_wraps, reason = "variables are optional")]
    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[test]
    fn unset_variables_have_their_defaults() {
        let (settings, problems) = settings(&Variables::default());
        assert_eq!(problems, [""; 0]);
        assert_eq!(settings.api_url.as_str(), API_URL);
        assert_eq!(settings.timeout, Duration::from_mins(2));
        assert!(!settings.dry_run && !settings.debug && !settings.resume);
        assert_eq!(settings.colour, None);
    }

    #[test]
    fn booleans_are_read_in_every_form() {
        for (value, expected) in [
            ("True", true),
            ("YES", true),
            ("on", true),
            ("1", true),
            ("False", false),
            ("no", false),
            ("OFF", false),
            ("0", false),
        ] {
            let (settings, problems) = settings(&Variables { debug: text(value), ..Variables::default() });
            assert_eq!((settings.debug, problems.len()), (expected, 0), "{value}");
        }
        let (settings, problems) = settings(&Variables {
            debug: text("maybe"),
            dry_run: text("2"),
            resume: text("t"),
            ..Variables::default()
        });
        assert_eq!(problems, ["DRY_RUN"], "a run that should have been dry must not post");
        assert!(!settings.debug && !settings.resume);
    }

    #[test]
    fn a_timeout_outside_its_bounds_is_the_default() {
        for (value, seconds) in [
            ("1", 1),
            ("3600", 3600),
            ("0", 120),
            ("3601", 120),
            ("-1", 120),
            ("1.5", 120),
            ("1s", 120),
            ("99999999999999999999", 120),
        ] {
            let (settings, problems) = settings(&Variables { timeout: text(value), ..Variables::default() });
            assert_eq!((settings.timeout.as_secs(), problems.len()), (seconds, 0), "{value}");
        }
    }

    #[test]
    fn the_credential_is_sent_encrypted_or_stays_on_this_machine() {
        for (value, fits) in [
            ("https://api.bitbucket.org/2.0/", true),
            ("http://127.0.0.1:8080/2.0", true),
            ("http://localhost:8080/2.0", true),
            ("http://[::1]:8080/2.0", true),
            ("http://host.docker.internal:8080/2.0", true),
            ("http://api.bitbucket.org/2.0", false),
            ("http://localhost.evil.example/2.0", false),
            ("ftp://api.bitbucket.org", false),
            ("api.bitbucket.org", false),
            ("https://api.bitbucket.org", false),
            ("https://api.bitbucket.org/1.0", false),
            ("https://api.bitbucket.org/2.0/repositories", false),
            ("https://bitbucket.org/2.0", false),
            ("https://git.acme.example/rest/api/1.0", false),
            ("https://git.acme.example/bitbucket/rest/api/latest", false),
            ("https://gateway.acme.example/bitbucket/2.0", true),
            ("https://user:pw@api.bitbucket.org/2.0", false),
            ("https://api.bitbucket.org/2.0?x=1", false),
            ("https://", false),
        ] {
            let (_, problems) =
                settings(&Variables { bitbucket_api_url: text(value), ..Variables::default() });
            assert_eq!(problems.is_empty(), fits, "{value}");
        }
    }

    #[test]
    fn proxies_need_an_address() {
        for (value, fits) in [
            ("http://proxy:3128", true),
            ("proxy:3128", true),
            ("http://", false),
            ("socks5://a", false),
            ("http://a b", false),
        ] {
            let (_, problems) = settings(&Variables { https_proxy: text(value), ..Variables::default() });
            assert_eq!(problems.is_empty(), fits, "{value}");
        }
    }

    #[test]
    fn without_a_result_file_there_is_nothing_to_resume() {
        let (settings, problems) = settings(&Variables { resume: text("yes"), ..Variables::default() });
        assert!(problems.is_empty() && !settings.resume);
    }
}
