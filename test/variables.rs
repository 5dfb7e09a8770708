//! Wrong variables are named, all in one run, before anything is sent.

use std::os::unix::ffi::OsStringExt;

use gatepost::config::variables::{Variable, Variables};

use crate::run::{Folder, acme, bare, in_branch_build};

#[test]
fn without_variables_every_missing_one_is_listed() {
    insta::assert_snapshot!(bare().run().told(), @r#"
    ✖ BITBUCKET_ACCESS_TOKEN is unset or empty, and so are ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN: there is no credential
      accepted: ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN together, or BITBUCKET_ACCESS_TOKEN alone, or BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET together
      to do:    if a secured variable holds it, check that it is defined for this repository, workspace or deployment, and that the `variables:` of the pipe name it (BITBUCKET_ACCESS_TOKEN: $BITBUCKET_ACCESS_TOKEN); otherwise use an API token: create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests), and pass it as ATLASSIAN_API_TOKEN with its account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL
      to do:    or use an access token: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests), and pass it as BITBUCKET_ACCESS_TOKEN
    ✖ REPO_SLUG is not set, and neither is BITBUCKET_REPO_SLUG
      accepted: a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git
      to do:    outside Pipelines there is no default: pass REPO_SLUG
    ✖ WORKSPACE is not set, and neither is BITBUCKET_WORKSPACE
      accepted: the workspace's id, as in bitbucket.org/<workspace>/<slug>
      to do:    outside Pipelines there is no default: pass WORKSPACE
    ✖ COMMIT is not set: nothing names the commit of the target
      accepted: one of COMMIT, PULL_REQUEST and BRANCH
      to do:    pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID
    ✖ STATE is not set, and nothing names an analysis of SonarQube: there is no report-task.txt in .scannerwork, target/sonar, build/sonar, .sonarqube/out/.sonar or .sonar, here or in a folder below
      accepted: a report-task.txt, SONAR_REPORT_TASK, SONAR_PROJECT_KEY, or STATE: SUCCESSFUL, FAILED, INPROGRESS, STOPPED, a common word for one of them (passed, error, running, cancelled ...), or an exit code
      to do:    run the pipe where the scanner ran, pass report-task.txt on as an artifact, or pass SONAR_REPORT_TASK; in after-script pass `SCAN_EXIT_CODE: $BITBUCKET_EXIT_CODE`
    ✖ 5 variables are wrong; nothing was sent
    exit code 2
    "#);
}

#[test]
fn each_bad_value_is_explained() {
    let sandbox = acme();
    let good = in_branch_build(&sandbox);
    let mut told = String::new();
    for (name, value) in [
        ("REPO_SLUG", "My Repository"),
        ("REPO_SLUG", "https://x-token-auth:s3cret@git.acme.example/scm/a/b.git"),
        ("REPO_SLUG", "acme/apps/api"),
        ("WORKSPACE", "acme inc"),
        ("COMMIT", "HEAD"),
        ("PULL_REQUEST", "0"),
        ("BRANCH", "feature login"),
        ("REFNAME", "../main"),
        ("STATE", "perhaps"),
        ("STATE", "$BITBUCKET_EXIT_CODE"),
        ("KEY", "two\nlines"),
        ("MODE", "chekc"),
        ("DRY_RUN", "maybe"),
        ("BITBUCKET_API_URL", "http://api.bitbucket.org/2.0"),
        ("BITBUCKET_COMMIT", "main"),
    ] {
        let run = good.clone().set(name, value).run();
        assert_eq!(run.code, 2, "{name}={value}:\n{}", run.output);
        assert!(!run.output.contains("s3cret") && !run.output.contains("user:pw"), "{}", run.output);
        told += &run.output;
    }
    insta::assert_snapshot!(told, @r#"
    ✖ REPO_SLUG has "My Repository", which cannot be a name in the address of a repository
      accepted: a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git
      to do:    copy it from the repository's address, bitbucket.org/<workspace>/<slug>; the name shown on its page may differ
    ✖ 1 variable is wrong; nothing was sent
    ✖ REPO_SLUG is an address on the host "git.acme.example", which is not Bitbucket Cloud
      accepted: a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git
      to do:    Gatepost works with Bitbucket Cloud (bitbucket.org) only; Bitbucket Data Center has another API
    ✖ 1 variable is wrong; nothing was sent
    ✖ REPO_SLUG is "acme/apps/api", which has more than two parts
      accepted: a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git
      to do:    pass workspace/slug; the project is not part of the name of a repository
    ✖ 1 variable is wrong; nothing was sent
    ✖ WORKSPACE has "acme inc", which cannot be a name in the address of a repository
      accepted: a workspace id: letters, digits, - _ and .
      to do:    copy it from the repository's address, bitbucket.org/<workspace>/<slug>; the name shown on its page may differ
    ✖ 1 variable is wrong; nothing was sent
    ✖ COMMIT is "HEAD", which is not a commit hash
      accepted: 7 to 40 hexadecimal digits
      to do:    pass a hash such as $BITBUCKET_COMMIT; a branch goes into BRANCH, a pull request into PULL_REQUEST
    ✖ 1 variable is wrong; nothing was sent
    ✖ PULL_REQUEST is "0", which is not a pull request number
      accepted: a number from 1 to 2147483647
      to do:    pass the number in the pull request's address, such as $BITBUCKET_PR_ID
    ✖ 1 variable is wrong; nothing was sent
    ✖ BRANCH is "feature login", which is not a branch name
      accepted: a branch's name as git allows it: no space, no control characters, none of ~^:?*[\, no .., no part that begins with a dot or ends with .lock
      to do:    pass the name that Bitbucket shows, such as $BITBUCKET_BRANCH; for a tag remove the variable
    ✖ 1 variable is wrong; nothing was sent
    ✖ REFNAME is "../main", which is not a branch name
      accepted: a branch's name as git allows it: no space, no control characters, none of ~^:?*[\, no .., no part that begins with a dot or ends with .lock
      to do:    pass the name that Bitbucket shows, such as $BITBUCKET_BRANCH; for a tag remove the variable
    ✖ 1 variable is wrong; nothing was sent
    ✖ STATE is "perhaps", which is not a state
      accepted: SUCCESSFUL, FAILED, INPROGRESS, STOPPED, a common word for one of them (passed, error, running, cancelled ...), or an exit code
      to do:    pass one of these words, or in after-script `STATE: $BITBUCKET_EXIT_CODE`
    ✖ 1 variable is wrong; nothing was sent
    ✖ STATE holds the name of a variable instead of its value (it begins with $)
      accepted: the value itself
      to do:    define the variable for the repository, the workspace or the deployment of this step, and pass it without single quotes, as in `STATE: $THAT_VARIABLE`
    ✖ 1 variable is wrong; nothing was sent
    ✖ KEY is "two\nlines", which has a line break or other characters that cannot be seen
      accepted: one line of visible text, preferably at most 40 characters
      to do:    write the key again on one line; quotes that end one line too late are a common cause
    ✖ 1 variable is wrong; nothing was sent
    ✖ MODE is "chekc", which is not a mode
      accepted: publish (post the status), check (check credential and target, and post nothing), settle (end statuses that nobody else ends) or targets (write the targets of REPOSITORIES)
      to do:    pass one of these words, or remove MODE: the default is publish
    ✖ 1 variable is wrong; nothing was sent
    ✖ DRY_RUN is "maybe", not true or false
      accepted: true or false, yes or no, on or off, 1 or 0
      to do:    pass one of these words, or remove DRY_RUN: the default is false
    ✖ 1 variable is wrong; nothing was sent
    ✖ BITBUCKET_API_URL is "http://api.bitbucket.org/2.0", which would send the credential unencrypted over the network
      accepted: an https address such as https://api.bitbucket.org/2.0, or http to loopback or host.docker.internal
      to do:    remove BITBUCKET_API_URL: the default is https://api.bitbucket.org/2.0; Gatepost works with Bitbucket Cloud only
    ✖ 1 variable is wrong; nothing was sent
    ✖ BITBUCKET_COMMIT is "main", which is not a commit hash
      accepted: 7 to 40 hexadecimal digits
      to do:    pass a hash such as $BITBUCKET_COMMIT; a branch goes into BRANCH, a pull request into PULL_REQUEST
    ✖ 1 variable is wrong; nothing was sent
    "#);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn bytes_that_are_not_utf_8_are_refused_where_a_variable_decides() {
    let sandbox = acme();
    let bytes = || std::ffi::OsString::from_vec(vec![0xff, b'a', 0xfe]);
    for name in ["BITBUCKET_ACCESS_TOKEN", "STATE", "KEY", "BITBUCKET_COMMIT"] {
        let run = in_branch_build(&sandbox).set(name, bytes()).run();
        assert_eq!(run.code, 2, "{name}: {}", run.output);
        assert!(
            run.output.starts_with(&format!("✖ {name} holds bytes that are not UTF-8 text\n")),
            "{}",
            run.output
        );
        assert!(run.output.ends_with("✖ 1 variable is wrong; nothing was sent\n"), "{}", run.output);
    }
    assert!(sandbox.requests().is_empty());
    assert_eq!(in_branch_build(&sandbox).set("LS_COLORS", bytes()).run().code, 0);
}

#[test]
fn a_blank_variable_counts_as_unset() {
    let sandbox = acme();
    let run = in_branch_build(&sandbox).set("DRY_RUN", "true");
    for variable in Variables::ALL.iter().map(Variable::name) {
        let unset = run.clone().unset(&variable).run();
        for blank in ["", " \t", "\n"] {
            let told = run.clone().set(&variable, blank).run().told();
            // These decide whose status is posted.
            if ["REPOSITORIES", "REPO_SLUG", "STATE", "TARGETS", "TARGETS_FILE"].contains(&variable.as_str())
            {
                assert!(told.starts_with(&format!("✖ {variable} is empty: ")), "{told}");
                assert!(told.ends_with("exit code 2\n"), "{told}");
            } else {
                assert_eq!(told, unset.told(), "{variable}");
            }
        }
    }
}

/// What only says how a verdict is told, or how long is waited.
#[test]
fn a_trifle_never_keeps_a_verdict_away() {
    for (name, value) in [
        ("DEBUG", "express:*"),
        ("TIMEOUT", "2m"),
        ("TIMEOUT", "0"),
        ("RESUME", "perhaps"),
        ("RESUME", "true"),
        ("RESULT_FILE", "/no/such/folder/r"),
        ("CONCURRENCY", "many"),
        ("URL", "http://sonarqube:9000/dashboard"),
        ("URL", "https://user:pw@sonar.acme.example/"),
        ("URL", "$SONAR_URL"),
        ("NAME", "$NAME_OF_IT"),
        ("DESCRIPTION", "${WORDS}"),
        ("HTTP_PROXY", "socks5://user:pw@proxy:1080"),
    ] {
        let sandbox = acme();
        let run = in_branch_build(&sandbox).set(name, value).run();
        let warnings: Vec<_> = run.output.lines().filter(|line| line.starts_with("! ")).collect();
        assert_eq!((run.code, warnings.len()), (0, 1), "{name}={value}:\n{}", run.output);
        assert!(warnings[0].starts_with(&format!("! {name} ")), "{}", run.output);
        assert!(!run.output.contains("user:pw"), "{}", run.output);
        assert_eq!(sandbox.request_count(), 1);
    }
    for (name, value) in [("NO_COLOR", "maybe"), ("CI", "perhaps")] {
        let sandbox = acme();
        assert_eq!(in_branch_build(&sandbox).set(name, value).run().code, 0);
    }
}

#[test]
fn hostile_values_of_any_variable_end_in_a_status_or_a_problem_that_names_it() {
    let sandbox = acme();
    let not_text = || std::ffi::OsString::from_vec(vec![b'a', 0xff, b'b']);
    let texts = [
        "\u{1b}[31mred",
        "two\nlines",
        "\"quoted\"",
        "'",
        "\\",
        "$NAME",
        "${NAME}",
        "-1",
        "../../../etc/passwd",
        "ä€😀\u{202e}",
        "{\"a\":1}",
        "*",
        "a b",
        "\u{7f}",
        "%00%0a",
        "99999999999999999999999",
    ];
    for variable in Variables::ALL.iter().map(Variable::name) {
        let values =
            texts.iter().map(std::ffi::OsString::from).chain([not_text(), "x".repeat(120_000).into()]);
        for value in values {
            let folder = Folder::new();
            let run = in_branch_build(&sandbox).within(folder.path()).set(&variable, value.clone()).run();
            let told = &run.output;
            let context = || format!("{variable}={:.40}: {told}", value.display());
            assert!([0, 2, 4].contains(&run.code), "{}", context());
            // Bitbucket refuses the values that have the right format.
            assert!(run.code != 4 || told.contains("  answered: 40"), "{}", context());
            // A value that can be a workspace or repository names another target, whose commit is unknown.
            let other_target = told.starts_with("✖ COMMIT is not set; the target ");
            assert!(run.code != 2 || told.contains(&variable) || other_target, "{}", context());
            assert!(
                !told.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}') || variable == "CI",
                "{}",
                context()
            );
            assert!(told.len() < 4_000, "{}", context());
        }
    }
}

#[test]
fn a_token_in_a_public_variable_is_neither_printed_nor_posted() {
    let sandbox = acme();
    // A certificate is never shown or posted, and its base64 may look like a token.
    let is_searched = |variable: &&Variable| !variable.secret && variable.name() != "SONAR_ROOT_CERT";
    for variable in Variables::ALL.iter().filter(is_searched).map(Variable::name) {
        for token in [sandbox::API_TOKEN_OF_JANE, sandbox::PROJECT_TOKEN, sandbox::APP_PASSWORD] {
            let run = in_branch_build(&sandbox).set(&variable, token).run();
            assert_eq!(run.code, 2, "{variable}: {}", run.output);
            assert!(!run.output.contains(&token[12..28]), "{variable}: {}", run.output);
        }
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_text_with_an_unexpanded_variable_is_a_warning() {
    let sandbox = acme();
    let run = in_branch_build(&sandbox)
        .set("NAME", "Build of $BITBUCKET_BRANCH")
        .set("DESCRIPTION", "costs 5 $")
        .run();
    assert_eq!(run.code, 0, "{}", run.output);
    assert!(run.output.starts_with("! NAME holds a $NAME that was not replaced"), "{}", run.output);
    assert!(!run.output.contains("! DESCRIPTION"), "{}", run.output);
}

#[test]
fn a_misspelt_variable_is_a_warning_with_a_suggestion() {
    let sandbox = acme();
    let run = in_branch_build(&sandbox).set("DESCRIPTON", "lost").set("pull_request", "7").run();
    insta::assert_snapshot!(run.told(), @"
    ! DESCRIPTON is not a variable of Gatepost and is ignored; did you mean DESCRIPTION?
    ! pull_request is not a variable of Gatepost and is ignored; did you mean PULL_REQUEST?
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      status:   Sonar (key sonar): Successful
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 0
    ");
}

#[test]
fn unknown_arguments_are_refused() {
    insta::assert_snapshot!(bare().run_with(&["--state", "FAILED"]).told(), @"
    ✖ gatepost accepts only the arguments check, --help and --version
      to do:    set environment variables instead; gatepost --help lists them
    exit code 2
    ");
}

#[test]
fn a_secret_in_url_is_refused() {
    let sandbox = acme();
    let run = in_branch_build(&sandbox)
        .set("URL", format!("https://sonar.acme.example/?token={}", sandbox::REPOSITORY_TOKEN))
        .run();
    insta::assert_snapshot!(run.told(), @r#"
    ! URL is "https://sonar.acme.example/?token=***", which shows a user name, a password or a token to everybody; the default is used (accepted: an http or https address of at most 2048 characters whose host has a dot or is an IP address, not loopback: Bitbucket refuses others)
    ✖ URL holds the value of BITBUCKET_ACCESS_TOKEN
      accepted: text that everybody may see
      to do:    pass the token in its own variable, and remove it from URL; if it was ever visible, revoke it and create a new one
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    assert!(sandbox.requests().is_empty());
}
