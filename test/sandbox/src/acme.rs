//! The standard world: workspace `acme`, its people, and a token of every kind.
//!
//! The secrets have the shape and the length of real ones, but repeat a readable word, so that neither a
//! reader nor a scanner for secrets takes them for real.

use crate::credentials::Reach;
use crate::oauth::Consumer;
use crate::world::{PullRequest, Role, World};

/// Shape of an Atlassian API token: prefix, 171 characters, `=` and a checksum of 8.
macro_rules! api_token {
    ($nineteen:literal) => {
        concat!(
            "ATATT3xFfGF0",
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            "=5A4DB0C5"
        )
    };
}

/// Shape of an access token: the same with another prefix.
macro_rules! access_token {
    ($nineteen:literal) => {
        concat!(
            "ATCTT3xFfGN0",
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            $nineteen,
            "=5A4DB0C5"
        )
    };
}

/// E-mail address of the account that builds use, a member of `acme`.
pub const CI_EMAIL: &str = "ci@acme.example";
/// Bitbucket user name of the same account.
pub const CI_USERNAME: &str = "acme-ci";
/// E-mail address of Jane, who forked `acme/api` and is no member of `acme`.
pub const JANE_EMAIL: &str = "jane@example.com";
/// E-mail address of an administrator of `acme`.
pub const ADMIN_EMAIL: &str = "admin@acme.example";

/// API token of [`CI_EMAIL`] that reads repositories and pull requests: all that Gatepost needs.
pub const API_TOKEN: &str = api_token!("ReadRepoAndPullReq_");
/// API token of [`CI_EMAIL`] that reads repositories only.
pub const API_TOKEN_REPOSITORY_ONLY: &str = api_token!("ReadRepositoryOnly_");
/// API token of [`CI_EMAIL`] that writes repositories, which does not let it read them.
pub const API_TOKEN_WRITE_ONLY: &str = api_token!("WriteRepositoryOnl_");
/// API token of [`CI_EMAIL`] without scopes, which Bitbucket does not accept.
pub const API_TOKEN_CLASSIC: &str = api_token!("ClassicWithoutScop_");
/// API token of [`CI_EMAIL`] that expired.
pub const API_TOKEN_EXPIRED: &str = api_token!("ExpiredApiTokenOld_");
/// API token of [`JANE_EMAIL`] that reads repositories and pull requests.
pub const API_TOKEN_OF_JANE: &str = api_token!("JaneReadsHerOwnRep_");
/// API token of [`ADMIN_EMAIL`] that reads repositories and pull requests.
pub const API_TOKEN_OF_ADMIN: &str = api_token!("AdminReadsEveryRep_");

/// Access token of `acme/api`, for repositories and pull requests.
pub const REPOSITORY_TOKEN: &str = access_token!("RepositoryTokenApi_");
/// Access token of `acme/api`, for repositories only.
pub const REPOSITORY_TOKEN_REPOSITORY_ONLY: &str = access_token!("RepositoryTokenNar_");
/// Access token of `acme/web`, for repositories and pull requests.
pub const REPOSITORY_TOKEN_OF_WEB: &str = access_token!("RepositoryTokenWeb_");
/// Access token of the project of `acme/api` and `acme/web`, for repositories and pull requests.
pub const PROJECT_TOKEN: &str = access_token!("ProjectTokenOfApps_");
/// Access token of the workspace `acme`, for repositories and pull requests.
pub const WORKSPACE_TOKEN: &str = access_token!("WorkspaceTokenAcme_");
/// Access token of `acme/api` that was revoked.
pub const REVOKED_TOKEN: &str = access_token!("RevokedTokenOfApi__");

/// Key of a private OAuth consumer of the workspace `acme`, for repositories and pull requests. It has the length that
/// `jenkinsci/jenkins` #26990 found, as has its secret.
pub const OAUTH_CLIENT_ID: &str = "ConsumerKeyOfTheWorkspaceAcme_01";
/// Secret of [`OAUTH_CLIENT_ID`].
pub const OAUTH_CLIENT_SECRET: &str =
    concat!("ConsumerSecretAcme_", "ConsumerSecretAcme_", "ConsumerSecretAcme_", "ConsumerSecretAcme_");

/// App password of [`CI_USERNAME`], of the kind that ended in July 2026.
pub const APP_PASSWORD: &str = concat!("ATBB", "PassWord", "PassWord", "PassWord", "PassWord");

pub(crate) const READ: [&str; 2] = ["read:repository:bitbucket", "read:pullrequest:bitbucket"];
const READ_REPOSITORY: [&str; 1] = ["read:repository:bitbucket"];
const WRITE_REPOSITORY: [&str; 1] = ["write:repository:bitbucket"];
pub(crate) const CLASSIC: [&str; 2] = ["repository", "pullrequest"];
const CLASSIC_REPOSITORY: [&str; 1] = ["repository"];

impl World {
    /// The standard world:
    ///
    /// - `acme/api`, private, project `APPS`: `main`, `feature/login`; pull request 7 from
    ///   `feature/login`, and 9 from the branch `patch-1` of the public fork `jane/api`;
    /// - `acme/web`, private, project `APPS`: `main`, `fix/header`; pull request 12 from `fix/header`;
    /// - `acme/central-pipeline`, private, project `OPS`: `main`;
    /// - the people and tokens that this crate's constants name.
    pub fn acme() -> Self {
        let mut world = Self::new();
        world
            .add_user(CI_EMAIL, CI_USERNAME)
            .add_user(JANE_EMAIL, "jane")
            .add_user(ADMIN_EMAIL, "acme-admin")
            .add_member("acme", CI_EMAIL, Role::Member)
            .add_member("acme", ADMIN_EMAIL, Role::Admin)
            .add_member("jane", JANE_EMAIL, Role::Admin);
        add_repositories(&mut world);
        add_tokens(&mut world);
        world.add_consumer(Consumer::acme());
        world
    }
}

fn add_repositories(world: &mut World) {
    world.add_repository("acme/api", true).set_project("acme/api", "APPS");
    world.push("acme/api", "main");
    world.add_fork("acme/api", "jane/api", false);
    world.push("acme/api", "feature/login");
    world.push("jane/api", "patch-1");
    world.open_pull_request(PullRequest::new("acme/api", 7, "feature/login"));
    world.open_pull_request(PullRequest {
        source_repository: "jane/api".to_owned(),
        ..PullRequest::new("acme/api", 9, "patch-1")
    });

    world.add_repository("acme/web", true).set_project("acme/web", "APPS");
    world.push("acme/web", "main");
    world.push("acme/web", "fix/header");
    world.open_pull_request(PullRequest::new("acme/web", 12, "fix/header"));

    world.add_repository("acme/central-pipeline", true).set_project("acme/central-pipeline", "OPS");
    world.push("acme/central-pipeline", "main");
}

fn add_tokens(world: &mut World) {
    let api = || Reach::Repository("acme/api".to_owned());
    let web = Reach::Repository("acme/web".to_owned());
    let apps = Reach::Project { workspace: "acme".to_owned(), project: "APPS".to_owned() };
    world
        .add_api_token(API_TOKEN, CI_EMAIL, &READ)
        .add_api_token(API_TOKEN_REPOSITORY_ONLY, CI_EMAIL, &READ_REPOSITORY)
        .add_api_token(API_TOKEN_WRITE_ONLY, CI_EMAIL, &WRITE_REPOSITORY)
        .add_api_token(API_TOKEN_CLASSIC, CI_EMAIL, &[])
        .add_api_token(API_TOKEN_EXPIRED, CI_EMAIL, &READ)
        .add_api_token(API_TOKEN_OF_JANE, JANE_EMAIL, &READ)
        .add_api_token(API_TOKEN_OF_ADMIN, ADMIN_EMAIL, &READ)
        .add_access_token(REPOSITORY_TOKEN, api(), &CLASSIC)
        .add_access_token(REPOSITORY_TOKEN_REPOSITORY_ONLY, api(), &CLASSIC_REPOSITORY)
        .add_access_token(REPOSITORY_TOKEN_OF_WEB, web, &CLASSIC)
        .add_access_token(PROJECT_TOKEN, apps, &CLASSIC)
        .add_access_token(WORKSPACE_TOKEN, Reach::Workspace("acme".to_owned()), &CLASSIC)
        .add_access_token(REVOKED_TOKEN, api(), &CLASSIC)
        .revoke(API_TOKEN_EXPIRED)
        .revoke(REVOKED_TOKEN);
}
