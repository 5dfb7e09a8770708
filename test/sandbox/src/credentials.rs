//! Who is asking, what they may do, and what they may see.

use crate::message::{Answer, user_and_secret};
use crate::refusals;
use crate::world::{Account, Role, World};

/// What an access token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// One repository: `workspace/slug`.
    Repository(String),
    /// The repositories of a project.
    Project {
        /// The project's workspace.
        workspace: String,
        /// The project's key.
        project: String,
    },
    /// The repositories of a workspace.
    Workspace(String),
}

impl Reach {
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Repository(_) => "Repository",
            Self::Project { .. } => "Project",
            Self::Workspace(_) => "Workspace",
        }
    }

    fn covers(&self, world: &World, full_name: &str) -> bool {
        let is_in = |workspace: &str| full_name.split_once('/').is_some_and(|(owner, _)| owner == workspace);
        match self {
            Self::Repository(own) => own == full_name,
            Self::Project { workspace, project } => {
                is_in(workspace)
                    && world.repository(full_name).is_some_and(|repository| repository.project == *project)
            }
            Self::Workspace(workspace) => is_in(workspace),
        }
    }
}

/// A token as the service keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    kind: Kind,
    scopes: Vec<String>,
    valid: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    ApiToken {
        email: String,
    },
    AccessToken {
        account: Account,
        reach: Reach,
    },
    /// What a consumer of a workspace was granted.
    Oauth {
        account: Account,
        workspace: String,
        key: String,
    },
}

impl Credential {
    pub(crate) fn api_token(email: &str, scopes: &[&str]) -> Self {
        Self::new(Kind::ApiToken { email: email.to_owned() }, scopes)
    }

    pub(crate) fn access_token(account: Account, reach: Reach, scopes: &[&str]) -> Self {
        Self::new(Kind::AccessToken { account, reach }, scopes)
    }

    pub(crate) fn oauth(account: Account, workspace: &str, key: &str, scopes: &[&str]) -> Self {
        Self::new(Kind::Oauth { account, workspace: workspace.to_owned(), key: key.to_owned() }, scopes)
    }

    pub(crate) fn account<'a>(&'a self, world: &'a World) -> Option<&'a Account> {
        match &self.kind {
            Kind::ApiToken { email } => world.user(email),
            Kind::AccessToken { account, .. } | Kind::Oauth { account, .. } => Some(account),
        }
    }

    /// Lets a token of a repository follow it to its new name.
    pub(crate) fn follow(&mut self, old: &str, new: &str) {
        if let Kind::AccessToken { reach: Reach::Repository(own), .. } = &mut self.kind
            && own == old
        {
            new.clone_into(own);
        }
    }

    pub(crate) const fn revoke(&mut self) {
        self.valid = false;
    }

    fn new(kind: Kind, scopes: &[&str]) -> Self {
        Self { kind, scopes: scopes.iter().map(ToString::to_string).collect(), valid: true }
    }
}

/// What an operation asks of a token. API tokens have scopes of their own beside those of OAuth, which access
/// tokens share: <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#authentication>
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    Account,
    PullRequest,
    Repository,
}

impl Scope {
    const fn classic(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::PullRequest => "pullrequest",
            Self::Repository => "repository",
        }
    }

    const fn granular(self) -> &'static str {
        match self {
            Self::Account => "read:user:bitbucket",
            Self::PullRequest => "read:pullrequest:bitbucket",
            Self::Repository => "read:repository:bitbucket",
        }
    }
}

/// Somebody whose credential was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) account: Account,
    credential: Credential,
}

impl Visitor {
    pub(crate) const fn new(account: Account, credential: Credential) -> Self {
        Self { account, credential }
    }

    /// Whose allowance a request is taken off: for tokens of a consumer it is the consumer's.
    /// <https://support.atlassian.com/bitbucket-cloud/kb/bitbucket-cloud-rate-limit-troubleshooting/>
    pub(crate) fn counted_on(&self) -> &str {
        match &self.credential.kind {
            Kind::Oauth { key, .. } => key,
            Kind::ApiToken { .. } | Kind::AccessToken { .. } => &self.account.uuid,
        }
    }

    pub(crate) fn scopes(&self) -> &[String] {
        &self.credential.scopes
    }

    /// The value of `x-credential-type`, as a client of 2026 tells the kinds apart; that of a consumer's token is
    /// assumed.
    pub(crate) const fn credential_type(&self) -> &'static str {
        match &self.credential.kind {
            Kind::ApiToken { .. } => "api_token",
            Kind::AccessToken { reach: Reach::Repository(_), .. } => "repo_access_token",
            Kind::AccessToken { reach: Reach::Project { .. }, .. } => "project_access_token",
            Kind::AccessToken { reach: Reach::Workspace(_), .. } => "workspace_access_token",
            Kind::Oauth { .. } => "oauth2",
        }
    }

    pub(crate) const fn is_access_token(&self) -> bool {
        matches!(self.credential.kind, Kind::AccessToken { .. })
    }

    const fn has_classic_scopes(&self) -> bool {
        !matches!(self.credential.kind, Kind::ApiToken { .. })
    }

    /// The scope in the words of this kind of credential.
    pub(crate) const fn wording(&self, scope: Scope) -> &'static str {
        if self.has_classic_scopes() { scope.classic() } else { scope.granular() }
    }

    /// The scopes of API tokens stand alone:
    /// <https://support.atlassian.com/bitbucket-cloud/docs/api-token-permissions/>. The classic ones imply
    /// each other: <https://developer.atlassian.com/cloud/bitbucket/bitbucket-cloud-rest-api-scopes/>
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Answer> {
        let wanted = self.wording(scope);
        let suffices =
            |granted: &String| granted == wanted || (self.has_classic_scopes() && implies(granted, wanted));
        if self.scopes().iter().any(suffices) {
            return Ok(());
        }
        Err(refusals::scope_missing(wanted, self.scopes()))
    }

    /// Access tokens never leave what they were made for; that this holds for public repositories, too, is
    /// assumed, and that a consumer's token sees what its workspace has and what everybody sees.
    pub(crate) fn sees(&self, world: &World, full_name: &str) -> bool {
        match &self.credential.kind {
            Kind::ApiToken { .. } => is_public(world, full_name) || self.role(world, full_name).is_some(),
            Kind::AccessToken { reach, .. } => reach.covers(world, full_name),
            Kind::Oauth { workspace, .. } => {
                is_public(world, full_name) || Reach::Workspace(workspace.clone()).covers(world, full_name)
            }
        }
    }

    pub(crate) fn administers(&self, world: &World, full_name: &str) -> bool {
        self.role(world, full_name) == Some(Role::Admin)
    }

    /// That the token of a consumer has no role, although its workspace owns the repository, is assumed.
    fn role(&self, world: &World, full_name: &str) -> Option<Role> {
        let (workspace, _slug) = full_name.split_once('/')?;
        match &self.credential.kind {
            Kind::ApiToken { email } => world.role(workspace, email),
            Kind::AccessToken { .. } | Kind::Oauth { .. } => None,
        }
    }
}

pub(crate) fn is_public(world: &World, full_name: &str) -> bool {
    world.repository(full_name).is_some_and(|repository| !repository.private)
}

/// Finds out who sent an `Authorization` header; `None` is somebody who sent none.
pub(crate) fn identify(world: &mut World, authorization: Option<&str>) -> Result<Option<Visitor>, Answer> {
    let Some(authorization) = authorization else {
        return Ok(None);
    };
    let (scheme, value) = authorization.split_once(' ').unwrap_or((authorization, ""));
    let visitor = match scheme.to_ascii_lowercase().as_str() {
        "basic" => basic(world, value.trim()),
        "bearer" => bearer(world, value.trim()),
        _ => Err(refusals::unauthenticated()),
    };
    visitor.map(Some)
}

/// API tokens come with the owner's e-mail address; a user name or one of Git's fixed names does not do:
/// <https://support.atlassian.com/bitbucket-cloud/kb/getting-401-http-error-while-authenticating-to-bitbucket-cloud-rest-apis/>.
/// That capitals in the address make no difference is assumed.
fn basic(world: &World, value: &str) -> Result<Visitor, Answer> {
    let (user, secret) = user_and_secret(value).ok_or_else(refusals::unauthenticated)?;
    // The prefix of app passwords, as secret scanners know it. With the feature gone, no known one is left to
    // compare with.
    if secret.starts_with("ATBB") {
        return Err(refusals::app_passwords_are_gone());
    }
    admit(
        world,
        &secret,
        |kind| matches!(kind, Kind::ApiToken { email } if email.eq_ignore_ascii_case(&user)),
    )
}

/// Access tokens come as Bearer, and API tokens do not: `avivsinai/bitbucket-cli` #174, and thread 3204826 of
/// Atlassian's community for the reverse.
fn bearer(world: &mut World, secret: &str) -> Result<Visitor, Answer> {
    if let Some(visitor) = world.consumers.visitor(secret) {
        return visitor;
    }
    admit(world, secret, |kind| matches!(kind, Kind::AccessToken { .. }))
}

/// API tokens without scopes do not work with Bitbucket, says Atlassian's staff in thread 3090327 of its
/// community.
fn admit(world: &World, secret: &str, fits: impl Fn(&Kind) -> bool) -> Result<Visitor, Answer> {
    let credential =
        world.credential(secret).filter(|found| found.valid && fits(&found.kind) && !found.scopes.is_empty());
    if let Some(Credential { kind: Kind::ApiToken { email }, .. }) = credential
        && world.is_kept_out(email)
    {
        return Err(refusals::kept_out());
    }
    let visitor = credential.and_then(|credential| {
        let account = credential.account(world)?.clone();
        Some(Visitor { account, credential: credential.clone() })
    });
    visitor.ok_or_else(refusals::token_rejected)
}

fn implies(granted: &str, wanted: &str) -> bool {
    let implied: &[&str] = match granted {
        "account:write" => &["account"],
        "pullrequest" | "repository:write" => &["repository"],
        "pullrequest:write" => &["pullrequest", "repository:write", "repository"],
        _ => &[],
    };
    implied.contains(&wanted)
}
