//! Somebody between the adapter and the cloud, who reads along and may change a byte.

use std::sync::{Arc, Mutex};

use picora_r2::R2;
use picora_testcloud::Cloud;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::open;

/// What an answer has, and what comes instead of it; of the same length.
pub(crate) type Change = Option<(&'static str, &'static str)>;

/// The adapter before the cloud, with somebody between who writes down all that is asked.
pub(crate) async fn listening(cloud: &Cloud, change: Change) -> (R2, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (here, there) = (listener.local_addr().unwrap(), cloud.port());
    let asked = Arc::new(Mutex::new(String::new()));
    let written = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(("127.0.0.1", there)).await.unwrap();
            let (from_near, to_near) = near.into_split();
            let (from_far, to_far) = far.into_split();
            let written = Arc::clone(&written);
            let note = move |bytes: &mut [u8]| {
                written
                    .lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(bytes));
            };
            tokio::spawn(handed_on(from_near, to_far, note));
            tokio::spawn(handed_on(from_far, to_near, move |bytes| {
                changed(bytes, change)
            }));
        }
    });
    let store = open(cloud, |config| {
        config.endpoint = format!("http://{here}").parse().unwrap();
    });
    (store, asked)
}

async fn handed_on(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    seen: impl Fn(&mut [u8]),
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        seen(&mut buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

fn changed(bytes: &mut [u8], change: Change) {
    let Some((old, new)) = change else { return };
    let at = bytes.windows(old.len()).position(|it| it == old.as_bytes());
    if let Some(at) = at {
        bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
}
