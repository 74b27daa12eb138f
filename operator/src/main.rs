//! triptych-operator

fn main() {}
