#!/usr/bin/env bash
# Runs a cargo command so that the C shim becomes part of its Rust callers: clang compiles
# it to bitcode, and the linker, LLVM's as rustc brings it along, optimizes over both.
# Needs clang; Rust 1.90 or newer links with LLVM's linker by itself, an older one needs an
# lld that is as new as its LLVM.
#
#   images/bitcode.sh cargo build --release -p dataplane --target x86_64-unknown-linux-gnu
set -euo pipefail

if ! command -v clang >/dev/null; then
	echo "release: clang is missing: apt-get install clang" >&2
	exit 1
fi
# What .cargo/config.toml says is repeated, as RUSTFLAGS replaces it.
export RUSTFLAGS="-Ctarget-cpu=x86-64-v3 -Ctarget-feature=+aes -Clinker-plugin-lto ${RUSTFLAGS:-}"
export CC=clang CFLAGS="-flto ${CFLAGS:-}"
exec "$@"
