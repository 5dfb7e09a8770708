//! The example of a run that settles.

use std::time::{Duration, SystemTime};

use sandbox::{Status, WORKSPACE_TOKEN, timestamp};

use super::{
    Section,
    step::{Step, pipes},
};
use crate::run::{Folder, acme, in_central_pipeline};

/// Runs the example over the workspace, after builds that crashed the day before and a build that runs.
pub(super) fn nightly(section: &Section) {
    let (sandbox, folder) = (acme(), Folder::new());
    let commit = sandbox.head("acme/web", "fix/header");
    sandbox.world(|world| {
        let author = world.account_of(WORKSPACE_TOKEN);
        for (key, hours) in [("sonar", 30), ("sonar-acme_web", 30), ("lint", 30), ("sonar-acme_docs", 2)] {
            let written = timestamp(SystemTime::now() - Duration::from_hours(hours));
            let status = Status {
                commit: commit.clone(),
                key: key.to_owned(),
                state: "INPROGRESS".to_owned(),
                name: Some("Sonar".to_owned()),
                description: None,
                url: Some("https://bitbucket.org/acme/web/pipelines/results/1".to_owned()),
                refname: Some("fix/header".to_owned()),
                author: author.clone(),
                created_on: written.clone(),
                updated_on: written,
            };
            world.add_status("acme/web", status);
        }
    });
    let document = section.only_yaml();
    let build = in_central_pipeline(&sandbox).within(folder.path());
    // A pull request comes from a fork that the credential does not see.
    Step::new(build, &[]).run(pipes(&document)[0], 4);
    let mut ended: Vec<_> = sandbox
        .statuses("acme/web", &commit)
        .into_iter()
        .filter(|status| status.state == "STOPPED")
        .map(|status| status.key)
        .collect();
    ended.sort();
    assert_eq!(ended, ["sonar", "sonar-acme_web"]);
    assert_eq!(folder.read("results.jsonl").matches("\"delivered\"").count(), 2);
}
