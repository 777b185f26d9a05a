//! Two hundred uploads and deletions at once, from a seed.

use std::time::Duration;

use picora_core::MediaKind;
use picora_server::routes::resource::collection;
use reqwest::Client;
use reqwest::multipart::{Form, Part};
use sha2::{Digest, Sha256};

use crate::world::Account;

/// Chance from a seed: `PICORA_SEED` repeats a run's choices.
pub(crate) struct Load {
    pub(crate) seed: u64,
    state: u64,
}

/// One request that is going to be sent.
pub(crate) enum Operation {
    Upload {
        owner: usize,
        secret: String,
        kind: MediaKind,
        file: Vec<u8>,
        sha256: String,
    },
    Remove {
        secret: String,
        kind: MediaKind,
        id: String,
    },
}

/// What became of it, as its client knows.
pub(crate) enum Sent {
    Stored {
        id: String,
        owner: usize,
        kind: MediaKind,
        sha256: String,
    },
    Removed(String),
    NotFound(String),
    RemovalLost(String),
    UploadLost,
}

impl Load {
    pub(crate) fn seeded() -> Self {
        let given = std::env::var("PICORA_SEED").ok();
        let given = given.map(|text| {
            u64::from_str_radix(text.trim_start_matches("0x"), 16)
                .expect("PICORA_SEED is hexadecimal")
        });
        let seed = given.unwrap_or_else(|| {
            let mut bytes = [0; 8];
            getrandom::fill(&mut bytes).unwrap();
            u64::from_le_bytes(bytes) | 1
        });
        Self { seed, state: seed }
    }

    /// Xorshift: good enough to choose by.
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most as u64).unwrap()
    }

    /// When to kill: after so many of the two hundred answers, and a little later.
    pub(crate) fn moment(&mut self) -> (u32, Duration) {
        let answers = u32::try_from(self.below(200)).unwrap();
        (answers, Duration::from_micros(self.below(30_000) as u64))
    }

    /// Two hundred operations; deletions are of what is there, each once.
    pub(crate) fn round(
        &mut self,
        accounts: &[Account],
        mut there: Vec<(usize, MediaKind, String)>,
    ) -> Vec<Operation> {
        let operations = (0..200).map(|number| {
            if number % 3 == 0 && !there.is_empty() {
                let (owner, kind, id) = there.swap_remove(self.below(there.len()));
                let secret = accounts[owner].secret.clone();
                Operation::Remove { secret, kind, id }
            } else {
                let owner = self.below(accounts.len());
                let (kind, file) = self.file(number);
                let secret = accounts[owner].secret.clone();
                Operation::Upload {
                    owner,
                    secret,
                    kind,
                    sha256: hex_sha256(&file),
                    file,
                }
            }
        });
        operations.collect()
    }

    /// Mostly small ones; two of a round have 10 MB, and some documents are equal.
    fn file(&mut self, number: usize) -> (MediaKind, Vec<u8>) {
        let chance = self.next();
        let (kind, magic, bytes) = match number {
            100 | 101 => (MediaKind::Image, &b"\x89PNG\r\n\x1a\n"[..], 10_000_000),
            _ if chance.is_multiple_of(5) => {
                let text = format!("# Document {}\n", chance % 200);
                return (MediaKind::Document, text.into_bytes());
            }
            _ if chance.is_multiple_of(7) => (
                MediaKind::Audio,
                &b"RIFF\x24\0\0\0WAVEfmt "[..],
                self.below(60_000),
            ),
            _ => (MediaKind::Image, &b"GIF89a"[..], self.below(60_000)),
        };
        let mut file = magic.to_vec();
        file.extend(self.next().to_le_bytes()); // no two are equal
        file.resize(bytes.max(file.len()), 0x2a);
        (kind, file)
    }
}

impl Operation {
    pub(crate) async fn run(self, client: Client, url: String) -> Sent {
        match self {
            Self::Upload {
                owner,
                secret,
                kind,
                file,
                sha256,
            } => {
                let form = Form::new().part("file", Part::bytes(file));
                let request = client.post(format!("{url}/v1/{}", collection(kind)));
                let sent = request.bearer_auth(secret).multipart(form).send().await;
                match told(sent).await {
                    Some((200 | 201, answer)) => Sent::Stored {
                        id: answer["data"]["id"].as_str().unwrap().to_owned(),
                        owner,
                        kind,
                        sha256,
                    },
                    None => Sent::UploadLost,
                    Some(other) => panic!("an upload was answered {other:?}"),
                }
            }
            Self::Remove { secret, kind, id } => {
                let request = client.delete(format!("{url}/v1/{}/{id}", collection(kind)));
                match told(request.bearer_auth(secret).send().await).await {
                    Some((200, _)) => Sent::Removed(id),
                    Some((404, _)) => Sent::NotFound(id),
                    None => Sent::RemovalLost(id),
                    Some(other) => panic!("a deletion was answered {other:?}"),
                }
            }
        }
    }
}

/// Status and body, when both came whole.
async fn told(sent: reqwest::Result<reqwest::Response>) -> Option<(u16, serde_json::Value)> {
    let response = sent.ok()?;
    let status = response.status().as_u16();
    Some((status, response.json().await.ok()?))
}

/// The SHA-256 as answers write it.
pub(crate) fn hex_sha256(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
