//! What the script is sent.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use redis::Cmd;
use sha1::{Digest, Sha1};

use crate::item::Item;

/// A script, as Redis knows it.
#[derive(Debug)]
pub(crate) struct Script {
    text: &'static str,
    /// Its name in Redis' cache.
    sha1: LazyLock<String>,
}

impl Script {
    /// A script of this text, whose name `digest` works out when it is first asked for.
    pub(crate) const fn new(text: &'static str, digest: fn() -> String) -> Self {
        Self {
            text,
            sha1: LazyLock::new(digest),
        }
    }

    /// The name that Redis gives the text.
    pub(crate) fn digest(&self) -> String {
        sha1(self.text)
    }
}

/// Whatever can be asked.
static ANY: Script = Script::new(include_str!("any.lua"), || ANY.digest());

/// Checks of bursts and windows, which are nearly all: the same rule in half the time.
static DECIDE: Script = Script::new(include_str!("decide.lua"), || DECIDE.digest());

fn sha1(text: &str) -> String {
    let mut hex = String::with_capacity(40);
    for byte in Sha1::digest(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}"); // a string never fails
    }
    hex
}

/// Some items of one slot, as one call.
#[derive(Debug)]
pub(crate) struct Request {
    script: &'static Script,
    arguments: Vec<Vec<u8>>,
    keys: usize,
}

impl Request {
    /// Of items that share their clock; on a cluster, of one home.
    pub(crate) fn of<'i>(items: impl Iterator<Item = &'i Item>) -> Self {
        let (mut keys, mut policies) = (Positions::default(), Positions::default());
        let (mut bytes, mut clock, mut plain) = (Vec::new(), Vec::new(), true);
        for item in items {
            plain &= item.is_plain();
            if let Some(now) = item.now {
                clock = now.unix_micros().to_string().into_bytes();
            }
            let positions: Vec<(u16, u16)> = item
                .subjects
                .iter()
                .map(|(key, policy)| (keys.of(key.as_bytes()), policies.of(policy)))
                .collect();
            item.write(&mut bytes, positions.into_iter());
        }
        let count = keys.all.len();
        let rest = [clock, bytes].into_iter().chain(policies.all);
        Self {
            script: if plain { &DECIDE } else { &ANY },
            arguments: keys.all.into_iter().chain(rest).collect(),
            keys: count,
        }
    }

    /// A call without keys or arguments yet; the keys come first.
    #[cfg(feature = "echo")]
    pub(crate) const fn to(script: &'static Script) -> Self {
        Self {
            script,
            arguments: Vec::new(),
            keys: 0,
        }
    }

    /// One more key.
    #[cfg(feature = "echo")]
    pub(crate) fn key(&mut self, key: &[u8]) {
        self.arguments.push(key.to_vec());
        self.keys += 1;
    }

    /// One more argument.
    #[cfg(feature = "echo")]
    pub(crate) fn argument(&mut self, argument: &[u8]) {
        self.arguments.push(argument.to_vec());
    }

    /// How many keys it names.
    pub(crate) const fn keys(&self) -> usize {
        self.keys
    }

    /// The call by the script's name.
    pub(crate) fn by_name(&self) -> Cmd {
        self.command("EVALSHA", &self.script.sha1)
    }

    /// The call with the script's text, for a Redis that has forgotten it.
    pub(crate) fn by_text(&self) -> Cmd {
        self.command("EVAL", self.script.text)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys);
        for argument in &self.arguments {
            command.arg(argument.as_slice());
        }
        command
    }
}

/// Positions of keys in a request, by the order of first mention; for who reads the reply.
#[derive(Debug, Default)]
pub(crate) struct Keys<'k>(HashMap<&'k str, usize>);

impl<'k> Keys<'k> {
    pub(crate) fn of(&mut self, key: &'k str) -> usize {
        let next = self.0.len();
        *self.0.entry(key).or_insert(next)
    }
}

/// Each text once, by the order of first mention.
#[derive(Debug, Default)]
struct Positions {
    all: Vec<Vec<u8>>,
    known: HashMap<Vec<u8>, u16>,
}

impl Positions {
    fn of(&mut self, text: &[u8]) -> u16 {
        if let Some(at) = self.known.get(text) {
            return *at;
        }
        let at = u16::try_from(self.all.len()).unwrap_or(u16::MAX); // a call has a few hundred
        self.all.push(text.to_vec());
        self.known.insert(text.to_vec(), at);
        at
    }
}
