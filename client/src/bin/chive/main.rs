//! The `chive` command.
fn main() {}
