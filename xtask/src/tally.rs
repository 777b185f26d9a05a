//! Tests passed and failed, read off what the test harness prints.

use std::fmt;

/// The sum over all suites.
///
/// ```
/// let mut tally = xtask::tally::Tally::default();
/// tally.read("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
/// tally.read("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s");
/// assert_eq!(tally.to_string(), "4 passed, 2 failed");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Adds a suite's result line; any other line says nothing.
    pub fn read(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        self.passed += number_before(" passed", result);
        self.failed += number_before(" failed", result);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)
    }
}

fn number_before(word: &str, result: &str) -> u64 {
    let before = result.split(word).next().unwrap_or_default();
    let digits = before.rsplit(' ').next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lines_say_nothing() {
        let mut tally = Tally::default();
        tally.read("test books::tests::it_counts ... ok");
        tally.read("running 3 tests");
        tally.read("my test result: ok. 9 passed; 9 failed");
        assert_eq!(tally, Tally::default());
    }
}
