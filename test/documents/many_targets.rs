//! The examples of one run over many targets.

use sandbox::{Analysis, Dialect, Gate, Projects, PullRequest, SonarQube};
use serde_json::json;

use super::{
    Section, central,
    step::{Step, pipes},
};
use crate::run::{Folder, Gatepost, Sandbox, World, acme, in_central_pipeline};

pub(super) fn list(section: &Section) {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    sonarqube.submit(Analysis::of_pull_request("acme_web", "12", Gate::failed()));
    let run = in_central_pipeline(&sandbox)
        .unset("STATE")
        .unset("KEY")
        .set("TARGETS", section.block("json"))
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .run();
    assert_eq!(run.code, 1, "{}", run.output);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7)[0].state, "SUCCESSFUL");
    assert_eq!(sandbox.pull_request_statuses("acme/web", 12)[0].state, "FAILED");
}

const REPOSITORIES: usize = 4;
/// Open pull requests of the first repository: more than one page has.
const PULL_REQUESTS: u64 = 51;

/// Four repositories with open pull requests, whose gates are red.
struct Fleet {
    sandbox: Sandbox,
    sonarqube: SonarQube,
    slugs: Vec<String>,
    /// The folder of the step.
    folder: Folder,
}

impl Fleet {
    fn new() -> Self {
        let sandbox = Sandbox::start(World::fleet(REPOSITORIES));
        let slugs: Vec<_> = (1..=REPOSITORIES).map(sandbox::service).collect();
        let mut projects = Projects::acme(Dialect::Server2025);
        for slug in &slugs {
            projects.add_project(&format!("acme_{slug}"), "A service", true);
        }
        let sonarqube = SonarQube::start(projects);
        let busy = format!("acme/{}", slugs[0]);
        for id in 2..=PULL_REQUESTS {
            let branch = format!("feature/{id}");
            sandbox.world(|world| {
                world.push(&busy, &branch);
                world.open_pull_request(PullRequest::new(&busy, id, &branch));
            });
        }
        for (number, slug) in slugs.iter().enumerate() {
            for id in 1..=open(number) {
                let project = format!("acme_{slug}");
                let branch = if id == 1 { "feature/change".to_owned() } else { format!("feature/{id}") };
                let analysis = Analysis::of_pull_request(&project, &id.to_string(), Gate::failed());
                sonarqube.submit(analysis.from_branch(&branch));
            }
        }
        // No pull request is open in this one.
        sandbox.world(|world| {
            world.add_repository("acme/legacy-till", true);
        });
        let folder = Folder::new();
        Self { sandbox, sonarqube, slugs, folder }
    }

    fn build(&self) -> Gatepost {
        in_central_pipeline(&self.sandbox).within(self.folder.path())
    }

    /// Keys and states of the statuses on all open pull requests.
    fn statuses(&self) -> Vec<(String, String)> {
        let of_repository = |(number, slug): (usize, &String)| {
            let repository = format!("acme/{slug}");
            let of = |id| self.sandbox.pull_request_statuses(&repository, id);
            (1..=open(number)).flat_map(of).collect::<Vec<_>>()
        };
        let statuses = self.slugs.iter().enumerate().flat_map(of_repository);
        statuses.map(|status| (status.key, status.state)).collect()
    }

    fn posts(&self) -> u64 {
        self.sandbox.requests().iter().filter(|request| request.method == "POST").count() as u64
    }
}

/// How many pull requests of a repository are open.
const fn open(number: usize) -> u64 {
    if number == 0 { PULL_REQUESTS } else { 1 }
}

/// The nightly run after a run of the central pipeline by day, and then once more in parallel steps.
pub(super) fn nightly(_: &Section) {
    let [nightly, parallel] = ["Nightly, over all open pull requests", "Parallel steps"]
        .map(|heading| Section::find("docs/many-targets.md", heading).only_yaml());
    let fleet = Fleet::new();
    let url = fleet.sonarqube.http_url();
    let [_, by_day] = central::both_pipelines();
    let commit = fleet.sandbox.head(&format!("acme/{}", fleet.slugs[0]), "feature/change");
    let known = [
        ("TARGET_REPO_SLUG", fleet.slugs[0].as_str()),
        ("TARGET_COMMIT", &commit),
        ("TARGET_BRANCH", "feature/change"),
        ("TARGET_PULL_REQUEST", "1"),
    ];
    Step::new(fleet.build(), &known).run(pipes(&by_day)[0], 0);
    Step::new(fleet.build(), &[("SONAR_HOST_URL", &url)]).run(pipes(&nightly)[0], 0);
    let all_open = (0..REPOSITORIES).map(open).sum::<u64>();
    let statuses = fleet.statuses();
    assert_eq!(statuses.len() as u64, all_open);
    assert!(statuses.iter().all(|(key, state)| key == "sonar" && state == "FAILED"));
    assert_eq!(fleet.folder.read("results.jsonl").lines().count() as u64, all_open);
    // Pipelines keeps the artifacts of a red step only if it is told to.
    let artifacts = &nightly["pipelines"]["custom"]["nightly"][0]["step"]["artifacts"][0];
    assert_eq!(
        (&artifacts["paths"][0], &artifacts["capture-on"]),
        (&json!("summary.html"), &json!("always"))
    );
    let rows = fleet.folder.read("summary.html").matches("<th role=rowheader").count();
    assert_eq!(rows as u64, all_open);

    // Each step of the group has a part of the list, and together they have all of it.
    let all_steps = pipes(&parallel);
    let (list, steps) = all_steps.split_first().unwrap();
    Step::new(fleet.build(), &[("SONAR_HOST_URL", &url)]).run(list, 0);
    let count = steps.len().to_string();
    let before = fleet.posts();
    for (number, pipe) in steps.iter().enumerate() {
        let build = fleet
            .build()
            .set("BITBUCKET_PARALLEL_STEP", number.to_string())
            .set("BITBUCKET_PARALLEL_STEP_COUNT", count.as_str());
        Step::new(build, &[("SONAR_HOST_URL", &url)]).run(pipe, 0);
    }
    assert_eq!((steps.len(), fleet.posts() - before), (3, all_open));
}
