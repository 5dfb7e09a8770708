//! Rows about the machine: files, folders, and the standard output.

use std::{fs, io, time::Instant};

use super::{
    Again::No,
    End::{Delivered, VariablesWrong},
    Group,
    How::Files,
    Place::{Ending, Lookup, Standing, Status, StatusOfFound, Task},
    Row,
    stage::Stage,
};
use crate::run::Run;

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A variable names this path.
    Path(&'static str, &'static str),
    /// A variable names a symbolic link to itself.
    LinkToItself(&'static str),
    /// A variable names a symbolic link to `/dev/full`.
    LinkToFullDevice(&'static str),
    /// A variable names a folder.
    Folder(&'static str),
    /// `RESULT_FILE` and `SUMMARY_FILE` name the same file.
    OneFile,
    /// No file may grow: what is written fails as it does on a full disk.
    NoRoom,
    /// The same with `SUMMARY_FILE`.
    NoRoomForPage,
    /// The reader of the standard output is gone.
    BrokenPipe,
    /// The standard output is `/dev/full`, where each write fails with ENOSPC: full(4).
    FullOutput,
    /// The standard output is closed.
    ClosedOutput,
    /// The working folder is gone.
    FolderGone,
}

impl Fault {
    /// Whether nobody can read the log.
    pub(super) const fn loses_the_log(self) -> bool {
        matches!(self, Self::BrokenPipe | Self::FullOutput | Self::ClosedOutput)
    }
}

/// Runs the program on a machine with this fault.
pub(super) fn run(fault: Fault, stage: &Stage) -> Run {
    let Stage { gatepost, folder, .. } = stage;
    let begun = Instant::now();
    let results = folder.path().join("results.jsonl");
    let page = folder.path().join("summary.html");
    let file = |variable| if variable == "SUMMARY_FILE" { &page } else { &results };
    match fault {
        Fault::Path(variable, path) => gatepost.clone().set(variable, path).run(),
        Fault::LinkToItself(variable) => {
            std::os::unix::fs::symlink(file(variable), file(variable)).unwrap();
            gatepost.clone().set(variable, file(variable)).run()
        }
        Fault::LinkToFullDevice(variable) => {
            std::os::unix::fs::symlink("/dev/full", file(variable)).unwrap();
            gatepost.clone().set(variable, file(variable)).run()
        }
        Fault::Folder(variable) => {
            fs::create_dir(file(variable)).unwrap();
            gatepost.clone().set(variable, file(variable)).run()
        }
        Fault::OneFile => gatepost.clone().set("RESULT_FILE", &page).set("SUMMARY_FILE", &page).run(),
        Fault::NoRoom => gatepost
            .clone()
            .set("RESULT_FILE", results)
            .set("BITBUCKET_PIPELINES_VARIABLES_PATH", folder.path().join("variables"))
            .run_after("trap '' XFSZ; ulimit -f 0"),
        Fault::NoRoomForPage => {
            gatepost.clone().set("SUMMARY_FILE", page).run_after("trap '' XFSZ; ulimit -f 0")
        }
        Fault::BrokenPipe => {
            let (reader, writer) = io::pipe().unwrap();
            drop(reader);
            gatepost.finish(gatepost.start_into(writer), begun)
        }
        Fault::FullOutput => {
            let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            gatepost.finish(gatepost.start_into(full), begun)
        }
        Fault::ClosedOutput => gatepost.run_after("exec >&-"),
        Fault::FolderGone => gatepost.clone().within(folder.path()).run_after("rmdir \"$PWD\""),
    }
}

pub(super) const FILES: Group = Group {
    name: "file system",
    rows: &[
        Row {
            fault: "RESULT_FILE on a full device",
            place: Status,
            how: Files(Fault::Path("RESULT_FILE", "/dev/full")),
            again: No,
            end: Delivered,
            told: "! RESULT_FILE names \"/dev/full\", which cannot be written",
        },
        Row {
            fault: "RESULT_FILE is a link to a full device",
            place: Status,
            how: Files(Fault::LinkToFullDevice("RESULT_FILE")),
            again: No,
            end: Delivered,
            told: "which cannot be written",
        },
        Row {
            fault: "RESULT_FILE in a folder that nobody can write to",
            place: Status,
            how: Files(Fault::Path("RESULT_FILE", "/sys/results.jsonl")),
            again: No,
            end: Delivered,
            told: "! RESULT_FILE names \"/sys/results.jsonl\", which cannot be written",
        },
        Row {
            fault: "RESULT_FILE in a folder that does not exist",
            place: Status,
            how: Files(Fault::Path("RESULT_FILE", "/no/such/folder/results.jsonl")),
            again: No,
            end: Delivered,
            told: "which cannot be written: No such file or directory",
        },
        Row {
            fault: "RESULT_FILE below a file",
            place: Status,
            how: Files(Fault::Path("RESULT_FILE", "/etc/passwd/results.jsonl")),
            again: No,
            end: Delivered,
            told: "which cannot be written: Not a directory",
        },
        Row {
            fault: "RESULT_FILE is a link to itself",
            place: Status,
            how: Files(Fault::LinkToItself("RESULT_FILE")),
            again: No,
            end: Delivered,
            told: "which cannot be written: Too many levels of symbolic links",
        },
        Row {
            fault: "SUMMARY_FILE in a folder that nobody can write to",
            place: Status,
            how: Files(Fault::Path("SUMMARY_FILE", "/sys/summary.html")),
            again: No,
            end: Delivered,
            told: "! SUMMARY_FILE names \"/sys/summary.html\", which cannot be written",
        },
        Row {
            fault: "SUMMARY_FILE in a folder that does not exist",
            place: Status,
            how: Files(Fault::Path("SUMMARY_FILE", "/no/such/folder/summary.html")),
            again: No,
            end: Delivered,
            told: "which cannot be written: No such file or directory",
        },
        Row {
            fault: "SUMMARY_FILE below a file",
            place: Status,
            how: Files(Fault::Path("SUMMARY_FILE", "/etc/passwd/summary.html")),
            again: No,
            end: Delivered,
            told: "which cannot be written: Not a directory",
        },
        Row {
            fault: "SUMMARY_FILE is a folder",
            place: Status,
            how: Files(Fault::Folder("SUMMARY_FILE")),
            again: No,
            end: Delivered,
            told: "which cannot be written: it is not a regular file",
        },
        Row {
            fault: "SUMMARY_FILE is a link to itself",
            place: Status,
            how: Files(Fault::LinkToItself("SUMMARY_FILE")),
            again: No,
            end: Delivered,
            told: "which cannot be written: Too many levels of symbolic links",
        },
        Row {
            fault: "SUMMARY_FILE is a link to a full device",
            place: Status,
            how: Files(Fault::LinkToFullDevice("SUMMARY_FILE")),
            again: No,
            end: Delivered,
            told: "which cannot be written: it is not a regular file",
        },
        Row {
            fault: "SUMMARY_FILE is the file of RESULT_FILE",
            place: Status,
            how: Files(Fault::OneFile),
            again: No,
            end: Delivered,
            told: "! SUMMARY_FILE",
        },
        Row {
            fault: "no room for SUMMARY_FILE, over a list",
            place: StatusOfFound,
            how: Files(Fault::NoRoomForPage),
            again: No,
            end: Delivered,
            told: "! SUMMARY_FILE could not be written, and is not complete",
        },
        Row {
            fault: "no room for SUMMARY_FILE, and a project without an analysis",
            place: Standing,
            how: Files(Fault::NoRoomForPage),
            again: No,
            end: Delivered,
            told: "! SUMMARY_FILE could not be written, and is not complete",
        },
        Row {
            fault: "no room for SUMMARY_FILE",
            place: Status,
            how: Files(Fault::NoRoomForPage),
            again: No,
            end: Delivered,
            told: "! SUMMARY_FILE could not be written, and is not complete",
        },
        Row {
            fault: "no room for RESULT_FILE and the output variables",
            place: Status,
            how: Files(Fault::NoRoom),
            again: No,
            end: Delivered,
            told: "! RESULT_FILE could not be written",
        },
        Row {
            fault: "no room for RESULT_FILE, over a list",
            place: StatusOfFound,
            how: Files(Fault::NoRoom),
            again: No,
            end: Delivered,
            told: "! RESULT_FILE could not be written",
        },
        Row {
            fault: "no room for RESULT_FILE while statuses are ended",
            place: Ending,
            how: Files(Fault::NoRoom),
            again: No,
            end: Delivered,
            told: "! RESULT_FILE could not be written",
        },
        Row {
            fault: "broken pipe on the standard output",
            place: Status,
            how: Files(Fault::BrokenPipe),
            again: No,
            end: Delivered,
            told: "",
        },
        Row {
            fault: "broken pipe on the standard output",
            place: Task,
            how: Files(Fault::BrokenPipe),
            again: No,
            end: Delivered,
            told: "",
        },
        Row {
            fault: "standard output on a full disk",
            place: Status,
            how: Files(Fault::FullOutput),
            again: No,
            end: Delivered,
            told: "",
        },
        Row {
            fault: "standard output closed",
            place: Lookup,
            how: Files(Fault::ClosedOutput),
            again: No,
            end: Delivered,
            told: "",
        },
        Row {
            fault: "working folder removed",
            place: Status,
            how: Files(Fault::FolderGone),
            again: No,
            end: Delivered,
            told: "",
        },
        Row {
            fault: "standard output closed while statuses are ended",
            place: Ending,
            how: Files(Fault::ClosedOutput),
            again: No,
            end: Delivered,
            told: "",
        },
        Row {
            fault: "working folder removed, over a list",
            place: StatusOfFound,
            how: Files(Fault::FolderGone),
            again: No,
            end: Delivered,
            told: "",
        },
        Row {
            fault: "output variables on a full device",
            place: Status,
            how: Files(Fault::Path("BITBUCKET_PIPELINES_VARIABLES_PATH", "/dev/full")),
            again: No,
            end: Delivered,
            told: "! the output variables could not be written",
        },
        Row {
            fault: "SSL_CERT_FILE that does not exist",
            place: Status,
            how: Files(Fault::Path("SSL_CERT_FILE", "/no/such/file.pem")),
            again: No,
            end: Delivered,
            told: "! SSL_CERT_FILE",
        },
        Row {
            fault: "SSL_CERT_FILE that never ends",
            place: Status,
            how: Files(Fault::Path("SSL_CERT_FILE", "/dev/zero")),
            again: No,
            end: Delivered,
            told: "! SSL_CERT_FILE",
        },
        Row {
            fault: "TARGETS_FILE is a folder",
            place: Status,
            how: Files(Fault::Path("TARGETS_FILE", "/tmp")),
            again: No,
            end: VariablesWrong,
            told: "TARGETS_FILE",
        },
    ],
};
