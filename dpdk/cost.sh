#!/usr/bin/env bash
# What a fast path's use of DPDK costs: instructions and calls of the same functions in C
# (gcc -O3 with DPDK's own flags), in Rust, and in Rust with the shim as bitcode (as
# `make release` builds it). See docs/dpdk-cost.md.
set -euo pipefail
cd "$(dirname "$0")/.."

target=x86_64-unknown-linux-gnu
folder=${CARGO_TARGET_DIR:-target}/cost
mkdir -p "$folder"

# shellcheck disable=SC2046
gcc -O3 -c $(pkg-config --cflags libdpdk) dpdk/examples/cost.c -o "$folder/c.o"
cargo build --quiet --release -p dpdk --example cost
images/bitcode.sh cargo build --quiet --release -p dpdk --example cost --target "$target" \
	--target-dir "$folder/lto"

# Instructions up to the end of the function without padding, and calls, direct ones and
# through pointers, tail calls among them.
count() {
	objdump -d --no-show-raw-insn "$1" | awk -v name="$2" '
		/^[0-9a-f]+ <.*>:$/ { inside = index($0, name) && !index($0, "cold"); next }
		inside && NF && $2 !~ /^(nop|nopw|nopl|int3|data16|cs|xchg)$/ {
			instructions++
			if ($2 ~ /^call/) calls++
			if ($2 ~ /^jmp/ && ($3 ~ /^\*/ || ($4 != "" && $4 !~ name))) calls++
		}
		END { printf "%d instructions, %d calls", instructions, calls }'
}

printf '%-10s %-28s %-28s %s\n' "" C Rust "Rust, bitcode"
for function in receive transmit alloc free read prefetch; do
	printf '%-10s %-28s %-28s %s\n' "$function" \
		"$(count "$folder/c.o" "cost_$function")" \
		"$(count "${CARGO_TARGET_DIR:-target}/release/examples/cost" "cost_$function")" \
		"$(count "$folder/lto/$target/release/examples/cost" "cost_$function")"
done
