//! The binary under test, in each of the places where it is used.

use sandbox::Program;
pub(crate) use sandbox::{Fault, Folder, Gatepost, Run, Sandbox, World};

fn binary() -> Program {
    Program::Binary(env!("CARGO_BIN_EXE_gatepost").into())
}

pub(crate) fn acme() -> Sandbox {
    Sandbox::start(World::acme())
}

pub(crate) fn bare() -> Gatepost {
    Gatepost::bare(binary())
}

pub(crate) fn by_hand(sandbox: &Sandbox) -> Gatepost {
    Gatepost::by_hand(binary(), sandbox)
}

pub(crate) fn in_branch_build(sandbox: &Sandbox) -> Gatepost {
    Gatepost::in_branch_build(binary(), sandbox)
}

pub(crate) fn in_pull_request_build(sandbox: &Sandbox) -> Gatepost {
    Gatepost::in_pull_request_build(binary(), sandbox)
}

pub(crate) fn in_central_pipeline(sandbox: &Sandbox) -> Gatepost {
    Gatepost::in_central_pipeline(binary(), sandbox)
}
