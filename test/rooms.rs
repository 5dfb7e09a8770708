//! The rooms of the source: few, in order, each with one sentence that says what it is for.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A room uses only the rooms before it; rooms on one line do not know each other.
const ORDER: [&[&str]; 7] =
    [&["console"], &["model"], &["http"], &["bitbucket", "sonarqube"], &["explain"], &["config"], &["run"]];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] }).collect()
}

/// The rooms that a text of Rust names after `crate::`, alone or as `crate::{a::X, b::{Y, Z}}`.
fn rooms_named_in(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let name = |text: &str| {
        text.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned()
    };
    let mut names = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(name(rest));
            continue;
        };
        let (mut depth, mut at_start) = (0, true);
        for (at, c) in group.char_indices() {
            match c {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => at_start = true,
                c if at_start && !c.is_whitespace() => {
                    names.insert(name(&group[at..]));
                    at_start = false;
                }
                _ => {}
            }
        }
    }
    names
}

#[test]
fn each_room_uses_only_the_rooms_before_it() {
    let mut before: BTreeSet<String> = BTreeSet::new();
    for rooms in ORDER {
        for room in rooms {
            for file in rust_files(&source().join(room)) {
                let mut allowed = before.clone();
                allowed.insert((*room).to_owned());
                let named = rooms_named_in(&fs::read_to_string(&file).unwrap());
                let wrong: Vec<_> = named.difference(&allowed).collect();
                assert!(wrong.is_empty(), "{} uses {wrong:?}", file.display());
            }
        }
        before.extend(rooms.iter().map(|room| (*room).to_owned()));
    }
}

#[test]
fn an_import_against_the_order_is_found() {
    let text = "use crate::{\n    config::{a, run::b},\n    model::c,\n};\n// crate::http\nfn f() { crate::explain::g() }";
    assert_eq!(rooms_named_in(text), ["config", "explain", "model"].map(str::to_owned).into());
}

#[test]
fn the_source_shows_at_most_ten_entries_and_every_room_says_what_it_is_for() {
    let mut entries: Vec<_> = fs::read_dir(source())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    entries.sort();
    let mut expected: Vec<_> = ORDER.concat().into_iter().chain(["lib.rs", "main.rs"]).collect();
    expected.sort_unstable();
    assert_eq!(entries, expected);
    assert!(entries.len() <= 10);
    for room in ORDER.concat() {
        let text = fs::read_to_string(source().join(room).join("mod.rs")).unwrap();
        let sentence: Vec<_> = text.lines().map_while(|line| line.strip_prefix("//! ")).collect();
        assert!(
            (1..=3).contains(&sentence.len()) && sentence.join(" ").ends_with('.'),
            "{room}: {sentence:?}"
        );
    }
    let main = fs::read_to_string(source().join("main.rs")).unwrap();
    assert!(main.lines().count() <= 15, "main.rs has {} lines", main.lines().count());
}
