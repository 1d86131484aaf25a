#!/bin/bash
# Builds and tests this checkout on Debian 13 (DPDK 24.11, Rust 1.85), in a root of its own.
#
#   dpdk/debian-13.sh               runs the tests that need DPDK
#   dpdk/debian-13.sh COMMAND...    runs a command there, in the checkout
#
# See images/clean-root.sh and docs/debian-13.md.
set -euo pipefail

if [ $# = 0 ]; then
	set -- bash -euc '
		echo "debian-13: $(cargo --version), DPDK $(pkg-config --modversion libdpdk)"
		# As images/deb.sh --quick. What the crates of others do is not measured here.
		quick=(--config "profile.dev.package.\"*\".opt-level=0" --config profile.dev.debug=false)
		cargo nextest run --locked -p dpdk-sys -p dpdk -p dataplane "${quick[@]}" -E "not binary(process)"'
fi
exec "$(dirname "$0")/../images/clean-root.sh" trixie "$@"
