//! The appliance's image in virtual machines, with the lab's clients and servers around them.
//!
//! `make image` makes what is tested here; `make image-test` runs all of it, and the smoke is part
//! of `make test`.

mod smoke;
