//! The handbook of refusals: each trouble that people have with Bitbucket once, with what it answers, why, and
//! what to do. Messages and the README's "When Bitbucket answers 401, 403 or 404" are made of it.
//!
//! "Probably" stands where nobody has published what Bitbucket does.

/// One trouble.
#[derive(Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What the user did or met.
    pub title: &'static str,
    /// What Bitbucket answers, in its own words where they are known; or when Gatepost says it instead.
    pub answer: &'static str,
    /// Why.
    pub why: &'static str,
    /// What to do, with the names of pages, scopes and variables.
    pub remedy: &'static str,
}

/// Where API tokens are made: <https://support.atlassian.com/bitbucket-cloud/docs/create-an-api-token/>.
macro_rules! api_tokens {
    () => {
        "id.atlassian.com > Security > Create and manage API tokens"
    };
}

/// How a working API token is made.
macro_rules! new_api_token {
    () => {
        concat!(
            "create one with \"Create API token with scopes\" (",
            api_tokens!(),
            "), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket for looking pull requests up)"
        )
    };
}

/// Where access tokens are made: <https://support.atlassian.com/bitbucket-cloud/docs/access-tokens/>.
macro_rules! access_tokens {
    () => {
        "Repository settings > Security > Access tokens"
    };
}

/// How a working access token is made.
macro_rules! new_access_token {
    () => {
        concat!(
            "create one (",
            access_tokens!(),
            ", or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read for looking pull requests up)"
        )
    };
}

/// The two ways that work, for those who have none; one a line.
pub const WAYS_IN: &str = concat!(
    "either use an API token: ",
    new_api_token!(),
    ", and pass it as ATLASSIAN_API_TOKEN with its account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL\n",
    "or use an access token: ",
    new_access_token!(),
    ", and pass it as BITBUCKET_ACCESS_TOKEN"
);

/// Bitbucket's words for a token that does not count, whatever the reason.
const TOKEN_REJECTED: &str =
    "401 \"Token is invalid, expired, or not supported for this endpoint.\"; Gatepost says it before sending";

/// App passwords ended.
pub const APP_PASSWORD: Trouble = Trouble {
    title: "An app password",
    answer: "401, or 410 (probably with \"CHANGE-3222 - Functionality has been deprecated\"), or \"Bitbucket Cloud recently stopped supporting account passwords for API authentication.\"; Gatepost says it before sending",
    why: "app passwords no longer exist: no new ones since 2025-09-09, switched off at times from 2026-06-09, removed on 2026-07-28",
    remedy: WAYS_IN,
};

/// A user name that only git knows.
pub const GIT_USER_NAME: Trouble = Trouble {
    title: "An API token with the user x-token-auth or x-bitbucket-api-token-auth",
    answer: TOKEN_REJECTED,
    why: "such a user name is for git over https; on the REST API an API token goes with the e-mail address of its account",
    remedy: "pass the address shown at id.atlassian.com > Profile > Email as ATLASSIAN_ACCOUNT_EMAIL",
};

/// A Bitbucket user name, or the label of a token.
pub const USER_NAME: Trouble = Trouble {
    title: "An API token with the Bitbucket user name, or with the token's label",
    answer: TOKEN_REJECTED,
    why: "on the REST API an API token goes with the e-mail address of its account; Bitbucket's user name and the token's label do not work there",
    remedy: "pass the address shown at id.atlassian.com > Profile > Email as ATLASSIAN_ACCOUNT_EMAIL",
};

/// An API token where an access token belongs.
pub const API_TOKEN_AS_BEARER: Trouble = Trouble {
    title: "An API token as Bearer (in BITBUCKET_ACCESS_TOKEN)",
    answer: TOKEN_REJECTED,
    why: "an API token works as HTTP Basic with its account's e-mail address; Bearer is for access tokens and OAuth",
    remedy: "pass it as ATLASSIAN_API_TOKEN, with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL",
};

/// An access token where an API token belongs.
pub const ACCESS_TOKEN_AS_BASIC: Trouble = Trouble {
    title: "An access token with an e-mail address (in ATLASSIAN_API_TOKEN)",
    answer: TOKEN_REJECTED,
    why: "an access token works as Bearer, without a user",
    remedy: "pass it as BITBUCKET_ACCESS_TOKEN, and leave out ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN",
};

/// An API token of the old kind.
pub const NO_SCOPES: Trouble = Trouble {
    title: "An API token without scopes",
    answer: "401 \"Token is invalid, expired, or not supported for this endpoint.\", or 400 with an empty body",
    why: "the token was created without scopes, or for another app than Bitbucket: its line on the page of tokens then says \"Never accessed\"",
    remedy: new_api_token!(),
};

/// An API token that is over.
pub const API_TOKEN_EXPIRED: Trouble = Trouble {
    title: "An API token that expired, was revoked, or was copied incompletely",
    answer: "401 \"Token is invalid, expired, or not supported for this endpoint.\" (formerly \"Token is invalid or not supported for this endpoint.\"), or with an empty body and www-authenticate: Basic realm=\"Bitbucket.org HTTP\"",
    why: "the API token has expired (it lives a year at most), was revoked, or was copied incompletely",
    remedy: concat!(
        "look for it at ",
        api_tokens!(),
        ", which shows when it expires; if it has expired or is not there, create a new one with the same scopes and save it in ATLASSIAN_API_TOKEN"
    ),
};

/// An access token that is over.
pub const ACCESS_TOKEN_EXPIRED: Trouble = Trouble {
    title: "An access token that expired, was revoked, or was copied incompletely",
    answer: "401 \"Token is invalid, expired, or not supported for this endpoint.\"",
    why: "the access token has expired, was revoked, or was copied incompletely",
    remedy: concat!(
        "look for it in ",
        access_tokens!(),
        " (or on the same page of the project or workspace), which shows when it was last used and when it expires; if it has expired or is not there, create a new one with the scope Repositories: Read and save it in BITBUCKET_ACCESS_TOKEN (or in its entry of BITBUCKET_ACCESS_TOKENS)"
    ),
};

/// Something else where an API token belongs.
pub const NOT_AN_API_TOKEN: Trouble = Trouble {
    title: "Something else than an API token in ATLASSIAN_API_TOKEN",
    answer: "401 \"Token is invalid, expired, or not supported for this endpoint.\"",
    why: "ATLASSIAN_API_TOKEN does not begin with ATATT, as API tokens do: it probably is an app password, which no longer works, the account's password, which has not worked since 2022, or a token of something else",
    remedy: concat!(new_api_token!(), ", and save it in ATLASSIAN_API_TOKEN"),
};

/// An OAuth token that is over.
pub const OAUTH_TOKEN_EXPIRED: Trouble = Trouble {
    title: "An OAuth token as BITBUCKET_ACCESS_TOKEN",
    answer: "401 \"Access token expired.\", or \"OAuth2 access token expired. Use your refresh token to obtain a new access token\"",
    why: "the token does not begin with ATCTT, as access tokens do, so it probably is OAuth's, which lives two hours, or an app password, which no longer works, or of something else",
    remedy: "fetch a new one in the same step, or use an access token of the repository, project or workspace",
};

/// The e-mail address of somebody else.
pub const OTHER_ACCOUNT: Trouble = Trouble {
    title: "An API token with the e-mail address of another account",
    answer: "401 \"Token is invalid, expired, or not supported for this endpoint.\"",
    why: "ATLASSIAN_ACCOUNT_EMAIL is not the address of the account that created the API token",
    remedy: "log in as the account that created the token, and pass the address shown at id.atlassian.com > Profile > Email",
};

/// An organization that restricts its accounts.
pub const MANAGED_ACCOUNT: Trouble = Trouble {
    title: "An account that an organization manages (single sign-on)",
    answer: "401, often with an empty body and www-authenticate: BitbucketCustom, while git works with the same account",
    why: "the organization that manages the account probably keeps its API tokens out",
    remedy: "an organization admin allows them at admin.atlassian.com > Security > User security (Authentication policies, and External users for guests); or use an access token of the repository, project or workspace, which depends on nobody's account",
};

/// A scope that an API token lacks.
pub const API_TOKEN_SCOPE: Trouble = Trouble {
    title: "An API token without the scope that is needed",
    answer: SCOPE_LACKING,
    why: "the API token lacks a scope; none of its scopes includes another, so that write does not include read",
    remedy: concat!(
        "a token's scopes cannot be changed: ",
        new_api_token!(),
        ", and save it in ATLASSIAN_API_TOKEN"
    ),
};

/// A scope that an access token lacks.
pub const ACCESS_TOKEN_SCOPE: Trouble = Trouble {
    title: "An access token without the scope that is needed",
    answer: SCOPE_LACKING,
    why: "the access token lacks a scope",
    remedy: concat!(
        "a token's scopes cannot be changed: ",
        new_access_token!(),
        ", and save it in BITBUCKET_ACCESS_TOKEN (or in its entry of BITBUCKET_ACCESS_TOKENS)"
    ),
};

/// Bitbucket's words for a scope that is lacking.
const SCOPE_LACKING: &str = "403 \"Your credentials lack one or more required privilege scopes.\" with the lists required and granted";

/// A token of another repository.
pub const OTHER_REPOSITORY: Trouble = Trouble {
    title: "A repository access token for another repository",
    answer: "404 \"You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated.\"",
    why: "a repository access token reaches the one repository that it was created in, and sees no other",
    remedy: "use a token that was created in this repository; for several repositories one project or workspace access token (Premium) or one API token",
};

/// A wrong address.
pub const WRONG_NAME: Trouble = Trouble {
    title: "A wrong slug or workspace, or a repository that the account may not see",
    answer: "404 \"You may not have access to this repository or it no longer exists in this workspace ...\", or \"The requested repository either does not exist or you do not have access.\"",
    why: "there is no repository at this address, or it is private and this credential may not see it: Bitbucket answers both alike",
    remedy: "open the repository in a browser and compare its address bitbucket.org/workspace/slug with WORKSPACE and REPO_SLUG (a renamed repository has a new slug)\nif it is the same, the credential lacks access: give it to the API token's account (Repository settings > Repository permissions), or use a token of this repository",
};

/// A workspace that is not there.
pub const NO_WORKSPACE: Trouble = Trouble {
    title: "A workspace that is not there",
    answer: "404 \"No workspace with identifier '...'.\"",
    why: "there is no such workspace",
    remedy: "check WORKSPACE, or what stands before the / in REPO_SLUG: it is the first part of a repository's address bitbucket.org/workspace/slug, not the name that is shown above it",
};

/// A fork out of reach.
pub const FORK: Trouble = Trouble {
    title: "A pull request from a fork that the credential may not see",
    answer: "404 \"You may not have access to this repository or it no longer exists in this workspace ...\" for the fork",
    why: "the status of a pull request from a fork goes to the fork's repository, and this credential may not see it",
    remedy: "add an access token of the fork to BITBUCKET_ACCESS_TOKENS under its name (workspace/slug), or use an API token whose account may read the fork",
};

/// The API of Data Center, or no API at all.
pub const NOT_THE_API: Trouble = Trouble {
    title: "The address of Bitbucket Data Center, or another that is not Bitbucket Cloud's API",
    answer: "404 \"Resource not found ... There is no API hosted at this URL.\", an HTML page, or no connection; an address with /rest/ is refused before sending",
    why: "what answered is not Bitbucket Cloud's API: Bitbucket Data Center, a proxy or a login page",
    remedy: "leave BITBUCKET_API_URL out (https://api.bitbucket.org/2.0 is used), and check HTTPS_PROXY; Gatepost speaks to Bitbucket Cloud only, whose repositories are at bitbucket.org/workspace/slug",
};

/// A status of somebody else.
pub const ANOTHERS_STATUS: Trouble = Trouble {
    title: "A status that another user or token posted before with the same KEY",
    answer: "403 is expected; Bitbucket's words for it are not published",
    why: "only the creator of a status, or an admin of the repository, may overwrite it; a token that replaced another one is another creator",
    remedy: "use the credential that created it, or post with another KEY (the old status then stays, and merge checks count it, until the branch has a new commit)",
};

/// The workspace lets only some in.
pub const ACCESS_CONTROLS: Trouble = Trouble {
    title: "A workspace that restricts access",
    answer: "403; Bitbucket's words for it are not published",
    why: "the workspace may keep this credential out (Workspace settings > Access controls: IP addresses, two-step verification)",
    remedy: "let a workspace admin look there; a self-hosted runner has an IP address of its own",
};

/// Access tokens cannot be used for everything.
pub const WRONG_MECHANISM: Trouble = Trouble {
    title: "An operation that is not for this kind of token",
    answer: "403 \"This API is not accessible by this authentication mechanism\"",
    why: "Bitbucket does not offer this operation to this kind of token",
    remedy: "use a credential of the other kind: an API token where this is an access token, an access token where this is an API token",
};

/// A key over the limit.
pub const LONG_KEY: Trouble = Trouble {
    title: "A KEY of more than 40 characters",
    answer: "400 \"key: Ensure this value has at most 40 characters (it has 48).\"; never with Gatepost, which fits keys",
    why: "Bitbucket takes keys of at most 40 characters",
    remedy: "nothing: a longer KEY is cut and gets 8 digits of its SHA-256, so that two long keys stay two, and the log says so; if you see this answer all the same, use a shorter KEY",
};

/// A link that nobody could open.
pub const UNREACHABLE_URL: Trouble = Trouble {
    title: "A link to http://sonarqube:9000 or localhost",
    answer: "400 \"url: Enter a valid URL.\"; Gatepost says it before sending",
    why: "Bitbucket takes links only to an IP address or a host with a dot that is not this machine itself",
    remedy: "pass URL with the address that a reviewer's browser reaches, or set the server's public address in SonarQube (Administration > General > \"Server base URL\")",
};

/// Another field that is refused.
pub const BAD_FIELD: Trouble = Trouble {
    title: "A value that Bitbucket does not take",
    answer: "400 \"Bad request\", or with the name of the field",
    why: "Bitbucket does not accept a value of the request, see its words above",
    remedy: "change the variable that fills the field (KEY, NAME, DESCRIPTION, URL, REFNAME)",
};

/// A commit of the build alone.
pub const UNKNOWN_COMMIT: Trouble = Trouble {
    title: "A commit that Bitbucket does not know",
    answer: "404 \"Commit not found\"",
    why: "the commit was not pushed to this repository, or it is the merge commit that a pull-request pipeline makes, which exists in the build only (git rev-parse HEAD gives it)",
    remedy: "in the repository's own pipeline set neither COMMIT nor BITBUCKET_COMMIT yourself: the commit that was pushed is used; in a central pipeline pass what the triggering pipeline has as BITBUCKET_COMMIT\nor pass PULL_REQUEST: its source commit is found, for a fork in the fork's repository",
};

/// A pull request that is not there.
pub const NO_PULL_REQUEST: Trouble = Trouble {
    title: "A pull request that is not there",
    answer: "404 for an address with /pullrequests/",
    why: "the repository has no such pull request",
    remedy: "check PULL_REQUEST: it is the number in the address of the pull request's page, in the repository that it wants to be merged into; or pass COMMIT and BRANCH",
};

/// A branch that is not there.
pub const NO_BRANCH: Trouble = Trouble {
    title: "A branch that is not there",
    answer: "404 for an address with /refs/branches/",
    why: "the repository has no such branch; a branch is often deleted when its pull request is merged",
    remedy: "check BRANCH: it is the name as Bitbucket shows it, without refs/heads/ before it; or pass COMMIT",
};

/// An access token of another product.
pub const NOT_BITBUCKETS_TOKEN: Trouble = Trouble {
    title: "A token of another product of Atlassian",
    answer: "401 \"Token is invalid, expired, or not supported for this endpoint.\"",
    why: "the token is not Bitbucket's: Atlassian's organization keys begin with ATCTT too",
    remedy: concat!("use an access token of the repository, project or workspace: ", new_access_token!()),
};

/// The commit of the central pipeline.
pub const CENTRAL_COMMIT: Trouble = Trouble {
    title: "A central pipeline that reports to its own commit",
    answer: "201, at the wrong place; Gatepost says it before sending",
    why: "in a central pipeline BITBUCKET_COMMIT is the central repository's; Gatepost never uses it for another repository",
    remedy: "pass COMMIT (and BRANCH, so that nothing has to be looked up), or PULL_REQUEST, or BRANCH of the target; the pipeline that triggers this one has them as BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID",
};

/// Too many requests.
pub const RATE_LIMIT: Trouble = Trouble {
    title: "Too many requests",
    answer: "429 \"Rate limit for this resource has been exceeded\"",
    why: "Bitbucket answers about 1,000 requests an hour for each user, all API tokens of the user and all pipelines together; each access token has an allowance of its own",
    remedy: "run again later (a higher TIMEOUT waits longer; of many targets RESUME with the same RESULT_FILE posts what is left); give busy pipelines access tokens of their own instead of one person's API token",
};

/// An INPROGRESS that stays.
pub const ORPHAN: Trouble = Trouble {
    title: "An INPROGRESS that nobody ends",
    answer: "nothing: the pull request stays blocked",
    why: "INPROGRESS was posted, and then the scan crashed",
    remedy: "post the result in after-script, which runs however the script ended, with `SCAN_EXIT_CODE: $BITBUCKET_EXIT_CODE`; whatever went wrong is told as FAILED",
};

/// A secret that was pasted with something around it.
pub const PASTED: Trouble = Trouble {
    title: "A token copied with quotes, a space or a line break",
    answer: TOKEN_REJECTED,
    why: "Pipelines passes a variable as it stands, and what is around the token becomes a part of it",
    remedy: "save the variable again with the token alone: no quotes, no space, no line break, no user: before it",
};

/// A variable that did not arrive.
pub const NOT_EXPANDED: Trouble = Trouble {
    title: "A secured variable that does not reach the pipe",
    answer: "401; Gatepost says it before sending",
    why: "the pipe gets empty text, or the name itself ($NAME): a pipe has only the variables that its variables: name, and a name that the step does not know is empty",
    remedy: "define the variable for the repository, the workspace or the deployment of this step, and pass it without single quotes, as in `BITBUCKET_ACCESS_TOKEN: $BITBUCKET_ACCESS_TOKEN`",
};

/// Something that ended.
pub const REMOVED: Trouble = Trouble {
    title: "An operation that Bitbucket removed",
    answer: "410 \"CHANGE-... - Functionality has been deprecated\"",
    why: "Bitbucket has removed what was asked for",
    remedy: "use the newest version of Gatepost",
};

/// Trouble at Bitbucket.
pub const DOWN: Trouble = Trouble {
    title: "Bitbucket has a problem",
    answer: "500, 502, 503, 504, 408 or 425",
    why: "Bitbucket, or a proxy on the way, has a problem of its own",
    remedy: "see bitbucket.status.atlassian.com and run again; a higher TIMEOUT waits longer",
};

/// Every trouble, in the order of the README: by answer, the likeliest first.
pub const ALL: [&Trouble; 36] = [
    &APP_PASSWORD,
    &GIT_USER_NAME,
    &USER_NAME,
    &API_TOKEN_AS_BEARER,
    &ACCESS_TOKEN_AS_BASIC,
    &API_TOKEN_EXPIRED,
    &ACCESS_TOKEN_EXPIRED,
    &NOT_AN_API_TOKEN,
    &OAUTH_TOKEN_EXPIRED,
    &NOT_BITBUCKETS_TOKEN,
    &OTHER_ACCOUNT,
    &NO_SCOPES,
    &MANAGED_ACCOUNT,
    &PASTED,
    &NOT_EXPANDED,
    &API_TOKEN_SCOPE,
    &ACCESS_TOKEN_SCOPE,
    &ANOTHERS_STATUS,
    &ACCESS_CONTROLS,
    &WRONG_MECHANISM,
    &OTHER_REPOSITORY,
    &WRONG_NAME,
    &NO_WORKSPACE,
    &FORK,
    &UNKNOWN_COMMIT,
    &NO_PULL_REQUEST,
    &NO_BRANCH,
    &NOT_THE_API,
    &LONG_KEY,
    &UNREACHABLE_URL,
    &BAD_FIELD,
    &RATE_LIMIT,
    &REMOVED,
    &DOWN,
    &CENTRAL_COMMIT,
    &ORPHAN,
];
