//! The program: its arguments, and the services that it keeps running.

use std::process::{Command, Output};

fn sandbox(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(arguments)
        .env("RUST_BACKTRACE", "1")
        .output()
        .expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_is_printed() {
    for argument in ["--help", "-h", "help"] {
        let ended = sandbox(&[argument]);
        assert_eq!(ended.status.code(), Some(0), "{argument}: {}", text(&ended.stderr));
        assert!(text(&ended.stdout).starts_with("usage: cargo run -p sandbox"), "{argument}");
        assert_eq!(text(&ended.stderr), "", "{argument}");
    }
}

#[test]
fn an_unknown_argument_is_told_with_the_usage() {
    for arguments in [&["--serve"][..], &["sevre", "true"], &["--help", "serve"], &[""]] {
        let ended = sandbox(arguments);
        let told = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.starts_with(&format!("sandbox does not know \"{}\"\n", arguments[0])), "{told}");
        assert!(told.contains("\nusage: cargo run -p sandbox") && !told.contains("backtrace"), "{told}");
    }
}

#[test]
fn a_command_runs_beside_the_services_and_ends_them() {
    let ended = sandbox(&["serve", "sh", "-c", "echo $SONAR_HOST_URL; cat \"$SONAR_REPORT_TASK\"; exit 7"]);
    let printed = text(&ended.stdout);
    assert_eq!(ended.status.code(), Some(7), "{}", text(&ended.stderr));
    assert!(printed.starts_with("http://127.0.0.1:") && printed.contains("\nceTaskId="), "{printed}");
}

#[test]
fn bitbucket_answers_after_the_latency() {
    let request = "curl --silent --insecure --output /dev/null --write-out %{time_total} \
                   \"$BITBUCKET_API_URL/repositories/$WORKSPACE/$REPO_SLUG\"";
    let ended = sandbox(&["serve", "--latency", "400", "sh", "-c", request]);
    let seconds: f64 = text(&ended.stdout).parse().expect("curl prints a number");
    assert!(seconds >= 0.4, "{seconds}");
}

#[test]
fn a_latency_that_is_no_number_is_told() {
    for (arguments, told) in [
        (&["serve", "--latency"][..], "--latency needs a number of milliseconds"),
        (&["serve", "--latency", "soon", "true"], "--latency is \"soon\", not a number of milliseconds"),
    ] {
        let ended = sandbox(arguments);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        assert!(text(&ended.stderr).contains(told), "{}", text(&ended.stderr));
    }
}
