//! A machine of a test's own: other mounts than those of this one.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use crate::run::{Gatepost, Run, acme, assert_told, in_branch_build};

/// What a script ends with where nothing can be mounted.
pub(super) const NO_MOUNT: i32 = 99;

/// Runs the program by a script of the shell, as `"$0"`, with mounts of its own. `None` where the machine does not allow
/// that, as an unprivileged user or in a container: unshare(1) ends with 1 then, and the script has to end with
/// [`NO_MOUNT`].
pub(super) fn run_with_mounts(gatepost: &Gatepost, folder: &std::path::Path, script: &str) -> Option<Run> {
    let begun = Instant::now();
    let child = Command::new("unshare")
        .args(["--mount", "/bin/sh", "-c", script, env!("CARGO_BIN_EXE_gatepost")])
        .env_clear()
        .envs(gatepost.variables().iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let run = gatepost.finish(child.ok()?, begun);
    let is_refused = run.code == NO_MOUNT || (run.code == 1 && run.output.starts_with("unshare"));
    (!is_refused).then_some(run)
}

/// A name server that cannot tell now is asked again, unlike one that says that there is no such host. resolv.conf(5).
/// Where nothing can be mounted, a host name that does not exist stands for it.
#[test]
fn a_name_server_that_does_not_answer_is_asked_until_the_deadline() {
    let (sandbox, folder) = (acme(), crate::run::Folder::new());
    folder.write("resolv.conf", b"nameserver 127.0.0.253\noptions timeout:1 attempts:1\n");
    let gatepost = in_branch_build(&sandbox)
        .set("BITBUCKET_API_URL", "https://bitbucket.acme.example/2.0")
        .set("TIMEOUT", "5");
    let script = format!("mount --bind resolv.conf /etc/resolv.conf || exit {NO_MOUNT}; exec \"$0\"");
    match run_with_mounts(&gatepost, folder.path(), &script) {
        Some(run) => {
            let told = "the host name could not be looked up (the name server does not answer now)";
            assert_told(&run, 4, &[told, "; trying again in N s", "✖ not posted: SUCCESSFUL on acme/api"]);
            assert!(run.output.matches("; trying again in ").count() > 3, "{}", run.output);
        }
        None => assert_told(&gatepost.run(), 4, &["the host name could not be looked up"]),
    }
    assert_eq!(sandbox.request_count(), 0);
}
