//! What `REPOSITORIES` may name.

use sandbox::uuid;

use super::fleet;
use crate::run::{assert_told, over_found};

/// Nothing is said about variables that are not needed.
#[test]
fn an_empty_list_of_repositories_is_one_problem() {
    let sandbox = fleet(1);
    for (empty, mode, from) in
        [("", "publish", ""), ("  ", "check", "main-branches"), ("", "settle", ""), (" ", "targets", "")]
    {
        let run = over_found(&sandbox, empty).set("MODE", mode).set("TARGETS_FROM", from).run();
        let first = "✖ REPOSITORIES is empty: the one target would be the pipeline's own repository\n";
        assert_told(&run, 2, &[first, "✖ 1 variable is wrong; nothing was sent\n"]);
    }
    assert_eq!(sandbox.request_count(), 0);
}

#[test]
fn every_wrong_item_is_told() {
    let sandbox = fleet(1);
    let run = over_found(&sandbox, "service-** project:* !").run();
    insta::assert_snapshot!(run.told(), @r#"
    ✖ REPOSITORIES holds "service-**", and ** stands for folders, which the name of a repository does not have; it holds "project:*", and the key of a project has letters, digits and _ only; it holds "!", which names nothing to leave out
      accepted: slugs, workspace/slug, * for all repositories of WORKSPACE, globs such as service-*, project:KEY, and what to leave out, such as !legacy-*; separated by spaces or commas, or as a list
      to do:    write one *: it stands for any number of characters; copy the key from the project's page in Bitbucket, such as project:APPS; write what is left out directly after the !, such as !legacy-*
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    assert_eq!(sandbox.request_count(), 0);
}

/// Bitbucket's list has the ids of workspaces: nothing could be compared with a UUID.
#[test]
fn a_workspace_is_named_by_its_id() {
    let sandbox = fleet(1);
    let workspace = uuid("acme");
    for name in [workspace.as_str(), workspace.trim_matches(['{', '}'])] {
        let run = over_found(&sandbox, "*").set("WORKSPACE", name).run();
        assert_told(&run, 2, &[&format!("✖ WORKSPACE is \"{name}\", which is not the id of a workspace\n")]);
        let run = over_found(&sandbox, &format!("{name}/service-001")).run();
        assert_told(&run, 2, &["which is not the name of a repository or a glob of names"]);
    }
    assert_eq!(sandbox.request_count(), 0);
}
