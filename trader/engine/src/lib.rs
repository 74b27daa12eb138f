//! The engine market events in, candidate trades with every rule's verdict out.
