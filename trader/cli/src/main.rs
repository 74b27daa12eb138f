//! trader

fn main() {}
