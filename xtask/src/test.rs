//! `cargo xtask test`: everything that a change must pass.

use crate::phases::{Beside, Phases};
use crate::shell::{self, Failure, Outcome};
use crate::tally::Tally;
use crate::{debian, footprint, npm, python, tool};
use std::path::Path;
use std::sync::mpsc;

/// Runs the phases and ends with seconds per phase and `N passed, N failed`.
///
/// One failing phase does not stop the others that make sense without it, so that one run tells all. Installing runs beside the
/// compiling: it waits for the network while the compiler wants the processor.
pub fn run(root: &Path) -> Outcome {
    debian::expect_installable(debian::PACKAGES)?; // minutes earlier than the phase would tell
    let mut phases = Phases::start();
    let mut tally = Tally::default();
    let (tell, told) = mpsc::channel();
    let (tell_too, told_too) = mpsc::channel();
    let packages = Beside::start("install packages", move || {
        let outcome = debian::install(debian::PACKAGES);
        for tell in [tell, tell_too] {
            let _ = tell.send(outcome.is_ok()); // the other thread may have ended
        }
        outcome
    });
    let judges = after_packages("install judges", told, root, |root| {
        python::SCHEMATHESIS.install(root)?;
        python::AIOSMTPD.install(root)?;
        python::CLOUDS.install(root)?;
        python::S3.install(root)
    });
    let from_npm = after_packages("install from npm", told_too, root, npm::install);
    let deny = Beside::start("install cargo-deny", {
        let root = root.to_owned();
        move || tool::DENY.install(&root)
    });

    phases.run("fmt", || format(root));
    phases.run("clippy", || cargo(root, CLIPPY));
    let built = phases.run("build tests", || cargo(root, BUILD));
    let installed = phases.join(packages) & phases.join(judges) & phases.join(from_npm);
    match (built, installed) {
        (true, true) => {
            phases.run("run tests", || run_tests(root, &mut tally));
        }
        (false, _) => phases.refuse("run tests", "they do not compile"),
        (true, false) => phases.refuse("run tests", "what they need is missing"),
    }
    phases.run("schedules", || schedules(root, &mut tally));
    phases.run("docs", || docs(root));
    phases.run("crates", || footprint::check(root));
    if phases.join(deny) {
        phases.run("deny", || deny_check(root));
    } else {
        phases.refuse("deny", "cargo-deny is missing");
    }

    let outcome = phases.finish();
    println!("\n{tally}");
    outcome
}

/// Installs beside the compiling what needs Debian's packages, as soon as they are there.
fn after_packages(
    name: &'static str,
    told: mpsc::Receiver<bool>,
    root: &Path,
    install: fn(&Path) -> Outcome,
) -> Beside {
    let root = root.to_owned();
    Beside::start(name, move || match told.recv() {
        Ok(true) => install(&root),
        _ => Err(Failure("a package is missing".into())),
    })
}

/// By the lock alone: what is tested is what was committed.
const CLIPPY: &[&str] = &[
    "clippy",
    "--locked",
    "--workspace",
    "--all-targets",
    "--all-features",
    "--",
    "-D",
    "warnings",
];
const BUILD: &[&str] = &[
    "test",
    "--locked",
    "--workspace",
    "--all-features",
    "--no-run",
];
const TEST: &[&str] = &[
    "test",
    "--locked",
    "--workspace",
    "--all-features",
    "--no-fail-fast",
];
const SCHEDULES: &[&str] = &[
    "test",
    "--locked",
    "--package",
    "picora-ratelimit",
    "--test",
    "schedules",
];
/// With all features, or what is behind one would go unread.
const DOCS: &[&str] = &[
    "doc",
    "--locked",
    "--workspace",
    "--all-features",
    "--no-deps",
];

fn cargo(root: &Path, arguments: &[&str]) -> Outcome {
    shell::run(&mut shell::cargo(root, arguments))
}

/// The benches and what fuzzes are workspaces of their own; the benches' lints are `weekly`'s, for their peers take long to compile.
fn format(root: &Path) -> Outcome {
    cargo(root, &["fmt", "--all", "--check"])?;
    for apart in ["benches/Cargo.toml", "fuzz/Cargo.toml"] {
        cargo(root, &["fmt", "--check", "--manifest-path", apart])?;
    }
    Ok(())
}

fn run_tests(root: &Path, tally: &mut Tally) -> Outcome {
    let mut command = shell::cargo(root, TEST);
    command.env("PICORA_REAL_SERVERS", "1");
    shell::run_reading(&mut command, |line| tally.read(line))
}

/// The memory limiter under made-up schedules of its threads. It needs other primitives, and so a build of its own.
fn schedules(root: &Path, tally: &mut Tally) -> Outcome {
    let mut command = shell::cargo(root, SCHEDULES);
    command.env("RUSTFLAGS", "--cfg picora_shuttle");
    command.env("CARGO_TARGET_DIR", shell::target(root).join("schedules"));
    shell::run_reading(&mut command, |line| tally.read(line))
}

fn docs(root: &Path) -> Outcome {
    shell::run(shell::cargo(root, DOCS).env("RUSTDOCFLAGS", "-Dwarnings"))
}

/// Without advisories: their database is a git repository that is not one of the registries a clean machine is promised, and it
/// changes from day to day, so that yesterday's green commit could be red today. They are `weekly`'s.
fn deny_check(root: &Path) -> Outcome {
    let arguments = ["deny", "--locked", "check", "licenses", "bans", "sources"];
    shell::run(&mut tool::DENY.command(root, &arguments))
}
