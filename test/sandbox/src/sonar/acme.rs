//! The standard projects, and a token of every kind.
//!
//! The secrets have the shape of real ones, but repeat words that can be spelled in hexadecimal digits, so
//! that neither a reader nor a scanner for secrets takes them for real.

use super::projects::{Dialect, Projects};
use super::tokens::Token;

/// Shape of a token: a prefix that says its kind, and 40 hexadecimal digits.
macro_rules! token {
    ($prefix:literal, $ten:literal) => {
        concat!($prefix, $ten, $ten, $ten, $ten)
    };
}

/// Token of a user who may browse and analyse every project.
pub const USER_TOKEN: &str = token!("squ_", "c0ffeecafe");
/// Token for the analysis of `acme_api`, and for nothing else.
pub const PROJECT_ANALYSIS_TOKEN: &str = token!("sqp_", "decadeface");
/// Token for the analysis of every project.
pub const GLOBAL_ANALYSIS_TOKEN: &str = token!("sqa_", "facadebead");
/// Token of a user who may browse every project and analyse none.
pub const READER_TOKEN: &str = token!("squ_", "badecafe00");
/// Token of a user that was revoked.
pub const REVOKED_SONAR_TOKEN: &str = token!("squ_", "deadbeef00");
/// Token of a user without a prefix, as on SonarQube Cloud and on old servers.
pub const CLOUD_TOKEN: &str = token!("", "accededbee");

impl Projects {
    /// The standard projects: `acme_api` and `acme_web`, both private, with the tokens that this crate's
    /// constants name. Each dialect has all of them, although none makes every kind, so that a test can run
    /// against any with the same token.
    pub fn acme(dialect: Dialect) -> Self {
        let mut projects = Self::new(dialect);
        projects
            .add_project("acme_api", "Acme API", true)
            .add_project("acme_web", "Acme Web", true)
            .add_token(USER_TOKEN, Token::User)
            .add_token(PROJECT_ANALYSIS_TOKEN, Token::ProjectAnalysis("acme_api".to_owned()))
            .add_token(GLOBAL_ANALYSIS_TOKEN, Token::GlobalAnalysis)
            .add_token(CLOUD_TOKEN, Token::User)
            .add_token(READER_TOKEN, Token::Reader)
            .add_token(REVOKED_SONAR_TOKEN, Token::User)
            .revoke(REVOKED_SONAR_TOKEN);
        projects
    }
}
