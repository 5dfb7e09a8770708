//! Placeholders in the variables of Status and SonarQube.

use sandbox::PullRequest;
use serde_json::{Value, json};

use super::{entries, fleet, nightly, posts, results, state_of};
use crate::run::{Folder, acme, assert_told, in_branch_build, over_found};

#[test]
fn whatever_is_in_braces_must_be_a_placeholder() {
    let sandbox = fleet(1);
    for (name, value, found, remedy) in [
        ("KEY", "{repo-slug}x", "\"{repo-slug}\", which is not a placeholder", "did you mean {repo_slug}?"),
        (
            "KEY",
            "{ repo_slug }x",
            "\"{ repo_slug }\", which is not a placeholder",
            "did you mean {repo_slug}?",
        ),
        ("NAME", "{repo slug}x", "\"{repo slug}\", which is not a placeholder", "did you mean {repo_slug}?"),
        ("NAME", "{repo.slug}x", "\"{repo.slug}\", which is not a placeholder", "did you mean {repo_slug}?"),
        (
            "DESCRIPTION",
            "{repo_slug1}",
            "\"{repo_slug1}\", which is not a placeholder",
            "did you mean {repo_slug}?",
        ),
        (
            "KEY",
            "{branch} {}",
            "\"{}\", which is not a placeholder",
            "write one of these, or the text without braces",
        ),
        ("KEY", "{repo_slugx", "\"{repo_slugx\", whose brace is not closed", "did you mean {repo_slug}?"),
        (
            "SONAR_PROJECT_KEY",
            "acme_{repo_slug",
            "\"{repo_slug\", whose brace is not closed",
            "did you mean {repo_slug}?",
        ),
        (
            "URL",
            "https://ci.acme.example/{Branch}",
            "\"{Branch}\", which is not a placeholder",
            "did you mean {branch}?",
        ),
    ] {
        let run = over_found(&sandbox, "service-*").set(name, value).run();
        assert_told(&run, 2, &[&format!("✖ {name} holds {found}\n"), &format!("to do:    {remedy}\n")]);
    }
    assert_eq!(sandbox.request_count(), 0);
}

/// Bitbucket replaces templates of its own in a link.
#[test]
fn the_name_of_a_branch_does_not_change_a_link() {
    let sandbox = fleet(1);
    sandbox.world(|world| {
        for (id, branch) in [(2, "fix#12"), (3, "a&x=1"), (4, "{branch}")] {
            world.push("acme/service-001", branch);
            world.open_pull_request(PullRequest::new("acme/service-001", id, branch));
        }
    });
    let run = over_found(&sandbox, "service-001")
        .set("KEY", "{branch}")
        .set("URL", "https://ci.acme.example/{repository.full_name}/{branch}?b={branch}&c={commit.hash}")
        .run();
    assert_told(&run, 0, &["4 targets: 4 posted"]);
    for (id, branch, encoded) in [
        (1, "feature/change", "feature/change"),
        (2, "fix#12", "fix%2312"),
        (3, "a&x=1", "a%26x%3D1"),
        (4, "{branch}", "%7Bbranch%7D"),
    ] {
        let status = &sandbox.pull_request_statuses("acme/service-001", id)[0];
        let link = format!(
            "https://ci.acme.example/{{repository.full_name}}/{encoded}?b={encoded}&c={{commit.hash}}"
        );
        assert_eq!((status.key.as_str(), status.url.as_ref()), (branch, Some(&link)));
    }
}

#[test]
fn placeholders_without_repositories_are_told() {
    let sandbox = fleet(1);
    let run = in_branch_build(&acme()).set("KEY", "k-{branch}").set("NAME", "{repo_slug}").run();
    insta::assert_snapshot!(run.told(), @r#"
    ! NAME holds "{repo_slug}", and placeholders stand for what is known of targets that REPOSITORIES finds; the default is used (accepted: the value itself)
    ✖ KEY holds "{branch}", and placeholders stand for what is known of targets that REPOSITORIES finds
      accepted: the value itself
      to do:    write the value itself into KEY, or pass REPOSITORIES
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    let folder = Folder::new();
    let list: Value = entries(&sandbox, [1]).into();
    let run = nightly(&sandbox, &folder, &list).set("KEY", "k-{branch}").run();
    assert_told(&run, 2, &["✖ KEY holds \"{branch}\", and placeholders stand for"]);
    assert_eq!(sandbox.request_count(), 0);
    // What decides nothing has its default.
    let run = nightly(&sandbox, &folder, &list)
        .set("NAME", "Gate of {repo_slug}")
        .set("URL", "https://ci.acme.example/{workspace}/{repository.full_name}")
        .run();
    let told = [
        "NAME holds \"{repo_slug}\", and placeholders stand for what is known of targets that REPOSITORIES finds; the default is used (accepted: the value itself)",
        "URL holds \"{workspace}\"",
    ];
    assert_told(&run, 0, &told);
    let status = &sandbox.pull_request_statuses("acme/service-001", 1)[0];
    assert_eq!(status.name.as_deref(), Some("Sonar"));
    assert!(!status.url.as_ref().unwrap().contains('{'));
}

/// Each entry of a list that was found has its own value. The name of a branch may be a placeholder.
#[test]
fn a_list_that_was_found_may_overwrite_placeholders_of_the_run() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    sandbox.world(|world| {
        world.push("acme/service-001", "{branch}");
        world.open_pull_request(PullRequest::new("acme/service-001", 2, "{branch}"));
    });
    let finds = over_found(&sandbox, "service-*")
        .within(folder.path())
        .set("MODE", "targets")
        .set("KEY", "k-{branch}")
        .set("RESULT_FILE", "targets.json");
    assert_eq!(finds.run().code, 0);
    let posts_them = finds
        .unset("REPOSITORIES")
        .unset("MODE")
        .set("TARGETS_FILE", "targets.json")
        .set("RESULT_FILE", "results.jsonl");
    assert_told(
        &posts_them.run(),
        0,
        &[
            "KEY holds \"{branch}\", which is posted as it is: only the variables of a run with REPOSITORIES",
            "✔ 3 targets: 3 posted",
        ],
    );
    let keys: Vec<_> = results(&folder).into_iter().map(|line| line["status"]["key"].clone()).collect();
    assert!(keys.contains(&json!("k-{branch}")) && keys.contains(&json!("k-feature/change")), "{keys:?}");
    assert_eq!((posts(&sandbox).len(), state_of(&sandbox, 2).as_deref()), (3, Some("SUCCESSFUL")));
}
