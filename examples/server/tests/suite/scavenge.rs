//! Objects that belong to nobody: few go by themselves, many when an operator says so.

use std::fs::File;
use std::time::{Duration, SystemTime};

use picora_core::{AccountId, AssetId, MediaKind};
use picora_storage::ObjectKey;

use crate::child::Place;
use crate::world::files_below;

/// So many, years old.
fn plant(place: &Place, many: u8) {
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for number in 0..many {
        let id = AssetId::from_bytes(MediaKind::Image, [number; 16]);
        let key = ObjectKey::new(AccountId::from_bytes([7; 16]), id).to_string();
        let path = place.data().join("objects/objects").join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = File::create(path).unwrap();
        file.set_modified(old).unwrap();
    }
}

/// As after a dump was restored that is older than they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_does_not_remove_nearly_all_there_is() {
    let place = Place::new("").serve().await.kill().await;
    plant(&place, 101);
    let held = |place: &Place| files_below(&place.data().join("objects")).count();
    let child = place.serve().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let beside = child.place.run(&["storage", "scavenge", "--force"]);
    crate::start::is_one_sentence(&beside, &["is in use by another server"]);
    child.terminate();
    let (_, log, place) = child.ended().await;
    assert_eq!(held(&place), 101, "{log}");
    let named = "storage scavenge --force";
    assert!(log.contains("strays=101") && log.contains(named), "{log}");

    let asked = place.run(&["storage", "scavenge"]);
    let told = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert_eq!(asked.status.code(), Some(1), "{asked:?}");
    assert!(
        told.starts_with("Of 101 objects 101 belong to nobody"),
        "{told}"
    );
    assert_eq!(held(&place), 101);
    let forced = place.run(&["storage", "scavenge", "--force", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&forced.stdout).unwrap();
    let all = serde_json::json!({"seen": 101, "strays": 101, "removed": 101, "braked": false});
    assert_eq!((forced.status.code(), told), (Some(0), all));
    assert_eq!(held(&place), 0);

    plant(&place, 3);
    let few = place.run(&["storage", "scavenge"]);
    assert_eq!((few.status.code(), held(&place)), (Some(0), 0), "{few:?}");
}
