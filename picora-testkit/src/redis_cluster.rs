//! Redis Cluster.

use crate::port::free_port;
use crate::redis::{PORTS, Redis, RedisOptions};
use std::time::{Duration, Instant};

/// Three masters without replicas, each with a third of the slots, on 127.0.0.1 only.
///
/// As Redis has it by default, a cluster that misses slots answers `CLUSTERDOWN` for all keys; with the setting
/// `("cluster-require-full-coverage", "no")` the nodes that are left go on serving theirs.
///
/// Dropping it stops all nodes and removes their data.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts a fresh cluster with the default options, and waits until every node serves.
    ///
    /// **Panics** when Redis is not installed or the cluster does not form: a test that cannot run has failed.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&RedisOptions::default())
    }

    /// Starts a fresh cluster whose nodes all have these options.
    ///
    /// **Panics** as [`start`](Self::start) does.
    #[must_use]
    pub fn start_with(options: &RedisOptions) -> Self {
        let (nodes, buses): (Vec<_>, Vec<_>) = SLOTS.iter().map(|_| start_node(options)).unzip();
        let cluster = Self { nodes };
        cluster.form(&buses);
        cluster.wait_until_whole();
        cluster
    }

    /// The nodes' URLs; a client needs one of them and learns the others.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// The nodes, in the order of their slots; each one's `command` follows redirections to the others.
    #[must_use]
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// Which node holds this key, as an index into [`nodes`](Self::nodes).
    ///
    /// **Panics** when no node runs that could tell the key's slot.
    #[must_use]
    pub fn node_of(&self, key: &str) -> usize {
        let running = self.nodes.iter().find(|it| it.id().is_some());
        let running = running.expect("a cluster without nodes knows no slots");
        let slot = running.command(&["CLUSTER", "KEYSLOT", key]);
        let slot: u16 = slot.parse().expect("a slot is a number");
        let holder = SLOTS.iter().position(|(_, last)| slot <= *last);
        holder.expect("a key's slot is below 16384")
    }

    /// Kills a node (SIGKILL). The others notice after [`NODE_TIMEOUT`].
    ///
    /// **Panics** when there is no node of this index.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Starts a node again in the same folder and on the same port. When all run, waits until they serve together.
    ///
    /// Its place in the cluster is kept; its keys only with `append_only`.
    ///
    /// **Panics** when it does not start, or the cluster does not become whole.
    pub fn restart(&mut self, node: usize) {
        self.nodes[node].restart();
        if self.nodes.iter().all(|it| it.id().is_some()) {
            self.wait_until_whole();
        }
    }

    /// Gives each node its slots, and lets the first one meet the others: they then tell one another.
    fn form(&self, buses: &[u16]) {
        for (index, (node, (first, last))) in self.nodes.iter().zip(SLOTS).enumerate() {
            let epoch = (index + 1).to_string(); // equal epochs would have to be settled first
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
            let (first, last) = (first.to_string(), last.to_string());
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
        }
        for (node, bus) in self.nodes.iter().zip(buses).skip(1) {
            let (port, bus) = (node.port().to_string(), bus.to_string());
            self.nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
    }

    /// Every node must say so itself: a client may ask any of them.
    fn wait_until_whole(&self) {
        let deadline = Instant::now() + FORM;
        for node in &self.nodes {
            loop {
                let info = node.command(&["CLUSTER", "INFO"]);
                if WHOLE.iter().all(|it| info.lines().any(|line| line == *it)) {
                    break;
                }
                let late = Instant::now() > deadline;
                assert!(!late, "the cluster is not whole in {FORM:?}:\n{info}");
                std::thread::sleep(POLL);
            }
        }
    }
}

/// A node and the port on which the others reach it.
fn start_node(options: &RedisOptions) -> (Redis, u16) {
    let mut bus = 0;
    let attempts = (0..PORTS).map(|_| {
        bus = free_port();
        Redis::attempt(node_options(options.clone(), bus))
    });
    let node = Redis::first_of(attempts);
    (node, bus)
}

fn node_options(mut options: RedisOptions, bus: u16) -> RedisOptions {
    let own = [
        ("cluster-enabled", "yes".to_owned()),
        // By default the client's port + 10000, which need not exist.
        ("cluster-port", bus.to_string()),
        ("cluster-announce-ip", "127.0.0.1".to_owned()),
        ("cluster-node-timeout", NODE_TIMEOUT.as_millis().to_string()),
    ];
    // Before the caller's own: the last one counts.
    options.settings.splice(0..0, own);
    options
}

/// After this long without an answer a node counts as failed.
pub const NODE_TIMEOUT: Duration = Duration::from_secs(2);

/// First and last slot of each node, a third each.
const SLOTS: &[(u16, u16)] = &[(0, 5460), (5461, 10922), (10923, 16383)];
/// What `CLUSTER INFO` says of a whole cluster.
const WHOLE: &[&str] = &[
    "cluster_state:ok",
    "cluster_slots_ok:16384",
    "cluster_known_nodes:3",
];
/// Two seconds are usual: a node waits so long before it serves after it came back to a majority.
const FORM: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
