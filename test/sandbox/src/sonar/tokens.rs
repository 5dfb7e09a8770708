//! Who is asking, and what they may do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::projects::{Dialect, Project, Projects};
use super::refusals;
use crate::message::Answer;

/// What a token is for.
/// <https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens/>
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A person's: what they may do, it may do. Here: browse and analyse every project.
    User,
    /// A person's who may browse every project and analyse none.
    Reader,
    /// For the analysis of the project with this key.
    ProjectAnalysis(String),
    /// For the analysis of every project.
    GlobalAnalysis,
}

/// A token as the service keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    pub(crate) token: Token,
    pub(crate) valid: bool,
}

/// What a request brought along.
#[derive(Debug)]
enum Presented {
    Nothing,
    Bad,
    Good(Token),
}

/// Somebody whose request is looked at: who brought a good token, or on Cloud anybody.
#[derive(Debug)]
pub(crate) struct Visitor {
    token: Option<Token>,
}

impl Visitor {
    /// Without a token that counts.
    pub(crate) const fn is_nobody(&self) -> bool {
        self.token.is_none()
    }

    /// "Execute Analysis". What a token for analysis may do is in `TokenUserSession.java`.
    pub(crate) fn may_analyse(&self, project: &str) -> bool {
        match &self.token {
            Some(Token::User | Token::GlobalAnalysis) => true,
            Some(Token::ProjectAnalysis(own)) => own == project,
            Some(Token::Reader) | None => false,
        }
    }

    /// "Browse". Tokens for analysis do not have it, not even for public projects: `TokenUserSession.java`,
    /// and `SonarSource/sonar-scanner-azdo` tells its users so.
    pub(crate) fn may_browse(&self, project: &Project) -> bool {
        match &self.token {
            Some(Token::User | Token::Reader) => true,
            Some(Token::ProjectAnalysis(_) | Token::GlobalAnalysis) => false,
            None => !project.private,
        }
    }

    /// The gate opens with "Browse", and since 9.5 with "Execute Analysis", says the change log in
    /// `ProjectStatusAction.java`; on Cloud the catalogue names "Browse" and "Administer" only. That the
    /// latter includes global tokens is assumed: the scanner waits for the gate with whatever token it has.
    pub(crate) fn may_see_gate(&self, dialect: Dialect, key: &str, project: &Project) -> bool {
        self.may_browse(project) || (dialect.shows_gates_to_analysts() && self.may_analyse(key))
    }
}

/// Finds out who is asking. On Server, nobody gets in without a good token, and is told so without a word:
/// `UserSessionInitializer.java`, with `sonar.forceAuthentication`, which is the default since 8.6 and assumed
/// for servers before. Cloud has public projects; that it takes whoever brings a bad token for anybody, instead
/// of refusing, is assumed from reports that an answer to such a request looks like success.
pub(crate) fn identify(projects: &Projects, authorization: Option<&str>) -> Result<Visitor, Answer> {
    match present(projects, authorization) {
        Presented::Good(token) => Ok(Visitor { token: Some(token) }),
        Presented::Nothing | Presented::Bad if projects.dialect().is_cloud() => Ok(Visitor { token: None }),
        Presented::Nothing | Presented::Bad => Err(refusals::unauthenticated()),
    }
}

/// What `api/authentication/validate` says of a request; who brings nothing is valid where nobody has to
/// bring something (`ValidateAction.java`). That this holds on Cloud is assumed.
pub(crate) fn validate(projects: &Projects, authorization: Option<&str>) -> bool {
    match present(projects, authorization) {
        Presented::Good(_) => true,
        Presented::Nothing => projects.dialect().is_cloud(),
        Presented::Bad => false,
    }
}

/// Basic with the token as login and no password works everywhere. Bearer came with 10.0; before, such a
/// header was passed over like any other that is not Basic.
/// <https://docs.sonarsource.com/sonarqube-server/extension-guide/web-api/>
fn present(projects: &Projects, authorization: Option<&str>) -> Presented {
    let Some(authorization) = authorization else {
        return Presented::Nothing;
    };
    let (scheme, value) = authorization.split_once(' ').unwrap_or((authorization, ""));
    let secret = match scheme.to_ascii_lowercase().as_str() {
        "basic" => basic(value.trim()),
        "bearer" if projects.dialect().reads_bearer() => Some(value.trim().to_owned()),
        _ => return Presented::Nothing,
    };
    let credential = secret.and_then(|secret| projects.credential(&secret)).filter(|found| found.valid);
    credential.map_or(Presented::Bad, |found| Presented::Good(found.token.clone()))
}

/// A password makes the login that of a person, and no person here has one: `BasicAuthentication.java`.
fn basic(value: &str) -> Option<String> {
    let pair = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    pair.strip_suffix(':').filter(|login| !login.contains(':')).map(ToOwned::to_owned)
}
