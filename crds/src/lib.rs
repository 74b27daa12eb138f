//! API types of Triptych one file a kind.
