//! Gatepost behind a forward proxy that supports `CONNECT`.

use sandbox::{Proxy, ProxyRule};

use crate::run::{Folder, Gatepost, Sandbox, acme, in_branch_build};

fn over_https(sandbox: &Sandbox, folder: &Folder) -> Gatepost {
    in_branch_build(sandbox)
        .set("BITBUCKET_API_URL", sandbox.https_url())
        .set("SSL_CERT_FILE", folder.write("root.pem", sandbox.root_certificate_pem().as_bytes()))
}

#[test]
fn https_uses_the_proxy_and_hides_the_credential_from_it() {
    let (sandbox, folder, proxy) = (acme(), Folder::new(), Proxy::start());
    let run = over_https(&sandbox, &folder).set("https_proxy", proxy.url_for("user:pass-word")).run();
    assert_eq!(run.code, 0, "{}", run.output);
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", sandbox.https_port())));
    let lower = heads[0].to_ascii_lowercase();
    assert!(lower.contains("proxy-authorization: basic ") && !lower.contains("\r\nauthorization"), "{lower}");
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn a_host_in_no_proxy_is_reached_without_the_proxy() {
    let (sandbox, folder, proxy) = (acme(), Folder::new(), Proxy::start());
    let run = over_https(&sandbox, &folder)
        .set("HTTPS_PROXY", format!("127.0.0.1:{}", proxy.port()))
        .set("NO_PROXY", "example.com,localhost")
        .run();
    assert_eq!((run.code, proxy.heads().len()), (0, 0), "{}", run.output);
}

#[test]
fn an_http_address_of_this_machine_is_never_proxied() {
    let (sandbox, proxy) = (acme(), Proxy::start());
    let run = in_branch_build(&sandbox).set("HTTP_PROXY", proxy.url()).run();
    assert_eq!((run.code, proxy.heads().len()), (0, 0), "{}", run.output);
}

#[test]
fn a_refusal_by_the_proxy_is_reported() {
    let login = ProxyRule::Login { user: "ci".to_owned(), password: "right".to_owned() };
    let (sandbox, folder, proxy) = (acme(), Folder::new(), Proxy::start().with(login));
    let run = over_https(&sandbox, &folder)
        .set("HTTPS_PROXY", proxy.url_for("nobody:wrong-password"))
        .set("TIMEOUT", "1")
        .run();
    assert_eq!(run.code, 4, "{}", run.output);
    assert!(run.output.contains("proxy"), "{}", run.output);
    assert!(!run.output.contains("wrong-password"), "{}", run.output);
}
