//! The repository that the variables name: by its slug, `workspace/slug`, or an address.

use crate::{
    config::{findings::Findings, variables::Variables},
    console::{foreign::shown, secrets::holds_token},
    model::target::{Repository, is_name},
};

/// Whether a repository is the one whose pipeline runs: by its names or its UUIDs.
pub(crate) fn is_pipelines_own(repository: &Repository, variables: &Variables) -> bool {
    let same = |name: &str, known: [&Option<String>; 2]| {
        known.into_iter().flatten().any(|known| name.eq_ignore_ascii_case(known.trim()))
    };
    let Variables { bitbucket_workspace, bitbucket_repo_owner_uuid, .. } = variables;
    same(&repository.workspace, [bitbucket_workspace, bitbucket_repo_owner_uuid])
        && same(&repository.slug, [&variables.bitbucket_repo_slug, &variables.bitbucket_repo_uuid])
}

/// Whether the target is the pipeline's own repository. Problems are reported elsewhere.
pub(crate) fn is_own(variables: &Variables) -> bool {
    repository(variables, &mut Findings::default())
        .is_some_and(|repository| is_pipelines_own(&repository, variables))
}

/// The repository that the variables name, or `None` after a problem was found.
pub(crate) fn repository(variables: &Variables, findings: &mut Findings) -> Option<Repository> {
    let slug = named(
        ("REPO_SLUG", variables.repo_slug.as_deref()),
        ("BITBUCKET_REPO_SLUG", variables.bitbucket_repo_slug.as_deref()),
        findings,
    );
    let slug = match slug.map(|(variable, text)| (variable, split_address(text))) {
        Some((variable, Ok((workspace, slug)))) => Some((variable, workspace, slug)),
        // A wrong address may hold the workspace: do not report it as missing.
        Some((variable, Err(reason))) => {
            findings.problem(variable, reason.found, SLUG_ACCEPTED, reason.remedy);
            return None;
        }
        None => None,
    };
    let workspace = match slug {
        Some((variable, Some(in_address), _)) => {
            check_workspaces_agree(variables.workspace.as_deref(), variable, in_address, findings);
            Some((variable, in_address))
        }
        _ => named(
            ("WORKSPACE", variables.workspace.as_deref()),
            ("BITBUCKET_WORKSPACE", variables.bitbucket_workspace.as_deref()),
            findings,
        ),
    };
    let workspace = workspace.and_then(|(variable, text)| name(variable, text, findings));
    let slug = slug.and_then(|(variable, _, text)| name(variable, text, findings));
    Some(Repository { workspace: workspace?, slug: slug? })
}

fn check_workspaces_agree(given: Option<&str>, slug_name: &str, in_address: &str, findings: &mut Findings) {
    if let Some(given) = given.map(str::trim)
        && !given.eq_ignore_ascii_case(in_address)
    {
        findings.problem(
            "WORKSPACE",
            format!("is {}, but {slug_name} names the workspace {}", shown(given), shown(in_address)),
            "one workspace",
            format!("remove WORKSPACE, or pass only the slug as {slug_name}"),
        );
    }
}

/// The user's variable, or the variable of the build.
fn named<'a>(
    given: (&'static str, Option<&'a str>),
    default: (&'static str, Option<&'a str>),
    findings: &mut Findings,
) -> Option<(&'static str, &'a str)> {
    for (name, value) in [given, default] {
        if let Some(value) = value {
            return Some((name, value.trim()));
        }
    }
    findings.problem(
        given.0,
        format!("is not set, and neither is {}", default.0),
        if given.0 == "WORKSPACE" {
            "the workspace's id, as in bitbucket.org/<workspace>/<slug>"
        } else {
            SLUG_ACCEPTED
        },
        format!("outside Pipelines there is no default: pass {}", given.0),
    );
    None
}

const SLUG_ACCEPTED: &str =
    "a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git";

pub(super) struct BadAddress {
    pub(super) found: String,
    pub(super) remedy: &'static str,
}

/// The workspace, if the text names one, and the slug. The text is a slug, `workspace/slug`, or the address of the
/// repository or of one of its pages.
pub(super) fn split_address(text: &str) -> Result<(Option<&str>, &str), BadAddress> {
    // The Clone button copies a command; a browser shows a path.
    let text = text.strip_prefix("git clone ").unwrap_or(text).trim_start();
    let text = text.strip_prefix('/').filter(|rest| rest.contains('/')).unwrap_or(text);
    let path = if let Some((scheme, rest)) = text.split_once("://") {
        if !["https", "http", "ssh"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(BadAddress {
                found: format!("is {}, an address with the scheme {}", shown(text), shown(scheme)),
                remedy: "copy the address from the repository's Clone button, or pass workspace/slug",
            });
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        check_host(authority)?;
        path
    } else if let Some((authority, path)) = text.split_once(':') {
        check_host(authority)?;
        path
    } else if let Some((host, path)) = text.split_once('/').filter(|(host, _)| is_cloud(without_user(host))) {
        check_host(host)?;
        path
    } else {
        return match text.split_once('/').map(|(workspace, slug)| (workspace, slug.trim_end_matches('/'))) {
            Some((workspace, slug)) if !slug.contains('/') => Ok((Some(workspace), without_git(slug))),
            Some(_) => Err(BadAddress {
                found: format!("is {}, which has more than two parts", shown(text)),
                remedy: "pass workspace/slug; the project is not part of the name of a repository",
            }),
            None => Ok((None, without_git(text))),
        };
    };
    let path = path.trim_start_matches('/');
    // The path of the API before the repository.
    let path = path.strip_prefix("2.0/repositories/").unwrap_or(path);
    let mut parts = path.split('/');
    match (parts.next(), parts.next()) {
        // The page of a project, such as bitbucket.org/acme/workspace/projects/APP
        (Some(_), Some("workspace")) if is_page_of_workspace(parts.next()) => Err(BadAddress {
            found: format!("is {}, the address of a page of a workspace", shown(text)),
            remedy: "open the repository's own page and copy its address, or pass workspace/slug",
        }),
        (Some(workspace), Some(slug)) if !workspace.is_empty() && !slug.is_empty() => {
            Ok((Some(workspace), without_git(slug)))
        }
        _ => Err(BadAddress {
            found: format!("is {}, an address without workspace and slug", shown(text)),
            remedy: "copy the address from the repository's Clone button, or pass workspace/slug",
        }),
    }
}

/// Whether the part after `workspace` in an address is a page of the workspace, and not a repository with this name.
fn is_page_of_workspace(page: Option<&str>) -> bool {
    page.is_some_and(|page| ["overview", "projects", "repositories", "settings"].contains(&page))
}

/// The host of an address, without the user.
fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// The slug without the end of a clone address.
fn without_git(slug: &str) -> &str {
    slug.strip_suffix(".git").unwrap_or(slug)
}

fn is_cloud(host: &str) -> bool {
    ["bitbucket.org", "www.bitbucket.org", "altssh.bitbucket.org", "api.bitbucket.org"]
        .iter()
        .any(|cloud| host.eq_ignore_ascii_case(cloud))
}

fn check_host(authority: &str) -> Result<(), BadAddress> {
    let host = without_user(authority);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    if is_cloud(host) {
        return Ok(());
    }
    Err(BadAddress {
        found: format!("is an address on the host {}, which is not Bitbucket Cloud", shown(host)),
        remedy: "Gatepost works with Bitbucket Cloud (bitbucket.org) only; Bitbucket Data Center has another API",
    })
}

/// Whether a text is a UUID without its braces.
pub(crate) fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The name with the braces that the API wants around a UUID. Other names stay.
/// <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#uuid>
fn in_braces(name: &str) -> String {
    if is_uuid(name) { format!("{{{}}}", name.to_ascii_lowercase()) } else { name.to_owned() }
}

/// A workspace id or slug, in lower case as in Bitbucket.
fn name(variable: &'static str, text: &str, findings: &mut Findings) -> Option<String> {
    if is_uuid(text) {
        return Some(in_braces(text));
    }
    if variable == "WORKSPACE" && text.contains(['/', '\\']) {
        findings.problem(
            variable,
            format!("is {}, a path: Jenkins sets a variable WORKSPACE with the folder of the build", shown(text)),
            "a workspace id: letters, digits, - _ and .",
            "pass the workspace of Bitbucket for this step (env or withEnv in Jenkins), or REPO_SLUG as workspace/slug without WORKSPACE",
        );
        return None;
    }
    if is_name(text) {
        // A token is known by its letters: in lower case it would be shown. It is refused elsewhere.
        let lower = if holds_token(text) { text.to_owned() } else { text.to_ascii_lowercase() };
        if lower != text {
            findings.warning(format!(
                "{variable}: {} has upper-case letters, and Bitbucket's names have none: Gatepost uses \"{lower}\"",
                shown(text)
            ));
        }
        return Some(lower);
    }
    findings.problem(
        variable,
        format!("has {}, which cannot be a name in the address of a repository", shown(text)),
        if variable.ends_with("WORKSPACE") {
            "a workspace id: letters, digits, - _ and ."
        } else {
            SLUG_ACCEPTED
        },
        "copy it from the repository's address, bitbucket.org/<workspace>/<slug>; the name shown on its page may differ",
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(repo_slug: &str) -> Variables {
        Variables { repo_slug: Some(repo_slug.to_owned()), ..Variables::default() }
    }

    fn read(v: &Variables) -> Result<Repository, Vec<String>> {
        let mut findings = Findings::default();
        let repository = repository(v, &mut findings);
        match (repository, findings.problems.is_empty()) {
            (Some(repository), true) => Ok(repository),
            _ => Err(findings.problems.into_iter().map(|problem| problem.variable).collect()),
        }
    }

    #[test]
    fn a_repository_is_read_in_every_form() {
        for text in [
            "acme/api",
            "Acme/API",
            "https://bitbucket.org/acme/api",
            "https://bitbucket.org/acme/api/",
            "git clone https://ci@bitbucket.org/acme/api.git",
            "git clone git@bitbucket.org:acme/api.git",
            "git@bitbucket.org/acme/api.git",
            "/acme/api",
            "https://bitbucket.org/acme/api.git",
            "HTTPS://Bitbucket.org/acme/api",
            "bitbucket.org/acme/api",
            "acme/api/",
            "acme/api.git",
            "https://api.bitbucket.org/2.0/repositories/acme/api/commit/8d081548cabb",
            "https://bitbucket.org/acme/api/pull-requests/7/diff",
            "https://jane@bitbucket.org/acme/api.git",
            "http://bitbucket.org/acme/api",
            "git@bitbucket.org:acme/api.git",
            "ssh://git@bitbucket.org/acme/api.git",
            "ssh://git@altssh.bitbucket.org:443/acme/api.git",
        ] {
            let v = variables(text);
            assert_eq!(read(&v).unwrap().to_string(), "acme/api", "{text}");
        }
    }

    #[test]
    fn a_text_that_names_no_repository_is_a_problem() {
        for text in [
            "my repo",
            "acme/my repo",
            "acme/",
            "/api",
            "a/b/c",
            "..",
            "acme/..",
            "acme/a?b",
            "acme/a#b",
            "ä",
            "https://bitbucket.org/acme",
            "https://bitbucket.org/acme/workspace/projects/APP",
            "https://bitbucket.org/",
            "https://git.acme.example/scm/a/b.git",
            "git@github.com:acme/api.git",
            "acme\n/api",
            "acme/a%2fb",
            &"x".repeat(129),
        ] {
            let mut v = variables(text);
            v.workspace = Some("acme".to_owned());
            let problems = read(&v).expect_err(text);
            assert!(["REPO_SLUG", "WORKSPACE"].contains(&problems[0].as_str()), "{text}");
        }
    }

    #[test]
    fn a_uuid_is_read_with_and_without_braces() {
        let uuid = "c2accd4d-99b9-6dfb-9cce-0f2bf9816f66";
        for text in [uuid.to_owned(), format!("{{{uuid}}}"), uuid.to_uppercase()] {
            let mut v = variables(&text);
            v.workspace = Some("acme".to_owned());
            assert_eq!(read(&v).unwrap().to_string(), format!("acme/{{{uuid}}}"), "{text}");
        }
    }

    #[test]
    fn the_pipelines_own_repository_is_known_by_its_uuid() {
        let (repository, workspace) =
            ("{c2accd4d-99b9-6dfb-9cce-0f2bf9816f66}", "{3ae39e7a-b2cf-4d1a-8d5f-1d3a514fbf03}");
        let mut v = variables(&repository[1..37]);
        v.workspace = Some(workspace.to_owned());
        v.bitbucket_workspace = Some("acme".to_owned());
        v.bitbucket_repo_slug = Some("api".to_owned());
        assert!(!is_own(&v));
        v.bitbucket_repo_uuid = Some(repository.to_owned());
        v.bitbucket_repo_owner_uuid = Some(workspace.to_owned());
        assert!(is_own(&v));
    }

    #[test]
    fn the_workspace_of_jenkins_is_told_as_that() {
        let mut v = variables("api");
        v.workspace = Some("/var/lib/jenkins/workspace/shop".to_owned());
        let mut findings = Findings::default();
        assert_eq!(repository(&v, &mut findings), None);
        assert!(findings.problems[0].found.contains("Jenkins"), "{findings:?}");
    }

    #[test]
    fn contradicting_workspaces_are_a_problem() {
        let mut v = variables("acme/api");
        v.workspace = Some("other".to_owned());
        assert_eq!(read(&v), Err(vec!["WORKSPACE".to_owned()]));
    }

    #[test]
    fn a_clone_address_never_shows_its_token() {
        let mut findings = Findings::default();
        let v = variables("https://x-token-auth:s3cret@github.com/acme/api");
        repository(&v, &mut findings);
        assert!(!format!("{findings:?}").contains("s3cret"));
    }
}
