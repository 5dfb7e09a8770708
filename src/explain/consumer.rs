//! Why an OAuth consumer got no token.

use reqwest::Url;

use crate::{
    bitbucket::answer::Answer,
    explain::{
        explanation::{Explanation, Reason},
        handbook,
    },
    http::transport::Response,
    model::address::is_this_machine,
};

/// Explains why Bitbucket gave no token. A code of OAuth without known words fits several reasons; `None` when the
/// answer is not one of OAuth.
pub(crate) fn explain(status_code: u16, answer: &Answer) -> Option<Explanation> {
    Some(match answer {
        Answer::NotTheApi => Reason::from(&handbook::NOT_THE_API).into(),
        Answer::PublicConsumer => Reason::from(&handbook::PUBLIC_CONSUMER).into(),
        Answer::NoCallbackUrl => Reason::from(&handbook::CONSUMER_WITHOUT_CALLBACK_URL).into(),
        Answer::AccessControls => Reason::from(&handbook::ACCESS_CONTROLS).into(),
        Answer::NoConsumer => {
            Explanation::one_of([&handbook::WRONG_CONSUMER_SECRET, &handbook::DELETED_CONSUMER])
        }
        // <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>
        _ if [400, 401].contains(&status_code) => Explanation::one_of([
            &handbook::WRONG_CONSUMER_SECRET,
            &handbook::PUBLIC_CONSUMER,
            &handbook::CONSUMER_WITHOUT_CALLBACK_URL,
        ]),
        _ => return None,
    })
}

/// Explains an answer that accepts the request and has no token.
pub(crate) fn explain_no_token(response: &Response) -> Explanation {
    let remedy = "check HTTPS_PROXY, and BITBUCKET_API_URL if it is set; see bitbucket.status.atlassian.com";
    if response.body.is_html() {
        return Explanation::of(
            "a proxy or a login page of the network answered instead of Bitbucket",
            remedy,
        );
    }
    Explanation::of(
        "the answer does not have the documented format, so a proxy may have answered instead of Bitbucket; it is not shown, because it may hold a secret",
        remedy,
    )
}

/// The reason that is left when there is no connection to the host that gives tokens.
pub(crate) fn other_host(url: &Url) -> Option<Reason> {
    let host = url.host_str().filter(|_| !is_this_machine(url))?;
    Some(Reason {
        trouble: None,
        why: format!("an OAuth consumer gets its token from {host}, which is another host than that of the API; a firewall or a proxy may only allow one of them").into(),
        remedy: format!("allow https to {host} as well; or use an access token (BITBUCKET_ACCESS_TOKEN), which only needs the API").into(),
    })
}
