//! The messages between dataplane, control and command line.
