//! Performance runs in the manner of testpmd.
