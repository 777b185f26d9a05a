//! `cargo xtask soak NAME`: heavy proofs outside the budget of `cargo xtask test`.

use crate::shell::{self, Failure, Outcome};
use std::path::Path;
use std::process::Command;

/// One heavy proof: a test that runs a quick number in `cargo xtask test` and a large one under `PICORA_SOAK=1`.
#[derive(Clone, Copy, Debug)]
pub struct Proof {
    /// What `cargo xtask soak` calls it.
    pub name: &'static str,
    /// What it shows, for the list.
    pub shows: &'static str,
    /// The folder of the package that has the test.
    pub folder: &'static str,
    /// Its integration binary.
    pub binary: &'static str,
    /// Which tests of the binary: a filter as `cargo test` takes it.
    pub filter: &'static str,
}

/// All of them. A new proof is one more row.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "cloud-cos",
        shows: "2,000 random histories of puts, moves, restores and faults against COS: nothing lost, torn or made up",
        folder: "adapters/picora-cos",
        binary: "suite",
        filter: "history",
    },
    Proof {
        name: "cloud-oss",
        shows: "the same against OSS",
        folder: "adapters/picora-oss",
        binary: "suite",
        filter: "history",
    },
    Proof {
        name: "kill",
        shows: "50 kills of the server under 200 uploads and deletes lose, leak and double-charge nothing",
        folder: "examples/server",
        binary: "suite",
        filter: "kill",
    },
    Proof {
        name: "ledger",
        shows: "1,000,000 random histories of faults and crashes on the ledger in memory: nothing lost, doubled, stuck or overshot",
        folder: "picora-quota",
        binary: "suite",
        filter: "simulation",
    },
    Proof {
        name: "ledger-killed",
        shows: "60 kills of PostgreSQL under callers with journals: the journals are the books",
        folder: "adapters/picora-sql",
        binary: "suite",
        filter: "killed",
    },
    Proof {
        name: "ledger-sql",
        shows: "120,000 random histories on SQLite, thousands on a durable one and on PostgreSQL",
        folder: "adapters/picora-sql",
        binary: "suite",
        filter: "simulation",
    },
    Proof {
        name: "minute",
        shows: "61 uploads in a minute: the server refuses the excess, the client waits as told, each is stored once",
        folder: "examples/server",
        binary: "suite",
        filter: "client::",
    },
    Proof {
        name: "minute-cli",
        shows: "the same through the command line `picora`",
        folder: "adapters/picora-client",
        binary: "suite",
        filter: "soak",
    },
    Proof {
        name: "sagas",
        shows: "100,000 random histories of uploads, removals, faults and crashes leave nothing half done",
        folder: "picora-media",
        binary: "suite",
        filter: "simulation",
    },
    Proof {
        name: "schemathesis",
        shows: "thousands of requests that a stranger's program made of the OpenAPI document find no answer that breaks it",
        folder: "examples/server",
        binary: "suite",
        filter: "schemathesis",
    },
    Proof {
        name: "redis-script",
        shows: "2,000 random histories with wild clocks: the scripts on Redis answer what the pure rule answers",
        folder: "adapters/picora-redis",
        binary: "suite",
        filter: "the_script_is_the_rule",
    },
    Proof {
        name: "redis-killed",
        shows: "30 s without Redis under load: every decision in time, and no restart afterwards",
        folder: "adapters/picora-redis",
        binary: "suite",
        filter: "a_killed_redis",
    },
    Proof {
        name: "server-redis",
        shows: "30 s without Redis: each tier of the server keeps its mode, and recovers without a restart",
        folder: "examples/server",
        binary: "suite",
        filter: "a_redis_that_is_killed",
    },
    Proof {
        name: "testkit",
        shows: "no server, folder or port is left behind, however often a server is killed and started again",
        folder: "picora-testkit",
        binary: "real",
        filter: "soak",
    },
];

/// Runs the named proof; without a name, lists them.
pub fn run(root: &Path, name: Option<&str>) -> Outcome {
    let Some(name) = name else {
        println!("{}", list());
        return Ok(());
    };
    let proof = PROOFS.iter().find(|it| it.name == name);
    let proof = proof.ok_or_else(|| Failure(format!("no proof is called `{name}`\n{}", list())))?;
    shell::run(&mut proof.command(root))
}

impl Proof {
    fn command(&self, root: &Path) -> Command {
        let mut command = shell::cargo(root, &["test", "--release", "--all-features"]);
        command
            .arg("--manifest-path")
            .arg(format!("{}/Cargo.toml", self.folder));
        command.args([
            "--test",
            self.binary,
            "--",
            self.filter,
            "--nocapture",
            "--test-threads=1",
        ]);
        command
            .env("PICORA_SOAK", "1")
            .env("PICORA_REAL_SERVERS", "1");
        command
    }
}

fn list() -> String {
    let rows = PROOFS
        .iter()
        .map(|it| format!("  {:<13} {}", it.name, it.shows));
    format!("proofs:\n{}", rows.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_has_its_test() {
        for proof in PROOFS {
            let tests = crate::shell::root().join(proof.folder).join("tests");
            let places = [
                tests.join(proof.binary).join("main.rs"),
                tests.join(proof.binary).with_extension("rs"),
            ];
            assert!(
                places.iter().any(|it| it.exists()),
                "{}: no {places:?}",
                proof.name
            );
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let Failure(text) = run(Path::new("."), Some("no-such")).unwrap_err();
        assert!(
            text.contains("`no-such`") && text.contains("  testkit "),
            "{text}"
        );
    }
}
