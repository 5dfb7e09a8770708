//! Where the files of an analysis lie in the repository: SonarQube names them from the base folder of the project.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use crate::{
    config::{checkout::Checkout, report_task},
    console::text::forges,
    sonarqube::issues::IssuePath,
};

/// Finds the files of an analysis in the repository.
#[derive(Debug, Default)]
pub(super) struct RepositoryPaths {
    /// The root of the repository on this disk; `None` when it is not there.
    root: Option<PathBuf>,
    /// The folders that may be the base folder, from the root; the likeliest first.
    bases: Vec<PathBuf>,
}

impl RepositoryPaths {
    /// For the analysis that a file names, or without one. `base_folder` is what the user says.
    pub(super) fn new(report_task: Option<&Path>, base_folder: Option<&Path>) -> Self {
        let file = report_task.and_then(|file| std::path::absolute(file).ok());
        // By the key of a project, the working folder is all that can be the repository.
        let around = file.clone().or_else(|| Some(std::env::current_dir().ok()?.join("any file")));
        let root = around.as_deref().and_then(Checkout::around).map(|checkout| checkout.root);
        let scanned = || {
            let folder = report_task::base_folder(file.as_deref()?)?;
            Some(folder.strip_prefix(root.as_deref()?).ok()?.to_owned())
        };
        let bases = match base_folder {
            Some(folder) => vec![folder.to_owned()],
            None => scanned().into_iter().chain([PathBuf::new()]).collect(),
        };
        Self { root, bases }
    }

    /// The path from the root of the repository. The file is the proof where it is there; otherwise the likeliest path is
    /// taken. `None` when SonarQube names no path within the repository.
    pub(super) fn find(&self, path: &IssuePath) -> Option<String> {
        let candidates = self.candidates(path)?;
        let found = candidates.iter().find(|path| self.exists(path));
        // A guess wants a proof, if there is a disk to look at; otherwise it must look like the path of a file.
        let is_likely = !path.is_guessed || (self.root.is_none() && path.looks_like_file());
        let likeliest = candidates.first().filter(|_| is_likely);
        found.or(likeliest)?.to_str().map(str::to_owned)
    }

    /// Whether the repository is on this disk.
    pub(super) fn has_root(&self) -> bool {
        self.root.is_some()
    }

    /// Whether the repository on this disk has the file.
    pub(super) fn has_file(&self, path: &IssuePath) -> bool {
        self.candidates(path).is_some_and(|candidates| candidates.iter().any(|path| self.exists(path)))
    }

    fn candidates(&self, path: &IssuePath) -> Option<Vec<PathBuf>> {
        let relative = within_repository(&path.path)?;
        Some(self.bases.iter().map(|base| base.join(&relative)).collect())
    }

    fn exists(&self, path: &Path) -> bool {
        let file = self.root.as_ref().map(|root| root.join(path));
        file.is_some_and(|file| fs::metadata(file).is_ok_and(|file| file.is_file()))
    }
}

/// The path with `/` between its parts, if it leads to a file within the repository.
fn within_repository(path: &str) -> Option<PathBuf> {
    let path = path.replace('\\', "/");
    let path = path.trim_start_matches("./");
    let is_drive = path.get(1..2) == Some(":");
    if path.is_empty() || is_drive || path.contains(forges) {
        return None;
    }
    let path = Path::new(path);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    is_plain.then(|| path.components().filter(|part| matches!(part, Component::Normal(_))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &RepositoryPaths, path: &str) -> Option<String> {
        paths.find(&IssuePath { path: path.to_owned(), is_guessed: false })
    }

    #[test]
    fn the_file_on_the_disk_is_the_proof() {
        let folder = sandbox::Folder::new();
        for file in [
            "repo/.git/HEAD",
            "repo/api/.scannerwork/report-task.txt",
            "repo/api/src/a b#.rs",
            "repo/web/x.ts",
        ] {
            let _ = folder.write(file, b"");
        }
        let report_task = folder.path().join("repo/api/.scannerwork/report-task.txt");
        let paths = RepositoryPaths::new(Some(&report_task), None);
        assert_eq!(found(&paths, "src/a b#.rs").as_deref(), Some("api/src/a b#.rs"));
        assert_eq!(found(&paths, "src\\a b#.rs").as_deref(), Some("api/src/a b#.rs"));
        assert_eq!(found(&paths, "web/x.ts").as_deref(), Some("web/x.ts"), "from the root");
        assert_eq!(found(&paths, "src/gone.rs").as_deref(), Some("api/src/gone.rs"), "the likeliest");
        let guessed = IssuePath { path: "src/gone.rs".to_owned(), is_guessed: true };
        assert_eq!(paths.find(&guessed), None);
        let guess = |path: &str| IssuePath { path: path.to_owned(), is_guessed: true };
        let _ = folder.write("repo/api/Makefile", b"");
        assert_eq!(paths.find(&guess("Makefile")).as_deref(), Some("api/Makefile"));
        assert!(paths.has_root() && paths.has_file(&guess("Makefile")) && !paths.has_file(&guessed));
        let given = RepositoryPaths::new(Some(&report_task), Some(Path::new("web")));
        assert_eq!(found(&given, "x.ts").as_deref(), Some("web/x.ts"));
    }

    #[test]
    fn a_path_out_of_the_repository_is_none() {
        let paths = RepositoryPaths { root: None, bases: vec![PathBuf::from("api")] };
        for path in ["/etc/passwd", "../x", "a/../../x", "C:\\x", "C:/x", "", "a\nb", "\\\\host\\x"] {
            assert_eq!(found(&paths, path), None, "{path}");
        }
        assert_eq!(found(&paths, "./src/a.rs").as_deref(), Some("api/src/a.rs"));
        let guessed = |path: &str| paths.find(&IssuePath { path: path.to_owned(), is_guessed: true });
        assert_eq!(guessed("src/b.rs").as_deref(), Some("api/src/b.rs"));
        assert_eq!((guessed("com.acme.Till"), guessed("Makefile")), (None, None));
    }
}
