use crate::leftovers::assert_gone;
use picora_testkit::{Redis, RedisOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn append_only() -> RedisOptions {
    RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    }
}

#[test]
fn the_shared_server_answers_and_is_one() {
    let server = Redis::shared();
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
    assert_eq!(server.command(&["SET", "shared:here", "42"]), "OK");
    assert_eq!(Redis::shared().command(&["GET", "shared:here"]), "42");
    assert_eq!(server.command(&["EVAL", "return {1, 2}", "0"]), "1\n2");
    assert_eq!(server.command(&["GET", "shared:absent"]), "");
}

#[test]
fn it_listens_on_loopback_alone_on_a_port_of_its_own_and_keeps_no_snapshots() {
    let server = Redis::shared();
    let shown = |setting: &str| server.command(&["CONFIG", "GET", setting]);
    assert_eq!(shown("bind"), "bind\n127.0.0.1");
    assert_eq!(shown("port"), format!("port\n{}", server.port()));
    assert_ne!(server.port(), 6379);
    assert_eq!(shown("save"), "save");
    assert_eq!(shown("appendonly"), "appendonly\nno");
    let folder = server.folder().canonicalize().unwrap();
    assert_eq!(shown("dir"), format!("dir\n{}", folder.display()));
}

#[test]
fn options_reach_the_server() {
    let settings = vec![("maxmemory", "3mb".to_owned())];
    let server = Redis::start_with(RedisOptions {
        settings,
        ..append_only()
    });
    let shown = |setting: &str| server.command(&["CONFIG", "GET", setting]);
    assert_eq!(shown("maxmemory"), "maxmemory\n3145728");
    assert_eq!(shown("appendonly"), "appendonly\nyes");
}

#[test]
#[should_panic(expected = "`SET k`: ERR wrong number of arguments")]
fn an_error_is_a_panic_with_its_words() {
    Redis::shared().command(&["SET", "k"]);
}

#[test]
fn a_killed_server_keeps_what_it_answered_when_append_only_and_its_url() {
    let mut server = Redis::start_with(append_only());
    let url = server.url();
    for n in 1..=100 {
        let counted = server.command(&["EVAL", "return redis.call('INCR', 'n')", "0"]);
        assert_eq!(counted, n.to_string());
        if n % 50 == 0 {
            server.kill();
            assert!(server.id().is_none());
            server.restart();
        }
    }
    assert_eq!(server.url(), url);
    assert_eq!(server.command(&["GET", "n"]), "100");
}

#[test]
fn a_killed_server_comes_back_empty_when_not() {
    let mut server = Redis::start();
    server.command(&["SET", "k", "v"]);
    let script = server.command(&["SCRIPT", "LOAD", "return 1"]);
    server.kill();
    server.restart();
    assert_eq!(server.command(&["DBSIZE"]), "0");
    assert_eq!(server.command(&["SCRIPT", "EXISTS", &script]), "0");
}

#[test]
fn a_paused_server_is_silent_and_then_does_what_was_asked() {
    let server = Redis::start();
    server.pause();
    let mut client = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    client.write_all(b"INCR n\r\n").unwrap();
    let soon = Duration::from_millis(200);
    client.set_read_timeout(Some(soon)).unwrap();
    let mut answer = [0; 4];
    assert!(client.read(&mut answer).is_err(), "it answered");
    server.resume();
    client
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b":1\r\n");
}

#[test]
fn dropping_leaves_nothing_also_after_a_kill_and_while_paused() {
    let leave = |prepare: fn(&mut Redis)| {
        let mut server = Redis::start_with(append_only());
        let (id, folder) = (server.id().unwrap(), server.folder().to_owned());
        prepare(&mut server);
        let dropped = Instant::now();
        drop(server);
        assert_gone(id, &folder);
        // The keeper kills after five seconds what did not end in order.
        assert!(dropped.elapsed() < Duration::from_secs(4), "it hung");
    };
    leave(|_| ());
    leave(Redis::kill);
    leave(|server| server.pause());
}
