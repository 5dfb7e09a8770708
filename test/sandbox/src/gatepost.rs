//! Runs Gatepost as its users do, and gives back everything that it printed.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use percent_encoding::percent_decode_str;

use crate::{REPOSITORY_TOKEN, Sandbox, WORKSPACE_TOKEN, canary};

/// Where the program is.
#[derive(Debug, Clone)]
pub enum Program {
    /// An executable file.
    Binary(PathBuf),
    /// An image, and the command before its name that runs a container of it.
    Image {
        /// Such as `docker run --rm --network host`.
        run: Vec<OsString>,
        /// Such as `gatepost:dev`, and what the command of the container begins with.
        image: Vec<OsString>,
    },
}

/// One run of Gatepost: its variables, and nothing else of this process's environment.
#[derive(Debug, Clone)]
pub struct Gatepost {
    program: Program,
    variables: Vec<(OsString, OsString)>,
    folder: PathBuf,
    /// Where nothing is, unless another folder is named.
    _empty: Arc<Folder>,
}

/// The variables that name a file which Gatepost writes.
const WRITTEN: [&str; 3] = ["RESULT_FILE", "SUMMARY_FILE", "BITBUCKET_PIPELINES_VARIABLES_PATH"];

/// What a run came to.
#[derive(Debug)]
pub struct Run {
    /// The exit code; -1 when a signal ended the process.
    pub code: i32,
    /// What it printed.
    pub output: String,
    /// From its start to its end.
    pub took: Duration,
}

impl Gatepost {
    /// Without any variable.
    pub fn bare(program: Program) -> Self {
        let empty = Arc::new(Folder::new());
        Self { program, variables: Vec::new(), folder: empty.path().to_owned(), _empty: empty }
    }

    /// By hand: the repository token of `acme/api`, `STATE: passed`, and this sandbox over HTTP.
    pub fn by_hand(program: Program, sandbox: &Sandbox) -> Self {
        Self::bare(program)
            .set("BITBUCKET_API_URL", sandbox.http_url())
            .set("BITBUCKET_ACCESS_TOKEN", REPOSITORY_TOKEN)
            .set("REPO_SLUG", "acme/api")
            .set("STATE", "passed")
            .set("KEY", "sonar")
            .set("TIMEOUT", "20")
    }

    /// In the build of the branch `main` of `acme/api`.
    pub fn in_branch_build(program: Program, sandbox: &Sandbox) -> Self {
        let commit = sandbox.head("acme/api", "main");
        Self::by_hand(program, sandbox).unset("REPO_SLUG").pipelines("acme/api", &commit, "main")
    }

    /// In the build of pull request 7 of `acme/api`, where hashes have 12 digits:
    /// <https://jira.atlassian.com/browse/BCLOUD-19393>.
    pub fn in_pull_request_build(program: Program, sandbox: &Sandbox) -> Self {
        let commit = sandbox.head("acme/api", "feature/login");
        Self::by_hand(program, sandbox)
            .unset("REPO_SLUG")
            .pipelines("acme/api", &commit[..12], "feature/login")
            .set("BITBUCKET_PR_ID", "7")
            .set("BITBUCKET_PR_DESTINATION_BRANCH", "main")
    }

    /// In the build of the central pipeline, with the workspace's token.
    pub fn in_central_pipeline(program: Program, sandbox: &Sandbox) -> Self {
        let commit = sandbox.head("acme/central-pipeline", "main");
        Self::by_hand(program, sandbox)
            .unset("REPO_SLUG")
            .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
            .pipelines("acme/central-pipeline", &commit, "main")
    }

    /// The variables of <https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/> as a
    /// pipe gets them: what the step lacks arrives as empty text.
    fn pipelines(self, full_name: &str, commit: &str, branch: &str) -> Self {
        let (workspace, slug) = full_name.split_once('/').unwrap_or_default();
        self.set("BITBUCKET_WORKSPACE", workspace)
            .set("BITBUCKET_REPO_OWNER", workspace)
            .set("BITBUCKET_REPO_SLUG", slug)
            .set("BITBUCKET_REPO_FULL_NAME", full_name)
            .set("BITBUCKET_COMMIT", commit)
            .set("BITBUCKET_BRANCH", branch)
            .set("BITBUCKET_BUILD_NUMBER", "42")
            .set("BITBUCKET_PR_ID", "")
            .set("BITBUCKET_TAG", "")
            .set("DOCKER_HOST", "tcp://host.docker.internal:2375")
            .set("HOME", "/")
    }

    /// With a variable.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self = self.unset(name);
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Without a variable.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// The variables.
    pub fn variables(&self) -> &[(OsString, OsString)] {
        &self.variables
    }

    /// In a folder, as a pipe runs in the clone's.
    #[must_use]
    pub fn within(mut self, folder: &Path) -> Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// Runs to the end.
    ///
    /// # Panics
    /// When the program cannot be started, or shows a secret.
    pub fn run(&self) -> Run {
        self.run_with(&[])
    }

    /// Runs to the end with arguments.
    ///
    /// # Panics
    /// As [`Self::run`].
    pub fn run_with(&self, arguments: &[&str]) -> Run {
        let begun = Instant::now();
        self.finish(self.start_with(arguments), begun)
    }

    /// Starts it, for what happens while it runs.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start(&self) -> Child {
        self.start_with(&[])
    }

    /// Waits for the end of what [`Self::start`] began.
    ///
    /// # Panics
    /// When it shows a secret.
    pub fn finish(&self, child: Child, begun: Instant) -> Run {
        let ended = child.wait_with_output().expect("a child that was started can be waited for");
        let output = [ended.stdout, ended.stderr].concat();
        let output = String::from_utf8(output).expect("Gatepost prints UTF-8");
        self.assert_no_secret(&output);
        for written in WRITTEN {
            let file = self.variables.iter().find(|(name, _)| name == written);
            // What is no regular file, or holds no text, was not written by Gatepost.
            let file = file.map(|(_, file)| self.folder.join(file)).filter(|file| file.is_file());
            if let Some(text) = file.and_then(|file| std::fs::read_to_string(file).ok()) {
                self.assert_no_secret(&text);
            }
        }
        Run { code: ended.status.code().unwrap_or(-1), output, took: begun.elapsed() }
    }

    /// Runs to the end in a process where a shell ran these commands before: limits, and what is open.
    ///
    /// # Panics
    /// As [`Self::run`], and for an image, which brings its own process.
    pub fn run_after(&self, commands: &str) -> Run {
        let Program::Binary(path) = &self.program else { panic!("{:?} is no file", self.program) };
        let shell = Self { program: Program::Binary("/bin/sh".into()), ..self.clone() };
        let path = path.to_str().expect("the path of the program is text");
        shell.run_with(&["-c", &format!("{commands}; exec \"$0\""), path])
    }

    /// Starts it with another standard output than the one that [`Self::finish`] reads.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start_into(&self, output: impl Into<Stdio>) -> Child {
        self.spawn(&[], output.into())
    }

    fn start_with(&self, arguments: &[&str]) -> Child {
        self.spawn(arguments, Stdio::piped())
    }

    fn spawn(&self, arguments: &[&str], output: Stdio) -> Child {
        self.command()
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{:?} cannot be started: {error}", self.program))
    }

    fn command(&self) -> Command {
        match &self.program {
            Program::Binary(path) => {
                let mut command = Command::new(path);
                command
                    .env_clear()
                    .envs(self.variables.iter().map(|(name, value)| (name, value)))
                    .current_dir(&self.folder);
                command
            }
            Program::Image { run, image } => {
                let mut command = Command::new(&run[0]);
                command.args(&run[1..]);
                for (name, value) in &self.variables {
                    command
                        .arg("--env")
                        .arg([name, OsStr::new("="), value].into_iter().collect::<OsString>());
                }
                command.args(image);
                command
            }
        }
    }

    /// Checks that a text holds no secret of the sandbox or of this run, nor a part of one beyond the prefix that all of
    /// its kind share.
    ///
    /// # Panics
    /// When it does.
    pub fn assert_no_secret(&self, text: &str) {
        let secrets = self.secrets();
        let of_run = canary::Pieces::of(secrets.iter().map(String::as_str));
        let piece = canary::known_piece_in(text).or_else(|| of_run.find_in(text));
        assert!(piece.is_none(), "{piece:?} of a secret was shown:\n{text}");
    }

    /// The secrets in the variables.
    fn secrets(&self) -> Vec<String> {
        // Without `BITBUCKET_OAUTH_CLIENT_ID`: the key of a consumer is public.
        const SECRETS: [&str; 5] = [
            "ATLASSIAN_API_TOKEN",
            "BITBUCKET_ACCESS_TOKEN",
            "BITBUCKET_APP_PASSWORD",
            "BITBUCKET_OAUTH_CLIENT_SECRET",
            "SONAR_TOKEN",
        ];
        const PROXIES: [&str; 2] = ["HTTP_PROXY", "HTTPS_PROXY"];
        let mut secrets = Vec::new();
        for (name, value) in &self.variables {
            let (name, value) = (name.to_string_lossy().to_ascii_uppercase(), value.to_string_lossy());
            match &*name {
                // `NAME: NAME` instead of `NAME: $NAME`; Gatepost says the name of the variable itself.
                name if value == name => {}
                name if SECRETS.contains(&name) => secrets.push(value.into_owned()),
                "BITBUCKET_ACCESS_TOKENS" => {
                    let tokens: BTreeMap<String, String> = serde_json::from_str(&value).unwrap_or_default();
                    secrets.extend(tokens.into_values());
                }
                name if PROXIES.contains(&name) => secrets.extend(secrets_of_proxy(&value)),
                _ => {}
            }
        }
        // What the step did not replace is the name of a variable, too.
        secrets.retain(|secret| !secret.starts_with('$'));
        secrets
    }
}

/// User and password in the address of a proxy, and the password alone: as written, and decoded.
fn secrets_of_proxy(address: &str) -> Vec<String> {
    let Some((user, _)) = address.rsplit_once('@') else { return Vec::new() };
    let user = user.split_once("://").map_or(user, |(_, user)| user);
    let password = user.split_once(':').map(|(_, password)| password);
    let written = [Some(user), password].into_iter().flatten();
    written
        .flat_map(|secret| [secret.to_owned(), percent_decode_str(secret).decode_utf8_lossy().into_owned()])
        .collect()
}

impl Run {
    /// Everything that was printed and the exit code, with ports, seconds and temporary folders replaced by
    /// words, so that it is the same in each run.
    pub fn told(&self) -> String {
        format!("{}\nexit code {}\n", scrub(self.output.trim_end()), self.code)
    }
}

/// A new temporary folder, removed when it is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Folder {
    /// A folder that nobody else has.
    ///
    /// # Panics
    /// When the machine gives none.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("gatepost-{}-{number}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Self(path),
                // A process that was killed had the same number.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{} cannot be made: {error}", path.display()),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, with the folders above it, and gives its path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        let parent = path.parent().expect("the file is in the folder");
        std::fs::create_dir_all(parent).expect("folders in a temporary folder can be made");
        std::fs::write(&path, content).expect("a file in a temporary folder can be written");
        path
    }

    /// Reads a file.
    ///
    /// # Panics
    /// When there is none, or no text in it.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("the file was written")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What differs from run to run, replaced by words: ports, seconds, temporary folders.
fn scrub(text: &str) -> String {
    let mut scrubbed = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        scrubbed.push_str(before);
        let length = from.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(from.len());
        let number = from[..length].trim_end_matches('.');
        let (_, after) = from.split_at(number.len());
        let is_port = before.ends_with("localhost:") || scrubbed.ends_with("127.0.0.1:");
        let is_seconds = after.starts_with(" s") && !after[2..].starts_with(|c: char| c.is_alphanumeric());
        scrubbed.push_str(match (is_port, is_seconds) {
            (true, _) => "PORT",
            (_, true) => "N",
            _ => number,
        });
        rest = after;
    }
    scrubbed.push_str(rest);
    let folder = std::env::temp_dir().join("gatepost-").to_string_lossy().into_owned();
    while let Some(start) = scrubbed.find(&folder) {
        let end = scrubbed[start..].find(['/', '"']).map_or(scrubbed.len(), |_| {
            let name = start + folder.len();
            scrubbed[name..].find(['/', '"', ' ']).map_or(scrubbed.len(), |length| name + length)
        });
        scrubbed.replace_range(start..end, "FOLDER");
    }
    scrubbed
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::{OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, USER_TOKEN};

    /// A program that runs these commands in place of Gatepost, and whether the harness takes it for one that shows a
    /// secret.
    fn shows_secret(run: Gatepost, commands: &str) -> bool {
        let shell = Gatepost { program: Program::Binary("/bin/sh".into()), ..run };
        catch_unwind(AssertUnwindSafe(|| shell.run_with(&["-c", commands]))).is_err()
    }

    fn bare() -> Gatepost {
        Gatepost::bare(Program::Binary("/bin/sh".into()))
    }

    #[test]
    fn a_secret_of_any_variable_is_found_in_what_is_printed() {
        let tokens = format!("{{\"acme/api\":\"{}\"}}", "ATCTT3xFfGN0OfTheListOnly");
        for (name, value, shown) in [
            ("BITBUCKET_ACCESS_TOKEN", "ATCTT3xFfGN0OfThisTestOnly", "ATCTT3xFfGN0O"),
            ("ATLASSIAN_API_TOKEN", "ATATT3xFfGF0OfThisTestOnly", "OfThisTestOnl"),
            ("BITBUCKET_APP_PASSWORD", "ATBBOfThisTestOnly", "OfThisTestOnl"),
            ("BITBUCKET_OAUTH_CLIENT_SECRET", "OfThisTestOnly", "OfThisTestOnl"),
            ("BITBUCKET_ACCESS_TOKENS", &tokens, "N0OfTheListOnl"),
            ("SONAR_TOKEN", "squ_OfThisTestOnly", "squ_OfThisTes"),
            ("HTTPS_PROXY", "http://jane:s%40crets-of-it@proxy:80", "s@crets-of-it"),
            ("https_proxy", "http://jane:s%40crets-of-it@proxy:80", "s%40crets-of-it"),
            ("HTTP_PROXY", "jane:s%40crets@proxy:80", "jane:s@crets"),
            ("HTTP_PROXY", "http://a:secret@1@proxy:80", "secret@1"),
        ] {
            assert!(shows_secret(bare().set(name, value), &format!("echo 'a {shown} b'")), "{name}");
            assert!(shows_secret(bare().set(name, value), &format!("echo 'a {shown} b' >&2")), "{name}");
            assert!(!shows_secret(bare().set(name, value), &format!("echo 'a {} b'", &shown[..7])), "{name}");
        }
    }

    #[test]
    fn a_secret_of_the_sandbox_is_found_whatever_the_variables_are() {
        for secret in [REPOSITORY_TOKEN, OAUTH_CLIENT_SECRET, USER_TOKEN] {
            assert!(shows_secret(bare(), &format!("echo {secret}")), "{secret}");
        }
        let consumer = bare().set("BITBUCKET_OAUTH_CLIENT_ID", OAUTH_CLIENT_ID);
        assert!(!shows_secret(consumer, &format!("echo {OAUTH_CLIENT_ID}")));
        for value in ["BITBUCKET_ACCESS_TOKEN", "$BITBUCKET_ACCESS_TOKEN"] {
            let name = bare().set("BITBUCKET_ACCESS_TOKEN", value);
            assert!(!shows_secret(name, "echo BITBUCKET_ACCESS_TOKEN is the name of a variable"));
        }
    }

    #[test]
    fn a_secret_is_found_in_each_file_that_is_written() {
        for name in WRITTEN {
            let folder = Folder::new();
            let absolute = bare().set(name, folder.path().join("written"));
            let relative = bare().set(name, "written").within(folder.path());
            for run in [absolute, relative] {
                let write = |text| format!("echo '{text}' > {}", folder.path().join("written").display());
                assert!(!shows_secret(run.clone(), &write("GATEPOST_OUTCOME=delivered")), "{name}");
                assert!(shows_secret(run, &write(&REPOSITORY_TOKEN[..13])), "{name}");
            }
        }
    }
}
