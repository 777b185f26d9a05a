//! The rules of the tree, in plain `cargo test --workspace`.

#[test]
fn the_tree_is_tidy() {
    let findings = xtask::tidy::check(&xtask::shell::root()).unwrap();
    let list: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(
        list.is_empty(),
        "{} findings:\n{}",
        list.len(),
        list.join("\n")
    );
}
