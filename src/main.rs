//! Exit code in, nothing else.

fn main() {}
