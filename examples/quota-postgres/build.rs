//! Lets cargo see a new migration: the macro that embeds the folder cannot.
fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
