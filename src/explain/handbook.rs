//! The handbook of refusals: each trouble that people have with Bitbucket, with its answer, the reason, and a remedy.
//! Messages, `MODE: check` and `docs/refusals.md` are made of it.
//!
//! A text says "probably" where Bitbucket has not published what it does.

#![expect(missing_docs, reason = "the title of an entry describes it")]

/// One trouble.
#[derive(Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What the user did, or what happened.
    pub title: &'static str,
    /// What Bitbucket answers, in its own words where they are known; and whether Gatepost finds it before sending.
    pub answer: &'static str,
    /// The reason; it completes "why: ...".
    pub why: &'static str,
    /// What to do, with the names of pages, scopes and variables; one line or several.
    pub remedy: &'static str,
}

/// The page for API tokens: <https://support.atlassian.com/bitbucket-cloud/docs/create-an-api-token/>.
macro_rules! api_tokens {
    () => {
        "id.atlassian.com > Security > Create and manage API tokens"
    };
}

/// How to create a working API token.
macro_rules! new_api_token {
    () => {
        concat!(
            "create one with \"Create API token with scopes\" (",
            api_tokens!(),
            "), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests)"
        )
    };
}

/// The page for access tokens: <https://support.atlassian.com/bitbucket-cloud/docs/access-tokens/>.
macro_rules! access_tokens {
    () => {
        "Repository settings > Security > Access tokens"
    };
}

/// How to create a working access token.
macro_rules! new_access_token {
    () => {
        concat!(
            "create one (",
            access_tokens!(),
            ", or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests)"
        )
    };
}

/// The page for OAuth consumers: <https://support.atlassian.com/bitbucket-cloud/docs/use-oauth-on-bitbucket-cloud/>.
macro_rules! consumers {
    () => {
        "Workspace settings > Apps and features > OAuth consumers"
    };
}

/// The two kinds of credentials that most people need, one on each line.
pub const WAYS_IN: &str = concat!(
    "use an API token: ",
    new_api_token!(),
    ", and pass it as ATLASSIAN_API_TOKEN with its account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL\n",
    "or use an access token: ",
    new_access_token!(),
    ", and pass it as BITBUCKET_ACCESS_TOKEN"
);

/// Bitbucket's words for a rejected token, whatever the reason.
const TOKEN_REJECTED: &str = "401 \"Token is invalid, expired, or not supported for this endpoint.\"; Gatepost finds this before sending";

pub const APP_PASSWORD: Trouble = Trouble {
    title: "An app password",
    answer: "401, or 410 (probably with \"CHANGE-3222 - Functionality has been deprecated\"), or \"Bitbucket Cloud recently stopped supporting account passwords for API authentication.\"; Gatepost finds this before sending",
    why: "app passwords no longer exist: no new ones since 2025-09-09, switched off at times from 2026-06-09, removed on 2026-07-28",
    remedy: WAYS_IN,
};

pub const GIT_USER_NAME: Trouble = Trouble {
    title: "An API token with the user x-token-auth or x-bitbucket-api-token-auth",
    answer: TOKEN_REJECTED,
    why: "this user name is for git over https; the REST API expects the e-mail address of the account that created the API token",
    remedy: "pass the address shown at id.atlassian.com > Profile > Email as ATLASSIAN_ACCOUNT_EMAIL",
};

pub const USER_NAME: Trouble = Trouble {
    title: "An API token with the Bitbucket user name, or with the token's label",
    answer: TOKEN_REJECTED,
    why: "the REST API expects the e-mail address of the account that created the API token; a Bitbucket user name or the label of the token does not work",
    remedy: "pass the address shown at id.atlassian.com > Profile > Email as ATLASSIAN_ACCOUNT_EMAIL",
};

pub const API_TOKEN_AS_BEARER: Trouble = Trouble {
    title: "An API token as Bearer (in BITBUCKET_ACCESS_TOKEN)",
    answer: TOKEN_REJECTED,
    why: "an API token works with HTTP Basic and the e-mail address of its account; Bearer is for access tokens and OAuth",
    remedy: "pass it as ATLASSIAN_API_TOKEN, with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL",
};

pub const ACCESS_TOKEN_AS_BASIC: Trouble = Trouble {
    title: "An access token with an e-mail address (in ATLASSIAN_API_TOKEN)",
    answer: TOKEN_REJECTED,
    why: "an access token works as Bearer, without a user",
    remedy: "pass it as BITBUCKET_ACCESS_TOKEN, and remove ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN",
};

pub const NO_SCOPES: Trouble = Trouble {
    title: "An API token without scopes",
    answer: "401 \"Token is invalid, expired, or not supported for this endpoint.\", or 400 with an empty body",
    why: "the token was created without scopes, or for another app than Bitbucket: the page of tokens then says \"Never accessed\" beside it",
    remedy: new_api_token!(),
};

pub const API_TOKEN_EXPIRED: Trouble = Trouble {
    title: "An API token that expired, was revoked, or was copied incompletely",
    answer: "401 \"Token is invalid, expired, or not supported for this endpoint.\" (formerly \"Token is invalid or not supported for this endpoint.\"), or with an empty body and www-authenticate: Basic realm=\"Bitbucket.org HTTP\"",
    why: "the API token has expired (after one year at most), was revoked, or was copied incompletely",
    remedy: concat!(
        "look for it at ",
        api_tokens!(),
        ", which shows when it expires; if it has expired or is missing, create a new one with the same scopes and save it in ATLASSIAN_API_TOKEN"
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
        " (or on the same page of the project or workspace), which shows when it was last used and when it expires; if it has expired or is missing, create a new one with the scope Repositories: Read and save it in BITBUCKET_ACCESS_TOKEN (or in its entry of BITBUCKET_ACCESS_TOKENS)"
    ),
};

/// Something else where an API token belongs.
pub const NOT_AN_API_TOKEN: Trouble = Trouble {
    title: "ATLASSIAN_API_TOKEN does not hold an API token",
    answer: "401 \"Token is invalid, expired, or not supported for this endpoint.\"",
    why: "API tokens begin with ATATT, and ATLASSIAN_API_TOKEN does not: it is probably an app password, which no longer works, the password of the account, which has not worked since 2022, or a token of another service",
    remedy: concat!(new_api_token!(), ", and save it in ATLASSIAN_API_TOKEN"),
};

pub const OAUTH_TOKEN_EXPIRED: Trouble = Trouble {
    title: "An OAuth token as BITBUCKET_ACCESS_TOKEN",
    answer: "401 \"Access token expired.\", or \"OAuth2 access token expired. Use your refresh token to obtain a new access token\"",
    why: "access tokens begin with ATCTT, and BITBUCKET_ACCESS_TOKEN does not: it is probably an OAuth token, which expires after two hours, an app password, which no longer works, or a token of another service",
    remedy: "get a new OAuth token in the same step, or use an access token of the repository, project or workspace",
};

pub const OTHER_ACCOUNT: Trouble = Trouble {
    title: "An API token with the e-mail address of another account, or not the full one",
    answer: "401 \"Token is invalid, expired, or not supported for this endpoint.\", or with an empty body and www-authenticate: BitbucketCustom",
    why: "ATLASSIAN_ACCOUNT_EMAIL is not the full e-mail address of the account that created the API token",
    remedy: "log in as the account that created the token, and pass the address shown at id.atlassian.com > Profile > Email",
};

pub const MANAGED_ACCOUNT: Trouble = Trouble {
    title: "An account that an organization manages (single sign-on)",
    answer: "401, often with an empty body and www-authenticate: BitbucketCustom, while git works with the same account",
    why: "the organization that manages the account probably does not allow its API tokens",
    remedy: "an organization admin allows them at admin.atlassian.com > Security > User security (Authentication policies, and External users for guests)\nor use an access token of the repository, project or workspace, which does not depend on an account\nor use an OAuth consumer of the workspace (BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET), which reaches all its repositories without Premium",
};

pub const API_TOKEN_SCOPE: Trouble = Trouble {
    title: "An API token without the required scope",
    answer: SCOPE_LACKING,
    why: "the API token lacks a scope; no scope of an API token includes another one: write does not include read",
    remedy: concat!(
        "a token's scopes cannot be changed: ",
        new_api_token!(),
        ", and save it in ATLASSIAN_API_TOKEN"
    ),
};

pub const ACCESS_TOKEN_SCOPE: Trouble = Trouble {
    title: "An access token without the required scope",
    answer: SCOPE_LACKING,
    why: "the access token lacks a scope",
    remedy: concat!(
        "a token's scopes cannot be changed: ",
        new_access_token!(),
        ", and save it in BITBUCKET_ACCESS_TOKEN (or in its entry of BITBUCKET_ACCESS_TOKENS)"
    ),
};

pub const CONSUMER_SCOPE: Trouble = Trouble {
    title: "An OAuth consumer without the required scope",
    answer: SCOPE_LACKING,
    why: "the OAuth consumer lacks a scope",
    remedy: concat!(
        "edit the consumer (",
        consumers!(),
        "): tick the permission Repositories: Read (and Pull requests: Read to look up pull requests), and run again; key and secret stay the same"
    ),
};

pub const PUBLIC_CONSUMER: Trouble = Trouble {
    title: "An OAuth consumer that is not private",
    answer: "400 invalid_grant: \"Cannot use client_credentials with a consumer marked as \"public\". Calls for auto generated consumers should use urn:bitbucket:oauth2:jwt instead.\"",
    why: "the OAuth consumer is not private, and Bitbucket only gives a token to a private one",
    remedy: concat!(
        "edit the consumer (",
        consumers!(),
        "): tick \"This is a private consumer\", and run again; key and secret stay the same"
    ),
};

pub const CONSUMER_WITHOUT_CALLBACK_URL: Trouble = Trouble {
    title: "An OAuth consumer without a \"Callback URL\"",
    answer: "400 invalid_request: \"No callback uri defined for the OAuth client.\"",
    why: "the OAuth consumer has no \"Callback URL\", and Bitbucket requires one even where it is never opened",
    remedy: concat!(
        "edit the consumer (",
        consumers!(),
        "): enter an address as \"Callback URL\", such as https://bitbucket.org, and run again; key and secret stay the same"
    ),
};

pub const WRONG_CONSUMER_SECRET: Trouble = Trouble {
    title: "A wrong key or secret of an OAuth consumer",
    answer: "400 unauthorized_client (or invalid_client): \"Invalid OAuth client credentials\"",
    why: "BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET are not the key and the secret of one consumer, or the secret was regenerated",
    remedy: concat!(
        "click the name of the consumer (",
        consumers!(),
        "), and save its Key in BITBUCKET_OAUTH_CLIENT_ID and its Secret in BITBUCKET_OAUTH_CLIENT_SECRET"
    ),
};

pub const DELETED_CONSUMER: Trouble = Trouble {
    title: "An OAuth consumer that was deleted",
    answer: "probably 400 unauthorized_client: \"Invalid OAuth client credentials\", as for a wrong secret",
    why: "the OAuth consumer was deleted: it is not in the list of its workspace",
    remedy: concat!(
        "create a new one (",
        consumers!(),
        " > Add consumer): enter a \"Callback URL\", tick \"This is a private consumer\" and the permission Repositories: Read (and Pull requests: Read to look up pull requests), and save its Key in BITBUCKET_OAUTH_CLIENT_ID and its Secret in BITBUCKET_OAUTH_CLIENT_SECRET"
    ),
};

pub const CONSUMER_TOKEN: Trouble = Trouble {
    title: "A token that an OAuth consumer was given, and that does not work",
    answer: "401 \"Access token expired.\" for a new token, or \"Token is invalid, expired, or not supported for this endpoint.\"",
    why: "Bitbucket gave the OAuth consumer a token and does not accept it: the consumer was probably deleted or changed in the meantime",
    remedy: concat!(
        "run again; if it happens again, look at the consumer (",
        consumers!(),
        ") and at bitbucket.status.atlassian.com"
    ),
};

/// <https://jira.atlassian.com/browse/BCLOUD-22778>
pub const OTHER_WORKSPACE: Trouble = Trouble {
    title: "An OAuth consumer of another workspace",
    answer: "404 \"You may not have access to this repository or it no longer exists in this workspace ...\"",
    why: "an OAuth consumer reaches what its owner can read: the repositories of the workspace in which it was created",
    remedy: concat!(
        "create a consumer in the workspace of this repository (",
        consumers!(),
        "), or use an access token of the repository"
    ),
};

/// Bitbucket's words for a missing scope.
const SCOPE_LACKING: &str = "403 \"Your credentials lack one or more required privilege scopes.\" with the lists required and granted";

pub const OTHER_REPOSITORY: Trouble = Trouble {
    title: "A repository access token for another repository",
    answer: "404 \"You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated.\"",
    why: "a repository access token only reaches the repository in which it was created",
    remedy: "use a token that was created in this repository; for several repositories one project or workspace access token (Premium) or one API token",
};

pub const WRONG_NAME: Trouble = Trouble {
    title: "A wrong slug or workspace, or a repository that the credential may not see",
    answer: "404 \"You may not have access to this repository or it no longer exists in this workspace ...\", or \"The requested repository either does not exist or you do not have access.\"",
    why: "the repository does not exist, or it is private and this credential may not see it: Bitbucket gives the same answer for both",
    remedy: "open the repository in a browser and compare its address bitbucket.org/workspace/slug with WORKSPACE and REPO_SLUG, or with REPOSITORIES (a renamed repository has a new slug)\nif it is the same, the credential lacks access: give it to the API token's account (Repository settings > Repository permissions), or use a token of this repository",
};

pub const NO_WORKSPACE: Trouble = Trouble {
    title: "A workspace that does not exist",
    answer: "404 \"No workspace with identifier '...'.\"",
    why: "the workspace does not exist",
    remedy: "check WORKSPACE, or the part before the / in REPO_SLUG or REPOSITORIES: it is the first part of the address bitbucket.org/workspace/slug, not the name shown on the page",
};

pub const FORK: Trouble = Trouble {
    title: "A pull request from a fork that the credential may not see",
    answer: "404 \"You may not have access to this repository or it no longer exists in this workspace ...\" for the fork",
    why: "the status of a pull request from a fork goes to the fork, and this credential may not see the fork",
    remedy: "add an access token of the fork to BITBUCKET_ACCESS_TOKENS under its name (workspace/slug), or use an API token whose account may read the fork",
};

pub const NOT_THE_API: Trouble = Trouble {
    title: "The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud",
    answer: "404 \"Resource not found ... There is no API hosted at this URL.\", an HTML page, or no connection; an address with /rest/ is refused before sending",
    why: "the answer does not come from the API of Bitbucket Cloud, but from Bitbucket Data Center, a proxy or a login page",
    remedy: "remove BITBUCKET_API_URL (the default is https://api.bitbucket.org/2.0), and check HTTPS_PROXY; Gatepost works with Bitbucket Cloud only, whose repositories are at bitbucket.org/workspace/slug",
};

pub const ANOTHERS_STATUS: Trouble = Trouble {
    title: "A status with the same KEY that another user or token created",
    answer: "403 is expected; Bitbucket's words for it are not published",
    why: "only the creator of a status, or an admin of the repository, may overwrite it; a new token is another creator than the token that it replaced",
    remedy: "use the credential that created it, or post with another KEY (the old status then stays, and merge checks count it, until the branch has a new commit)",
};

pub const ACCESS_CONTROLS: Trouble = Trouble {
    title: "A workspace that restricts access",
    answer: "403; Bitbucket's words for it are not published",
    why: "the workspace may not allow this credential (Workspace settings > Access controls: IP addresses, two-step verification)",
    remedy: "ask a workspace admin to check these settings; a self-hosted runner has an IP address of its own",
};

pub const WRONG_MECHANISM: Trouble = Trouble {
    title: "An operation that does not accept this kind of token",
    answer: "403 \"This API is not accessible by this authentication mechanism\"",
    why: "Bitbucket does not offer this operation to this kind of token",
    remedy: "use a credential of the other kind: an API token instead of an access token, or an access token instead of an API token",
};

pub const LONG_KEY: Trouble = Trouble {
    title: "A KEY of more than 40 characters",
    answer: "400 \"key: Ensure this value has at most 40 characters (it has 48).\"; Gatepost shortens keys, so this should not happen",
    why: "Bitbucket accepts keys of at most 40 characters",
    remedy: "use a shorter KEY; Gatepost cuts a longer one and adds 8 digits of its SHA-256, so that two long keys stay different",
};

pub const UNREACHABLE_URL: Trouble = Trouble {
    title: "A link to http://sonarqube:9000 or localhost",
    answer: "400 \"url: Enter a valid URL.\"; Gatepost finds this before sending",
    why: "Bitbucket accepts a link only to an IP address or a host name with a dot, and not to the machine itself",
    remedy: "pass in URL the address that works in a reviewer's browser, or set the server's public address in SonarQube (Administration > General > \"Server base URL\")",
};

pub const BAD_FIELD: Trouble = Trouble {
    title: "A value that Bitbucket does not accept",
    answer: "400 \"Bad request\", or with the name of the field",
    why: "Bitbucket does not accept a value of the request; the answer names it",
    remedy: "change the variable that fills the field (KEY, NAME, DESCRIPTION, URL, REFNAME)",
};

pub const UNKNOWN_COMMIT: Trouble = Trouble {
    title: "A commit that Bitbucket does not know",
    answer: "404 \"Commit not found\"",
    why: "the commit was not pushed to this repository, or it is the merge commit of a pull-request pipeline, which only exists in the build (`git rev-parse HEAD` prints it)",
    remedy: "in the repository's own pipeline remove COMMIT: the default is the commit that was pushed; in a central pipeline pass BITBUCKET_COMMIT of the pipeline that triggered it\nor pass PULL_REQUEST: Gatepost finds its source commit, for a fork in the fork",
};

pub const NO_PULL_REQUEST: Trouble = Trouble {
    title: "A pull request that does not exist",
    answer: "404 for an address with /pullrequests/",
    why: "the repository does not have this pull request",
    remedy: "check PULL_REQUEST: it is the number in the address of the pull request, in the repository of its destination branch; or pass COMMIT and BRANCH",
};

pub const NO_BRANCH: Trouble = Trouble {
    title: "A branch that does not exist",
    answer: "404 for an address with /refs/branches/",
    why: "the repository does not have this branch; many branches are deleted when their pull request is merged",
    remedy: "check BRANCH: it is the name that Bitbucket shows, without refs/heads/; or pass COMMIT",
};

pub const NOT_BITBUCKETS_TOKEN: Trouble = Trouble {
    title: "A token of another product of Atlassian",
    answer: "401 \"Token is invalid, expired, or not supported for this endpoint.\"",
    why: "the token is for another product of Atlassian: the keys of an organization begin with ATCTT too",
    remedy: concat!("use an access token of the repository, project or workspace: ", new_access_token!()),
};

pub const CENTRAL_COMMIT: Trouble = Trouble {
    title: "A central pipeline that reports to its own commit",
    answer: "201, and the status is on the wrong commit; Gatepost finds this before sending",
    why: "in a central pipeline BITBUCKET_COMMIT is a commit of the central repository; Gatepost never uses it for another repository",
    remedy: "pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID",
};

pub const RATE_LIMIT: Trouble = Trouble {
    title: "Too many requests",
    answer: "429 \"Rate limit for this resource has been exceeded\"",
    why: "Bitbucket allows about 1,000 requests an hour for each user, counted over all API tokens and pipelines of the user; each access token and each OAuth consumer has its own allowance",
    remedy: "run again later (a higher TIMEOUT waits longer; with many targets, RESUME with the same RESULT_FILE posts the rest); use access tokens for busy pipelines instead of one person's API token",
};

pub const ORPHAN: Trouble = Trouble {
    title: "An INPROGRESS that is never replaced",
    answer: "none: the pull request stays blocked",
    why: "the scan crashed after INPROGRESS was posted",
    remedy: "post the result in after-script, which runs however the script ended, with `SCAN_EXIT_CODE: $BITBUCKET_EXIT_CODE`; Gatepost posts FAILED whatever went wrong\nMODE: settle ends those that are left already",
};

pub const PASTED: Trouble = Trouble {
    title: "A token copied with quotes, a space or a line break",
    answer: TOKEN_REJECTED,
    why: "Pipelines passes the value of a variable unchanged, so the additional characters become part of the token",
    remedy: "save the variable again with only the token: without quotes, spaces, line breaks and a user name",
};

pub const NOT_EXPANDED: Trouble = Trouble {
    title: "A secured variable that does not reach the pipe",
    answer: "401; Gatepost finds this before sending",
    why: "the pipe receives an empty text or the name ($NAME) instead of the value: a pipe only receives the variables below its `variables:`, and a variable that the step does not know is empty",
    remedy: "define the variable for the repository, the workspace or the deployment of this step, and pass it without single quotes, as in `BITBUCKET_ACCESS_TOKEN: $BITBUCKET_ACCESS_TOKEN`",
};

pub const REMOVED: Trouble = Trouble {
    title: "An operation that Bitbucket removed",
    answer: "410 \"CHANGE-... - Functionality has been deprecated\"",
    why: "Bitbucket has removed this operation",
    remedy: "use the newest version of Gatepost",
};

pub const DOWN: Trouble = Trouble {
    title: "Bitbucket has a problem",
    answer: "408, 425, 500 to 511, 520 to 530, 555 or 598, such as 503; Gatepost tries again until TIMEOUT",
    why: "Bitbucket, or a proxy on the way, has an error",
    remedy: "see bitbucket.status.atlassian.com and run again; a higher TIMEOUT waits longer",
};

/// Bitbucket's own sentence is told as the reason.
pub const CLOSED: Trouble = Trouble {
    title: "A repository or a workspace that takes no writes",
    answer: "402, 403 or 409 with a sentence of Bitbucket such as \"This repository is archived.\", \"... is in read-only mode\" or \"... exceeded their user limit\"",
    why: "the repository is archived or in read-only mode, or the plan of the workspace has too few users",
    remedy: "see the repository's page and the plan of the workspace (Workspace settings > Plan details), then run again",
};

pub const RENAMED: Trouble = Trouble {
    title: "A repository that was renamed or moved to another workspace",
    answer: "301 with the address of the new name",
    why: "the repository has another name now; Gatepost follows no redirects, and names the new one",
    remedy: "pass the new name as REPO_SLUG or in REPOSITORIES, and change the name where else it is used",
};

pub const MOVED_ON: Trouble = Trouble {
    title: "A pull request that has moved on",
    answer: "404 \"Commit not found\" for the commit that was built, and the pull request has another one by now",
    why: "somebody force-pushed its branch while the pipeline was running; Gatepost posts to no commit that nobody built",
    remedy: "see the pipeline of the new commit: this pipeline has not built it, so its result would not be true there",
};

pub const PROXY_LOGIN: Trouble = Trouble {
    title: "A proxy that wants a login",
    answer: "407 of the proxy",
    why: "the proxy, and not Bitbucket, asks for a user name and password, or does not accept those of HTTPS_PROXY; Gatepost tries once, because some networks lock an account after a few wrong passwords, and it knows no NTLM or Kerberos",
    remedy: "pass them in HTTPS_PROXY, as user:password@ before the host of the proxy, with \\ as %5C, # as %23, / as %2F, @ as %40",
};

pub const PROXY_REFUSES: Trouble = Trouble {
    title: "A proxy that does not connect to Bitbucket",
    answer: "403, 502, 503 or another answer of the proxy in place of a connection",
    why: "the proxy, and not Bitbucket, does not let the connection through, or does not reach the host",
    remedy: "let the proxy's administrator allow api.bitbucket.org; hosts that must be reached without the proxy go into NO_PROXY",
};

/// Every trouble, in the order of the documentation: by answer, likeliest first.
pub const ALL: [&Trouble; 48] = [
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
    &PUBLIC_CONSUMER,
    &CONSUMER_WITHOUT_CALLBACK_URL,
    &WRONG_CONSUMER_SECRET,
    &DELETED_CONSUMER,
    &CONSUMER_TOKEN,
    &API_TOKEN_SCOPE,
    &ACCESS_TOKEN_SCOPE,
    &CONSUMER_SCOPE,
    &ANOTHERS_STATUS,
    &ACCESS_CONTROLS,
    &WRONG_MECHANISM,
    &OTHER_REPOSITORY,
    &OTHER_WORKSPACE,
    &WRONG_NAME,
    &NO_WORKSPACE,
    &FORK,
    &UNKNOWN_COMMIT,
    &MOVED_ON,
    &NO_PULL_REQUEST,
    &NO_BRANCH,
    &NOT_THE_API,
    &LONG_KEY,
    &UNREACHABLE_URL,
    &BAD_FIELD,
    &RATE_LIMIT,
    &REMOVED,
    &RENAMED,
    &CLOSED,
    &PROXY_LOGIN,
    &PROXY_REFUSES,
    &DOWN,
    &CENTRAL_COMMIT,
    &ORPHAN,
];
