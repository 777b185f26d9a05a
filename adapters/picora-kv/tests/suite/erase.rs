//! Accounts that are erased.

use picora_core::{AccountId, CalendarMonth};
use picora_quota::echo::{Echo, Slot, Snapshot};
use picora_testkit::Miniflare;
use serde_json::json;

use crate::edge::Trouble;
use crate::world::{Namespace, run, told};

/// Every key of the account goes, of past months too; another account keeps its own; and nothing late brings any back.
#[test]
fn an_erased_account_leaves_no_key_and_gets_none() {
    let namespace = Namespace::fresh();
    let now = || namespace.now();
    let (one, two) = (namespace.snapshot(1, 5), namespace.snapshot(2, 5));
    let last_month = Snapshot {
        epoch: 4,
        month: CalendarMonth::of(
            one.month
                .start()
                .saturating_sub(std::time::Duration::from_secs(1)),
        ),
        ..one
    };
    run(async {
        let echo = namespace.echo();
        echo.publish(&[last_month], now()).await.unwrap();
        namespace.pass(1);
        echo.publish(&[one, two], now()).await.unwrap();
        let early = echo.erase(&[one.account], now()).await.unwrap_err();
        assert_eq!(told(&early, now()).1, Some(1), "a key was just written");
        let late = Snapshot { epoch: 99, ..one };
        assert_eq!(echo.publish(&[late], now()).await.unwrap().superseded, 8);
        namespace.pass(1);
        echo.erase(&[one.account], now()).await.unwrap();
        echo.erase(&[one.account], now()).await.unwrap();
        assert_eq!(echo.publish(&[late], now()).await.unwrap().superseded, 8);
        namespace.pass(60);
        let gone = echo.standing(one.account, one.month, now()).await.unwrap();
        assert!(gone.is_empty());
        let other = echo.standing(two.account, two.month, now()).await.unwrap();
        assert_eq!(other.amount(Slot::Documents), Some(two.documents));
    });
    let listed = Miniflare::shared().official(&namespace.id, &json!([["list", {"prefix": ""}]]));
    let listed = listed[0]["answer"].as_array().unwrap();
    let of = |account: AccountId| {
        let account = account.to_string();
        listed
            .iter()
            .filter(|it| it["name"].as_str().unwrap().contains(&account))
            .count()
    };
    assert_eq!((of(one.account), of(two.account)), (0, 8));
}

/// KV is gone while somebody is erased: an error, nothing comes back meanwhile, and a second try does it.
#[test]
fn erasing_is_tried_again_after_trouble() {
    run(async {
        let namespace = Namespace::fresh_on_runtime().await;
        let echo = namespace.echo();
        let one = namespace.snapshot(1, 5);
        echo.publish(&[one], namespace.now()).await.unwrap();
        namespace.pass(1);
        namespace
            .edge
            .makes(Trouble::Answers(500, None, String::new()));
        assert!(echo.erase(&[one.account], namespace.now()).await.is_err());
        namespace.edge.makes(Trouble::None);
        let late = Snapshot { epoch: 9, ..one };
        let published = echo.publish(&[late], namespace.now()).await.unwrap();
        assert_eq!(published.superseded, 8);
        echo.erase(&[one.account], namespace.now()).await.unwrap();
        let key = format!("quota:doc_count:{}", one.account);
        assert_eq!(namespace.raw(&key).await, None);
    });
}
