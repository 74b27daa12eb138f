//! trader-observe

fn main() {}
