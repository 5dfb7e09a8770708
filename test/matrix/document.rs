//! `docs/faults.md`, made of the rows.

use std::fmt::Write as _;

use super::{Again, End, GROUPS, Group, How, Place, Row};

const HEAD: &str = "\
# Faults

What goes wrong between Gatepost, Bitbucket, SonarQube and the machine, and what comes of it. Each row is a test: it runs
the real program against the sandbox, makes the fault, and looks at the requests, the exit code, the time, the log, and
what stands on the commit in the end. That is exactly the status that was meant, or the log says that it is not posted, or
that this is not known. Where a run has several targets, or a project has a status beside another one, the fault meets one
request, and the status of the other one stands.

This page is made of the rows in `test/matrix`. This command runs them:

```sh
cargo test --locked --test pipe matrix    # runs every row, and prints the counts
```

With `UPDATE_DOCUMENTS=1`, `cargo test --locked --test pipe documents` writes it. A `TIMEOUT` of the rows is 2 to 60 s. N stands
for seconds, and PORT for a port.

";

const CRASHES: &str = "
## Crashes

The same command runs these tests, which are in `test/matrix/crash.rs`:

- A run over 4,000 targets is killed with SIGKILL 50 times, at random points, and resumed with `RESUME`. No target is
  lost, no target that `RESULT_FILE` records is posted again, and each kill lets at most `CONCURRENCY` others be posted
  again. `TARGETS=10000 cargo test --locked --test pipe killed_again` does it with 10,000, and `SEED` repeats the
  random numbers of a run.
- Two runs write to one `RESULT_FILE` at the same time, and one of them is killed. No line is lost or damaged.
- The disk with `RESULT_FILE` is full in the middle of a run. All statuses are posted, and `RESUME` posts only those again
  that were not recorded.
";

/// The whole page.
pub(crate) fn document() -> String {
    let mut page = HEAD.to_owned();
    page += "| Faults | Rows | Sent again | Delivered | Not posted | Not known | FAILED, with the reason |\n| --- | --- | --- | --- | --- | --- | --- |\n";
    let mut sum = [0; 6];
    for group in GROUPS {
        let counts = counts(group);
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        line(&mut page, group.name, counts);
    }
    line(&mut page, "sum", sum);
    for Group { name, rows } in GROUPS {
        let mut heading = (*name).to_owned();
        heading[..1].make_ascii_uppercase();
        let _ = write!(
            page,
            "\n## {heading}\n\n| Request | Fault | Sent again | Exit code | At most | On the commit | The log says |\n\
             | --- | --- | --- | --- | --- | --- | --- |\n"
        );
        for row in *rows {
            page += &cells(row);
        }
    }
    page + CRASHES
}

fn line(page: &mut String, name: &str, [rows, again, delivered, not_posted, not_known, failed]: Counts) {
    let _ =
        writeln!(page, "| {name} | {rows} | {again} | {delivered} | {not_posted} | {not_known} | {failed} |");
}

/// Rows; those that are sent again; those that end with the status delivered, not posted, and not known to be; and those
/// that end with FAILED and the reason.
pub(super) type Counts = [usize; 6];

pub(super) fn counts(group: &Group) -> Counts {
    let count = |is: fn(&Row) -> bool| group.rows.iter().filter(|row| is(row)).count();
    [
        group.rows.len(),
        count(|row| row.again.is_again()),
        count(|row| matches!(row.end, End::Delivered | End::WithoutReport)),
        count(|row| {
            matches!(row.end, End::NotPosted | End::NonePosted | End::StoppedOver | End::VariablesWrong)
        }),
        count(|row| matches!(row.end, End::NotKnown | End::NotKnownButStands)),
        count(|row| matches!(row.end, End::NoVerdict(_))),
    ]
}

fn cells(row: &Row) -> String {
    let Row { fault, place, how, again, end, told } = *row;
    let told = match (told, how) {
        (_, How::Files(fault)) if fault.loses_the_log() => "nobody reads it",
        ("", _) => "posted",
        (told, _) => told,
    };
    let name = match place {
        Place::Status => "status",
        Place::Pending => "status INPROGRESS",
        Place::Lookup => "lookup",
        Place::StatusAfterLookup => "status after a lookup",
        Place::Report => "report",
        Place::Annotations => "annotations",
        Place::Task => "task",
        Place::Gate => "gate",
        Place::Issues => "issues",
        Place::Repositories => "list of repositories",
        Place::PullRequests => "list of pull requests",
        Place::SecondPage => "second page of pull requests",
        Place::MainBranch => "main branch",
        Place::BranchOfFound => "head of a branch that was found",
        Place::StatusOfFound => "status of a target that was found",
        Place::Statuses => "list of statuses",
        Place::Ending => "end of a status",
        Place::Standing => "what stands: INPROGRESS",
        Place::StandingVerdict => "what stands: a verdict",
    };
    let again_words = match again {
        Again::No | Again::Silent => "no",
        Again::Yes => "yes",
        Again::Looks => "no: another look shows the effect",
        Again::Few => "3 times",
        Again::UntilTimeout => "until `TIMEOUT`",
    };
    let at_most = match again {
        Again::Silent | Again::UntilTimeout => {
            format!("`TIMEOUT` + {} s", again.at_most().as_secs() - again.timeout())
        }
        _ => format!("{} s", again.at_most().as_secs()),
    };
    let stands = match end {
        End::Delivered if place == Place::StandingVerdict => "as before: the verdict stays".to_owned(),
        End::Delivered => "as meant".to_owned(),
        End::NotPosted if matches!(how, How::Removed(_)) => "the commit is gone".to_owned(),
        End::NonePosted => "as before: nothing of this run is posted".to_owned(),
        End::NotPosted | End::NotKnown if place.before().is_some() => {
            let what = if place.settles() { "ended" } else { "posted" };
            let known = if end == End::NotKnown { "not known to be" } else { "not" };
            format!("as before: {known} {what}")
        }
        End::NotPosted => "nothing: not posted".to_owned(),
        End::NotKnown => "nothing: not known to be posted".to_owned(),
        End::NotKnownButStands if place.settles() => "as meant: not known to be ended".to_owned(),
        End::NotKnownButStands => "as meant: not known to be posted".to_owned(),
        End::StoppedOver => "STOPPED over INPROGRESS".to_owned(),
        End::NoVerdict(reason) => format!("FAILED: No verdict: {reason}"),
        End::WithoutReport => "as meant; the report is missing or not complete".to_owned(),
        End::VariablesWrong => "nothing was sent".to_owned(),
    };
    let code = end.code();
    format!("| {name} | {fault} | {again_words} | {code} | {at_most} | {stands} | {told} |\n")
}
