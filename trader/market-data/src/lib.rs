//! Market data the venue's public streams, recordings, the generator and the tape server.
