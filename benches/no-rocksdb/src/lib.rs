//! The names of RocksDB that limitador's disk storage mentions, and no database behind them.
//!
//! limitador compiles its Redis storage only together with its disk storage. The benches measure the former and never open the latter, so
//! that ten minutes of C++ are spared. To open a database is an error, as it would be on a disk that is not there.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

/// Why nothing is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error;

/// Kinds of errors that callers ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// What this crate always answers.
    NotSupported,
    /// Never.
    TimedOut,
    /// Never.
    TryAgain,
}

impl Error {
    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::NotSupported
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the benches have no RocksDB")
    }
}

impl std::error::Error for Error {}

/// A thread mode.
#[derive(Debug)]
pub struct MultiThreaded;

/// A database that cannot be opened.
#[derive(Debug)]
pub struct DBWithThreadMode<T>(PhantomData<T>);

/// As above.
pub type DB = DBWithThreadMode<MultiThreaded>;

type Entry = Result<(Box<[u8]>, Box<[u8]>), Error>;

impl<T> DBWithThreadMode<T> {
    /// Never opens.
    pub fn open(_: &Options, _: impl AsRef<Path>) -> Result<Self, Error> {
        Err(Error)
    }
    /// Never reads.
    pub fn get(&self, _: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        Err(Error)
    }
    /// Never writes.
    pub fn merge(&self, _: impl AsRef<[u8]>, _: impl AsRef<[u8]>) -> Result<(), Error> {
        Err(Error)
    }
    /// Never removes.
    pub fn delete(&self, _: impl AsRef<[u8]>) -> Result<(), Error> {
        Err(Error)
    }
    /// One error.
    pub fn iterator(&self, _: IteratorMode) -> impl Iterator<Item = Entry> {
        std::iter::once(Err(Error))
    }
    /// One error.
    pub fn prefix_iterator(&self, _: impl AsRef<[u8]>) -> impl Iterator<Item = Entry> {
        std::iter::once(Err(Error))
    }
}

/// Where to begin.
#[derive(Debug)]
pub enum IteratorMode {
    /// At the first.
    Start,
}

/// How to compress.
#[derive(Debug)]
pub enum DBCompressionType {
    /// Well.
    Bz2,
    /// Not.
    None,
}

/// What a filter says.
#[derive(Debug)]
pub enum CompactionDecision {
    /// It stays.
    Keep,
    /// It goes.
    Remove,
}

/// What is to be merged: nothing.
#[derive(Debug)]
pub struct MergeOperands;

impl<'a> IntoIterator for &'a MergeOperands {
    type Item = &'a [u8];
    type IntoIter = std::iter::Empty<&'a [u8]>;
    fn into_iter(self) -> Self::IntoIter {
        std::iter::empty()
    }
}

/// Settings that set nothing.
#[derive(Debug, Default)]
pub struct Options;

impl Options {
    /// Nothing.
    pub fn set_compression_type(&mut self, _: DBCompressionType) {}
    /// Nothing.
    pub fn create_if_missing(&mut self, _: bool) {}
    /// Nothing.
    pub fn set_compaction_filter<F>(&mut self, _: &str, _: F)
    where
        F: FnMut(u32, &[u8], &[u8]) -> CompactionDecision,
    {
    }
    /// Nothing.
    pub fn set_merge_operator_associative<F>(&mut self, _: &str, _: F)
    where
        F: Fn(&[u8], Option<&[u8]>, &MergeOperands) -> Option<Vec<u8>>,
    {
    }
}
