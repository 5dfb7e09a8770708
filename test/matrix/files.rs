//! Rows about the machine: files, folders, and the standard output.

use std::{fs, io, time::Instant};

use super::{
    Again::No,
    End::{Delivered, VariablesWrong},
    Group,
    How::Files,
    Place::{Lookup, Status, Task},
    Row,
    stage::Stage,
};
use crate::run::Run;

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A variable names this path.
    Path(&'static str, &'static str),
    /// `RESULT_FILE` is a symbolic link to itself.
    LinkToItself,
    /// `RESULT_FILE` is a symbolic link to `/dev/full`.
    LinkToFullDevice,
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
    match fault {
        Fault::Path(variable, path) => gatepost.clone().set(variable, path).run(),
        Fault::LinkToItself => {
            std::os::unix::fs::symlink(&results, &results).unwrap();
            gatepost.clone().set("RESULT_FILE", results).run()
        }
        Fault::LinkToFullDevice => {
            std::os::unix::fs::symlink("/dev/full", &results).unwrap();
            gatepost.clone().set("RESULT_FILE", results).run()
        }
        Fault::NoRoom => gatepost
            .clone()
            .set("RESULT_FILE", results)
            .set("BITBUCKET_PIPELINES_VARIABLES_PATH", folder.path().join("variables"))
            .run_after("trap '' XFSZ; ulimit -f 0"),
        Fault::NoRoomForPage => gatepost
            .clone()
            .set("SUMMARY_FILE", folder.path().join("summary.html"))
            .run_after("trap '' XFSZ; ulimit -f 0"),
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
            how: Files(Fault::LinkToFullDevice),
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
            how: Files(Fault::LinkToItself),
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
