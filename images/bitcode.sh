#!/usr/bin/env bash
# Runs a cargo command so that the C shim becomes part of its Rust callers: clang compiles
# it to bitcode, and the linker, LLVM's as rustc brings it along, optimizes over both.
# Needs clang; Rust 1.90 or newer links with LLVM's linker by itself, an older one needs the lld
# of its LLVM's release (Debian: lld-19 for Rust 1.85).
#
#   images/bitcode.sh cargo build --release -p dataplane --target x86_64-unknown-linux-gnu
set -euo pipefail

if ! command -v clang >/dev/null; then
	echo "release: clang is missing: apt-get install clang" >&2
	exit 1
fi
# Debian keeps each release of LLVM in a folder of its own.
llvm=/usr/lib/llvm-$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')/bin
if [ -x "$llvm/ld.lld" ]; then
	RUSTFLAGS="-Clink-arg=-B$llvm -Clink-arg=-fuse-ld=lld ${RUSTFLAGS:-}"
fi
# What .cargo/config.toml says is repeated, as RUSTFLAGS replaces it.
export RUSTFLAGS="-Ctarget-cpu=x86-64-v3 -Ctarget-feature=+aes -Clinker-plugin-lto ${RUSTFLAGS:-}"
export CC=clang CFLAGS="-flto ${CFLAGS:-}"
exec "$@"
