#!/bin/bash
# Makes the image twice of the same packages, the second time with another umask, time zone and language,
# and compares what came out. It takes as long as two images. A signature has its time and its salt: of
# the upgrade its contents are compared.
set -euo pipefail
cd "$(dirname "$0")/../.."
first=$(mktemp -d)
trap 'rm -rf "$first" target/trixie/compare' EXIT

contents() {
	mkdir -p target/trixie/compare
	cp target/image/*.raucb target/trixie/compare/upgrade.raucb
	# shellcheck disable=SC2016
	images/clean-root.sh --tools trixie bash -euc 'cd /build/compare && rm -rf upgrade &&
		unsquashfs -quiet -no-progress -d upgrade upgrade.raucb && find upgrade -type f | sort | xargs sha256sum'
}

images/image.sh "$@"
grep -v '\.raucb$' target/image/SHA256SUMS >"$first/sums"
contents >"$first/upgrade"
(
	umask 077
	export TZ=Asia/Kathmandu LC_ALL=C LANG=C
	images/image.sh "$@"
)
difference=$(diff "$first/sums" <(grep -v '\.raucb$' target/image/SHA256SUMS) || true)
difference+=$(diff "$first/upgrade" <(contents) || true)
if [ -n "$difference" ]; then
	echo "these files differ from one build to the other:" >&2
	echo "$difference" >&2
	exit 1
fi
echo "both builds have the same bytes:"
cat "$first/sums" "$first/upgrade"
