#!/bin/bash
# Makes Debian packages of Tandem.
#
#   images/deb.sh SUITE...             optimized, in a clean root of each release, bookworm (Debian 12)
#                                      or trixie (Debian 13); they are in target/SUITE/deb then
#   images/deb.sh --changed SUITE...   where those that are there are of another source, or quick
#   images/deb.sh --quick SUITE...     of the debug build: to try the image with
#   images/deb.sh --quick              of the programs in target/debug, for this machine's own
#                                      release, in target/deb: to look at packages
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || {
	echo "usage: images/deb.sh [--changed | --quick] SUITE... | --quick: bookworm (Debian 12), trixie (Debian 13)" >&2
	exit 1
}
version=$(cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
print(next(p["version"] for p in json.load(sys.stdin)["packages"] if p["name"] == "control"))')
# The time of the last change, so that the same source makes the same bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

how=optimized changed=no
case $1 in
--changed)
	changed=yes
	shift
	;;
--quick)
	how=quick
	shift
	# Packages of debugging symbols take as long as all the rest.
	export DEB_BUILD_OPTIONS=noautodbgsym
	[ $# -gt 0 ] || exec images/debian/build.sh "$version-1~quick" target/debug target/deb
	;;
esac
# What packages are made of: a line of its hash lies beside them.
source=$how-$(git ls-files -z -- Cargo.lock Cargo.toml README.md CHANGELOG.md control dataplane docs dpdk \
	images/deb.sh images/debian images/systemd perf tests |
	xargs -0 sha256sum 2>/dev/null | sha256sum | cut -d ' ' -f 1)

for suite in "$@"; do
	case $suite in
	bookworm) release=deb12 ;;
	trixie) release=deb13 ;;
	*) release=$suite ;;
	esac
	if [ $changed = yes ] && [ "$source" = "$(cat "target/$suite/deb/source" 2>/dev/null)" ]; then
		echo "deb: the packages in target/$suite/deb are of this source"
		continue
	fi
	if [ $how = quick ]; then
		# shellcheck disable=SC2016
		images/clean-root.sh "$suite" env DEB_BUILD_OPTIONS="$DEB_BUILD_OPTIONS" bash -euc '
			cargo build --locked -p control -p dataplane -p lab -p perf \
				--config "profile.dev.package.\"*\".opt-level=0" --config profile.dev.debug=false
			exec images/debian/build.sh "$1" /build/target/debug /build/deb
		' deb "$version-1~$release"
	else
		# The same bytes wherever the checkout and cargo's crates lie.
		# shellcheck disable=SC2016
		images/clean-root.sh "$suite" bash -euc '
			target=x86_64-unknown-linux-gnu
			export RUSTFLAGS="--remap-path-prefix=/source=tandem --remap-path-prefix=/build/vendor=crates"
			images/bitcode.sh cargo build --locked --release --target $target \
				-p control -p dataplane -p lab -p perf
			exec images/debian/build.sh "$1" /build/target/$target/release /build/deb
		' deb "$version-1~$release"
	fi
	echo "$source" >"target/$suite/deb/source"
	ls -l "target/$suite/deb/"*.deb
done
