use super::*;

fn sleeping(server: &Server, script: &str) -> Command {
    let mut command = server.command(Path::new("sh"));
    command.args(["-c", script]);
    command
}

fn has_ready_file(server: &Server) -> Ready {
    if server.folder().join("ready").exists() {
        Ready::Yes
    } else {
        Ready::NotYet
    }
}

#[test]
fn dropping_ends_the_process_and_removes_the_folder() {
    let mut server = Server::new("sleeper", None, Stop::Term);
    assert!(server.run(sleeping(&server, "touch ready; sleep 60"), has_ready_file));
    let (id, folder) = (server.id().unwrap(), server.folder().to_owned());
    assert!(runs(id) && folder.exists());
    let dropped = Instant::now();
    drop(server);
    assert!(!runs(id) && !folder.exists());
    assert!(
        dropped.elapsed() < Duration::from_secs(30),
        "it ended by itself"
    );
}

#[test]
fn a_panicking_test_leaves_nothing() {
    let (tell, told) = std::sync::mpsc::channel();
    let test = std::thread::spawn(move || {
        let mut server = Server::new("sleeper", None, Stop::Term);
        assert!(server.run(sleeping(&server, "touch ready; sleep 60"), has_ready_file));
        tell.send((server.id().unwrap(), server.folder().to_owned()))
            .unwrap();
        panic!("on purpose");
    });
    assert!(test.join().is_err());
    let (id, folder) = told.recv().unwrap();
    assert!(!runs(id) && !folder.exists());
}

#[test]
fn killing_ends_children_in_groups_of_their_own_and_keeps_the_folder() {
    let mut server = Server::new("sleeper", None, Stop::Term);
    let script = "setsid sh -c 'echo $$ > child; touch ready; exec sleep 60' & wait";
    assert!(server.run(sleeping(&server, script), has_ready_file));
    let child: u32 = fs::read_to_string(server.folder().join("child"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(runs(child));
    server.kill();
    assert!(!runs(child));
    assert!(server.id().is_none() && server.folder().exists());
}

#[test]
fn a_paused_server_is_ended_in_order_and_a_deaf_one_by_force() {
    let ended_after = |script: &str, prepare: fn(&Server)| {
        let mut server = Server::new("sleeper", None, Stop::Term);
        assert!(server.run(sleeping(&server, script), has_ready_file));
        let id = server.id().unwrap();
        prepare(&server);
        let dropped = Instant::now();
        drop(server);
        assert!(!runs(id));
        dropped.elapsed()
    };
    let paused = ended_after("touch ready; sleep 60", Server::pause);
    assert!(paused < Duration::from_secs(4), "{paused:?}");
    let deaf = "trap '' TERM; touch ready; sleep 60; sleep 60";
    let deaf = ended_after(deaf, |_| ());
    assert!(deaf < Duration::from_secs(30), "it ended by itself");
}

#[test]
fn a_server_that_ends_by_itself_is_told_with_its_log() {
    let mut server = Server::new("sleeper", None, Stop::Term);
    assert!(!server.run(sleeping(&server, "echo port taken; exit 1"), has_ready_file));
    assert_eq!(server.log(), "port taken\n");
}
