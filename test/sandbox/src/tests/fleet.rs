//! A fleet of many repositories, each with its own token.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{
    ADMIN_EMAIL, API_TOKEN_OF_ADMIN, PROJECT_TOKEN, WORKSPACE_TOKEN, World, repository_token, service,
};

use super::{basic, bearer, ci, parse, send};

#[test]
fn a_fleet_has_repositories_with_pull_requests_and_tokens_of_their_own() {
    let mut world = World::fleet(1001);
    let sees = |world: &mut World, authorization: &str| {
        ["service-001", "service-1001", "central-pipeline"]
            .map(|slug| format!("/2.0/repositories/acme/{slug}"))
            .map(|path| send(world, "GET", &path, Some(authorization), None).status)
    };
    assert_eq!(sees(&mut world, &ci()), [200, 200, 200]);
    assert_eq!(sees(&mut world, &basic(ADMIN_EMAIL, API_TOKEN_OF_ADMIN)), [200, 200, 200]);
    assert_eq!(sees(&mut world, &bearer(WORKSPACE_TOKEN)), [200, 200, 200]);
    assert_eq!(sees(&mut world, &bearer(PROJECT_TOKEN)), [200, 200, 404]);
    assert_eq!(sees(&mut world, &bearer(&repository_token("service-1001"))), [404, 200, 404]);

    let full_name = "acme/service-999";
    assert_ne!(world.head(full_name, "main"), world.head(full_name, "feature/change"));
    assert_ne!(world.head(full_name, "main"), world.head("acme/service-998", "main"));
    let path = format!("/2.0/repositories/{full_name}/pullrequests/1");
    let token = bearer(&repository_token("service-999"));
    let pull_request = parse(&send(&mut world, "GET", &path, Some(&token), None));
    assert_eq!(
        (&pull_request["state"], &pull_request["source"]["branch"]["name"]),
        (&json!("OPEN"), &json!("feature/change")),
    );
    assert!(world.repository("acme/service-000").is_none());
    assert!(world.repository("acme/service-1002").is_none());

    world.revoke(&repository_token("service-999")).delete_repository("acme/service-001");
    assert_eq!(send(&mut world, "GET", &path, Some(&token), None).status, 401);
    assert_eq!(sees(&mut world, &bearer(WORKSPACE_TOKEN)), [404, 200, 200]);
}

#[test]
fn a_token_of_a_fleet_belongs_to_one_repository() {
    let tokens: BTreeSet<String> = (1..=10_000).map(|number| repository_token(&service(number))).collect();
    assert_eq!(tokens.len(), 10_000);
    for token in &tokens {
        assert_eq!((token.len(), token.find('=')), (WORKSPACE_TOKEN.len(), WORKSPACE_TOKEN.find('=')));
        assert_eq!(token[..12], WORKSPACE_TOKEN[..12]);
        assert_eq!(token[token.len() - 8..], WORKSPACE_TOKEN[token.len() - 8..]);
    }
    for slug in ["api", "service-1", "service-0001", "service-000", "service-100000"] {
        std::panic::catch_unwind(|| repository_token(slug)).expect_err(slug);
    }
}
