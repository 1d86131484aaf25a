#!/usr/bin/env bash
# Runs the lab's scenarios in two labs side by side, as they wait more than they compute. Each lab
# has a network, processes and a /run of its own, so that neither sees the other.
#
#   tests/lab.sh [FILTER]     FILTER: of nextest, which scenarios; all that are no virtual machine's
set -euo pipefail
cd "$(dirname "$0")/.."

labs=2
filter=${1:-'package(lab) & not binary(image)'}

# What is run is built once, before.
cargo nextest run --workspace --no-run

lab() {
	unshare --net --mount --pid --fork --mount-proc bash -euo pipefail -c '
		mount -t tmpfs tmpfs /run
		mkdir /run/netns /run/lock
		ip link set lo up
		result=0
		cargo nextest run --workspace -E "$1" --partition "slice:$2" || result=$?
		target/debug/tandem-lab down
		exit "$result"
	' lab "$filter" "$1/$labs" 2>&1 | sed -u "s/^/lab $1: /"
}

# The kernel's queues between the namespaces are the machine's own (tests/src/queues.rs).
queues=/proc/sys/net/core/netdev_max_backlog
before=$(<"$queues")
trap 'echo "$before" > "$queues"' EXIT
echo 20000 > "$queues"

started=()
for number in $(seq "$labs"); do
	lab "$number" &
	started+=($!)
done
failed=0
for job in "${started[@]}"; do
	wait "$job" || failed=1
done
exit "$failed"
