//! The git checkout around a file: whether git tracks the file, and when the checkout was made.
//!
//! The image has no git. Its index is read here, as far as the names of the files:
//! <https://git-scm.com/docs/index-format>.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    rc::Rc,
    time::SystemTime,
};

use crate::config::parse::read_small;

/// The checkouts that a run has looked at: each index is read once.
#[derive(Debug, Default)]
pub(crate) struct Checkouts(RefCell<HashMap<PathBuf, Rc<Option<TrackedNames>>>>);

/// The names of the files that git tracks, from the root of the checkout.
type TrackedNames = HashSet<Vec<u8>>;

/// A checkout.
#[derive(Debug)]
pub(crate) struct Checkout {
    pub(crate) root: PathBuf,
    /// Where git keeps what belongs to it.
    git: PathBuf,
}

/// The index of a repository with a million files has some 100 MiB.
const INDEX_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// `.git` is a short file in a worktree.
const LINK_MAX_BYTES: u64 = 4096;

impl Checkouts {
    /// Whether git tracks a file, as `git ls-files` tells, or the file that its links lead to. `None` when the index of git
    /// cannot be read.
    pub(crate) fn track(&self, file: &Path) -> Option<bool> {
        let tracks = |file: PathBuf| {
            let Checkout { root, git } = Checkout::around(&file)?;
            let name = file.strip_prefix(&root).ok()?.to_str()?.as_bytes();
            let mut known = self.0.borrow_mut();
            let names = known.entry(git).or_insert_with_key(|git| Rc::new(tracked_names(git)));
            Some(names.as_ref().as_ref().map(|names| names.contains(name)))
        };
        let paths = [std::path::absolute(file), fs::canonicalize(file)];
        let answers = paths.into_iter().flatten().map(|file| tracks(file).unwrap_or(Some(false)));
        // One that is tracked is enough.
        answers.max_by_key(|answer| match answer {
            Some(false) => 0,
            None => 1,
            Some(true) => 2,
        })?
    }
}

impl Checkout {
    /// The innermost checkout that holds a file.
    pub(crate) fn around(file: &Path) -> Option<Self> {
        let file = std::path::absolute(file).ok()?;
        file.ancestors().skip(1).find_map(|folder| {
            let git = folder.join(".git");
            let kind = fs::metadata(&git).ok()?;
            let git = if kind.is_file() { linked(&git)? } else { git };
            Some(Self { root: folder.to_owned(), git })
        })
    }

    /// When it was made: git writes `HEAD` when it clones, and its log with each checkout.
    pub(crate) fn made_at(&self) -> Option<SystemTime> {
        let time = |name: &str| fs::metadata(self.git.join(name)).ok()?.modified().ok();
        ["HEAD", "logs/HEAD"].into_iter().filter_map(time).max()
    }
}

/// The folder that the `.git` of a worktree or a submodule names.
fn linked(git: &Path) -> Option<PathBuf> {
    let text = String::from_utf8(read_small(git, LINK_MAX_BYTES).ok()?).ok()?;
    Some(git.parent()?.join(text.strip_prefix("gitdir:")?.trim()))
}

/// The names of the files in the index of a checkout. A split index has most of them in a shared one, of which it may
/// have removed some. A checkout without an index tracks nothing; `None` when it is damaged.
fn tracked_names(git: &Path) -> Option<TrackedNames> {
    let read = |name: &str| read_small(&git.join(name), INDEX_MAX_BYTES).ok();
    if fs::metadata(git.join("index")).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Some(HashSet::new());
    }
    let index = read("index")?;
    let mut all = names(&index)?;
    if let Some(shared) = shared_index(&index).and_then(|shared| read(&shared)) {
        all.extend(names(&shared)?);
    }
    Some(all)
}

/// The file of the shared index that a split index names in its extension `link`.
fn shared_index(index: &[u8]) -> Option<String> {
    const SIGNATURE: &[u8] = b"link";
    const LENGTH_BYTES: usize = 4;
    let at = index.windows(SIGNATURE.len()).rposition(|bytes| bytes == SIGNATURE)?;
    let hash = index.get(at + SIGNATURE.len() + LENGTH_BYTES..)?.get(..HASH_BYTES)?;
    Some(hash.iter().fold("sharedindex.".to_owned(), |name, byte| format!("{name}{byte:02x}")))
}

/// The length of a hash in a repository with SHA-1; SHA-256 is not supported by Bitbucket.
const HASH_BYTES: usize = 20;

/// The names of the files in an index; `None` when it is damaged, or of a later version than 4.
fn names(index: &[u8]) -> Option<TrackedNames> {
    /// Times, mode, owner and size of a file.
    const STAT_BYTES: usize = 40;
    const EXTENDED: u16 = 0x4000;
    let number = |at: usize| Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?));
    let version = number(4)?;
    if index.get(..4)? != b"DIRC" || !(2..=4).contains(&version) {
        return None;
    }
    let mut names = HashSet::new();
    let mut name: Vec<u8> = Vec::new();
    let mut at = 12;
    for _ in 0..number(8)? {
        let flags_at = at + STAT_BYTES + HASH_BYTES;
        let flags = u16::from_be_bytes(index.get(flags_at..flags_at + 2)?.try_into().ok()?);
        let mut name_at = flags_at + if flags & EXTENDED == 0 { 2 } else { 4 };
        if version == 4 {
            // A name begins like the one before it, without this number of bytes at its end.
            let (removed, next) = variable_width(index, name_at)?;
            name.truncate(name.len().checked_sub(removed)?);
            name_at = next;
        } else {
            name.clear();
        }
        let length = index.get(name_at..)?.iter().position(|byte| *byte == 0)?;
        name.extend(&index[name_at..name_at + length]);
        let end = name_at + length;
        // Before version 4, entries are padded to a multiple of eight bytes.
        at = if version == 4 { end + 1 } else { end + 8 - (end - at) % 8 };
        names.insert(name.clone());
    }
    Some(names)
}

/// A number of variable width, as in the offsets of a pack. Returns it and where it ends.
fn variable_width(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut number = 0_usize;
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        number = number.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            return Some((number, at));
        }
        number = number.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn git(folder: &Path, arguments: &[&str]) {
        let ran = Command::new("git").current_dir(folder).args(arguments).output().unwrap();
        assert!(ran.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    #[test]
    fn a_damaged_index_tells_nothing() {
        let folder = sandbox::Folder::new();
        let file = folder.path().join("report-task.txt");
        let _ = folder.write("report-task.txt", b"ceTaskId=x\n");
        git(folder.path(), &["init", "--quiet"]);
        assert_eq!(Checkouts::default().track(&file), Some(false), "there is no index yet");
        let _ = folder.write(".git/index", b"DIRC\0\0\0\x02\0\0\0\x01");
        assert_eq!(Checkouts::default().track(&file), None);
    }

    #[test]
    fn the_index_of_each_version_tells_what_git_tracks() {
        for version in ["2", "3", "4"] {
            let folder = sandbox::Folder::new();
            let path = |name: &str| folder.path().join(name);
            let _ = folder.write(".scannerwork/report-task.txt", b"ceTaskId=x\n");
            let _ = folder.write("api/.scannerwork/report-task.txt", b"ceTaskId=x\n");
            let _ = folder.write("api/other.txt", b"");
            git(folder.path(), &["init", "--quiet"]);
            git(folder.path(), &["add", ".scannerwork", "api/other.txt"]);
            if version == "3" {
                git(folder.path(), &["add", "--intent-to-add", "api/.scannerwork/report-task.txt"]);
            }
            git(folder.path(), &["update-index", "--index-version", version]);
            let checkouts = Checkouts::default();
            let tracked =
                [".scannerwork/report-task.txt", "api/other.txt", "api/.scannerwork/report-task.txt"]
                    .map(|name| checkouts.track(&path(name)) == Some(true));
            assert_eq!(tracked, [true, true, version == "3"], "version {version}");
            assert!(Checkout::around(&path("api/other.txt")).unwrap().made_at().is_some());
        }
    }

    #[test]
    fn a_worktree_has_its_index_elsewhere() {
        let folder = sandbox::Folder::new();
        let _ = folder.write("main/.sonar/report-task.txt", b"ceTaskId=x\n");
        let main = folder.path().join("main");
        git(&main, &["init", "--quiet"]);
        git(&main, &["add", "."]);
        git(&main, &["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "x"]);
        git(&main, &["worktree", "add", "--quiet", "../other"]);
        let file = folder.path().join("other/.sonar/report-task.txt");
        assert_eq!(Checkouts::default().track(&file), Some(true));
    }

    #[test]
    fn a_split_index_and_a_link_hide_nothing() {
        let folder = sandbox::Folder::new();
        let _ = folder.write("real/.scannerwork/report-task.txt", b"ceTaskId=x\n");
        git(folder.path(), &["init", "--quiet"]);
        git(folder.path(), &["add", "."]);
        std::os::unix::fs::symlink("real", folder.path().join("link")).unwrap();
        let linked = folder.path().join("link/.scannerwork/report-task.txt");
        assert_eq!(Checkouts::default().track(&linked), Some(true));
        git(folder.path(), &["update-index", "--split-index"]);
        let _ = folder.write("later.txt", b"");
        git(folder.path(), &["add", "later.txt"]);
        for file in ["real/.scannerwork/report-task.txt", "later.txt"] {
            assert_eq!(Checkouts::default().track(&folder.path().join(file)), Some(true), "{file}");
        }
    }

    #[test]
    fn a_folder_without_git_tracks_nothing() {
        let folder = sandbox::Folder::new();
        let file = folder.write("report-task.txt", b"ceTaskId=x\n");
        assert_eq!(Checkouts::default().track(&file), Some(false));
    }

    proptest! {
        #[test]
        fn any_index_is_read_or_is_damaged(version in 2..6_u32, count in 0..4_u32, rest in any::<Vec<u8>>()) {
            let mut index = b"DIRC".to_vec();
            index.extend(version.to_be_bytes());
            index.extend(count.to_be_bytes());
            index.extend(rest);
            let _ = names(&index);
        }
    }
}
