use crate::leftovers::assert_gone;
use picora_testkit::{Redis, RedisCluster, RedisOptions};
use std::time::{Duration, Instant};

/// A key of each node, in their order; found by trying, so that nothing here knows how slots are computed.
fn key_per_node(cluster: &RedisCluster) -> Vec<String> {
    let keys = (0..3).map(|node| {
        let mut tried = (0..).map(|n| format!("{{user-{n}}}:hour"));
        tried.find(|key| cluster.node_of(key) == node).unwrap()
    });
    keys.collect()
}

#[test]
fn a_tagged_key_is_answered_through_every_node_and_held_by_one() {
    let cluster = RedisCluster::start();
    assert_eq!(cluster.urls().len(), 3);
    for (holder, key) in key_per_node(&cluster).iter().enumerate() {
        for (n, node) in cluster.nodes().iter().enumerate() {
            assert_eq!(node.command(&["INCR", key]), (n + 1).to_string(), "{key}");
        }
        let mates = ["{", key.split(['{', '}']).nth(1).unwrap(), "}:day"].concat();
        assert_eq!(cluster.node_of(&mates), holder, "a tag is one slot");
        let script = "redis.call('INCR', KEYS[1]) return redis.call('INCR', KEYS[2])";
        let both = cluster.nodes()[0].command(&["EVAL", script, "2", key, &mates]);
        assert_eq!(both, "1");
        let held = cluster.nodes()[holder].command(&["KEYS", "*"]);
        let mut held: Vec<_> = held.lines().collect();
        held.sort_unstable();
        assert_eq!(held, [&mates, key], "each node holds its own pair alone");
    }
}

#[test]
fn a_killed_node_is_missed_and_comes_back_with_its_slots_and_its_keys() {
    let settings = vec![("cluster-require-full-coverage", "no".to_owned())];
    let mut cluster = RedisCluster::start_with(&RedisOptions {
        append_only: true,
        settings,
    });
    let (keys, urls) = (key_per_node(&cluster), cluster.urls());
    for key in &keys {
        cluster.nodes()[0].command(&["SET", key, "kept"]);
    }
    cluster.kill(1);
    wait_until(|| {
        cluster.nodes()[0]
            .command(&["CLUSTER", "INFO"])
            .contains("cluster_slots_fail:5462")
    });
    assert_eq!(cluster.nodes()[2].command(&["GET", &keys[0]]), "kept");
    cluster.restart(1);
    assert_eq!(cluster.urls(), urls);
    for key in &keys {
        assert_eq!(cluster.nodes()[0].command(&["GET", key]), "kept");
    }
}

#[test]
fn dropping_leaves_no_node() {
    let cluster = RedisCluster::start();
    let node = |it: &Redis| (it.id().unwrap(), it.folder().to_owned());
    let nodes: Vec<_> = cluster.nodes().iter().map(node).collect();
    drop(cluster);
    for (id, folder) in nodes {
        assert_gone(id, &folder);
    }
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "it never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}
