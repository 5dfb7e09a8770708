//! The allowance of requests, for each person and access token.

use std::time::Duration;

use crate::{API_TOKEN, API_TOKEN_REPOSITORY_ONLY, CI_EMAIL, REPOSITORY_TOKEN, WORKSPACE_TOKEN, World};

use super::{basic, bearer, get, header, send};

#[test]
fn counts_requests_per_person_or_access_token() {
    let mut world = World::acme();
    world.set_allowance(API_TOKEN, 1).set_allowance(REPOSITORY_TOKEN, 0);
    assert_eq!(get(&mut world, "/2.0/repositories/acme/api").status, 200);
    let other = basic(CI_EMAIL, API_TOKEN_REPOSITORY_ONLY);
    let limited = send(&mut world, "GET", "/2.0/repositories/acme/api", Some(&other), None);
    assert_eq!(limited.status, 429);
    assert_eq!(header(&limited, "content-type"), Some("text/plain"));
    assert_eq!(header(&limited, "retry-after"), None);
    assert_eq!(limited.body, b"Rate limit for this resource has been exceeded");
    for (token, status) in [(REPOSITORY_TOKEN, 429), (WORKSPACE_TOKEN, 200)] {
        let answer = send(&mut world, "GET", "/2.0/repositories/acme/api", Some(&bearer(token)), None);
        assert_eq!(answer.status, status);
    }
}

#[test]
fn an_allowance_comes_back_and_only_access_tokens_see_it() {
    let mut world = World::acme();
    let ask = |world: &mut World| {
        send(world, "GET", "/2.0/repositories/acme/api", Some(&bearer(WORKSPACE_TOKEN)), None)
    };
    world.set_allowance_per(WORKSPACE_TOKEN, 5, Duration::from_hours(1));
    let told: Vec<_> = (0..6)
        .map(|_| ask(&mut world))
        .map(|answer| (answer.status, header(&answer, "x-ratelimit-nearlimit") == Some("true")))
        .collect();
    let plenty = (200, false);
    assert_eq!(told, [plenty, plenty, plenty, plenty, (200, true), (429, true)]);

    let limited = ask(&mut world);
    assert_eq!(header(&limited, "content-type"), Some("text/plain"));
    assert_eq!(header(&limited, "retry-after"), None);
    assert_eq!(header(&limited, "x-ratelimit-limit"), Some("5"));
    assert_eq!(get(&mut world, "/2.0/repositories/acme/api").status, 200, "others have their own");

    let window = Duration::from_millis(20);
    world.set_allowance_per(WORKSPACE_TOKEN, 1, window);
    for _ in 0..3 {
        assert_eq!(ask(&mut world).status, 200);
        std::thread::sleep(window);
    }

    world.set_allowance_per(API_TOKEN, 1, Duration::from_hours(1));
    let answers = [(); 2].map(|()| get(&mut world, "/2.0/repositories/acme/api"));
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 429]);
    assert_eq!(header(&answers[0], "x-ratelimit-limit"), None);
}
