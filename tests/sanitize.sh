#!/usr/bin/env bash
# Runs the tests of all that parses or owns memory under AddressSanitizer, and the fuzzers
# for a while. The stable toolchain carries the sanitizer's runtime; RUSTC_BOOTSTRAP lets
# it take the flag.
#
#   tests/sanitize.sh            both
#   FUZZ_RUNS=0 tests/sanitize.sh    the tests alone
set -euo pipefail
cd "$(dirname "$0")/.."

target=x86_64-unknown-linux-gnu
# RUSTFLAGS replaces what .cargo/config.toml says, so that is repeated here.
flags="-Ctarget-cpu=x86-64-v3 -Ctarget-feature=+aes -Zsanitizer=address -Cforce-frame-pointers"
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target-sanitize}

# DPDK keeps what it allocated once until the process ends, which is no leak of ours: that
# every mbuf comes back is what its tests count.
export ASAN_OPTIONS=detect_leaks=0

# A tandem-control that runs keeps all its memory resident, which no machine can with the
# sanitizer's terabytes of shadow: the tests that start it as a program are left out.
starts_control='package(control) & binary(pair)'

echo "sanitize: tests of wire, nat, dpdk, dataplane, configuration, importer and control socket"
RUSTFLAGS=$flags cargo nextest run --target "$target" \
	-p wire -p nat -p dpdk -p dataplane -p config -p import -p api -p control --no-fail-fast \
	-E "not ($starts_control)"

runs=${FUZZ_RUNS:-2000000}
if [ "$runs" -gt 0 ]; then
	echo "sanitize: fuzzing the parsers of frames and of old configurations, $runs runs"
	coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
	coverage+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
	coverage+=" -Cllvm-args=-sanitizer-coverage-pc-table"
	coverage+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
	for fuzz in dataplane/wire/fuzz control/import/fuzz; do
		RUSTFLAGS="$flags $coverage --cfg fuzzing" cargo build --release \
			--manifest-path "$fuzz/Cargo.toml" --target "$target"
		# A file is longer than a frame, takes longer, and begins as one that somebody wrote.
		length=2048 times=$runs
		corpus=()
		if [ "$fuzz" = control/import/fuzz ]; then
			length=8192 times=$((runs / 20))
			mkdir -p "$CARGO_TARGET_DIR/corpus"
			corpus=("$CARGO_TARGET_DIR/corpus" control/import/tests/files/*/)
		fi
		for fuzzer in "$fuzz"/fuzz_targets/*.rs; do
			name=$(basename "$fuzzer" .rs)
			"$CARGO_TARGET_DIR/$target/release/$name" -runs="$times" -max_len="$length" -verbosity=0 \
				-timeout=10 -print_final_stats=1 "${corpus[@]}" 2>&1 | grep -v '^"\|^#####'
		done
	done
fi
echo "sanitize: nothing found"
