//! The development commands of Picora, as a library so that plain `cargo test` can run [`tidy`] too.
//!
//! **Decides** what "tested" means: the phases of `cargo xtask test`, the heavy proofs beside it, and the rules of the
//! tree that a compiler does not know.
//!
//! **Must not know** any product rule. It starts programs, reads what they print, and adds up.
//!
//! | module | noun |
//! |---|---|
//! | [`shell`] | one command, shown and run |
//! | [`phases`], [`tally`] | seconds per phase; tests passed and failed |
//! | [`debian`], [`tool`], [`python`], [`npm`] | what has to be installed: packages of Debian, programs of cargo, of Python and of npm |
//! | [`mod@test`], [`mod@bench`], [`soak`], [`weekly`] | the commands |
//! | [`tidy`] | the rules of the tree |

pub mod bench;
pub mod debian;
pub mod footprint;
pub mod npm;
pub mod phases;
pub mod python;
pub mod shell;
pub mod soak;
pub mod tally;
pub mod test;
pub mod tidy;
pub mod tool;
pub mod weekly;

pub use shell::{Failure, Outcome};
