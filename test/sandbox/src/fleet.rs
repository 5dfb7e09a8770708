//! A world of many repositories that one central pipeline reports to.

use crate::acme::{
    ADMIN_EMAIL, API_TOKEN, API_TOKEN_OF_ADMIN, CI_EMAIL, CI_USERNAME, CLASSIC, PROJECT_TOKEN, READ,
    WORKSPACE_TOKEN,
};
use crate::credentials::Reach;
use crate::oauth::Consumer;
use crate::world::{PullRequest, Role, World};

/// Up to this number [`repository_token`] has the length of a real one.
const LARGEST_FLEET: usize = 99_999;

impl World {
    /// A workspace `acme` with that many repositories, quickly made for ten thousand:
    ///
    /// - `acme/service-001` and so on (see [`service`]), private, project `APPS`: `main`, `feature/change`; pull
    ///   request 1 from `feature/change`; an access token of its own, see [`repository_token`];
    /// - `acme/central-pipeline`, private, project `OPS`: `main`;
    /// - the members [`CI_EMAIL`] and [`ADMIN_EMAIL`] with [`API_TOKEN`] and [`API_TOKEN_OF_ADMIN`], and
    ///   [`PROJECT_TOKEN`], [`WORKSPACE_TOKEN`] and the OAuth consumer, as in [`World::acme`].
    ///
    /// # Panics
    /// When there are to be more than 99,999 repositories.
    pub fn fleet(count: usize) -> Self {
        assert!(count <= LARGEST_FLEET, "a fleet has {LARGEST_FLEET} repositories at most: {count}");
        let mut world = Self::new();
        world
            .add_user(CI_EMAIL, CI_USERNAME)
            .add_user(ADMIN_EMAIL, "acme-admin")
            .add_member("acme", CI_EMAIL, Role::Member)
            .add_member("acme", ADMIN_EMAIL, Role::Admin)
            .add_api_token(API_TOKEN, CI_EMAIL, &READ)
            .add_api_token(API_TOKEN_OF_ADMIN, ADMIN_EMAIL, &READ);
        let apps = Reach::Project { workspace: "acme".to_owned(), project: "APPS".to_owned() };
        world.add_access_token(PROJECT_TOKEN, apps, &CLASSIC).add_access_token(
            WORKSPACE_TOKEN,
            Reach::Workspace("acme".to_owned()),
            &CLASSIC,
        );
        world.add_consumer(Consumer::acme());
        world.add_repository("acme/central-pipeline", true).set_project("acme/central-pipeline", "OPS");
        world.push("acme/central-pipeline", "main");
        for number in 1..=count {
            add_service(&mut world, &service(number));
        }
        world
    }
}

fn add_service(world: &mut World, slug: &str) {
    let full_name = format!("acme/{slug}");
    world.add_repository(&full_name, true).set_project(&full_name, "APPS");
    world.push(&full_name, "main");
    world.push(&full_name, "feature/change");
    world.open_pull_request(PullRequest::new(&full_name, 1, "feature/change"));
    world.add_access_token(&repository_token(slug), Reach::Repository(full_name), &CLASSIC);
}

/// The slug of a repository of [`World::fleet`], counted from 1: three digits, or as many as the number has.
pub fn service(number: usize) -> String {
    format!("service-{number:03}")
}

/// The access token of a repository of [`World::fleet`], for repositories and pull requests. It has the shape
/// of the other tokens' secrets.
///
/// # Panics
/// When no fleet has a repository of that slug.
pub fn repository_token(slug: &str) -> String {
    let number = slug.strip_prefix("service-").and_then(|number| number.parse().ok());
    let number = number.filter(|number| (1..=LARGEST_FLEET).contains(number) && service(*number) == slug);
    let number = number.unwrap_or_else(|| panic!("no fleet has a repository {slug}"));
    let nineteen = format!("RepositoryTok{number:05}_");
    format!("ATCTT3xFfGN0{}=5A4DB0C5", nineteen.repeat(9))
}
