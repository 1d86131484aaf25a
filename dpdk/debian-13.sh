#!/bin/bash
# Builds and tests this checkout on Debian 13 (DPDK 24.11, Rust 1.85), in a root of its own.
#
#   dpdk/debian-13.sh               builds the workspace, runs the tests that need DPDK
#   dpdk/debian-13.sh COMMAND...    runs a command there, in the checkout
#
# Needs to be root, mmdebstrap (make setup installs it) and 2 GB of disk, plus 3 GB in target/.
# The root is made once, by this machine's apt, and kept in /var/cache/tandem/debian-13 (or in
# $DEBIAN_13_ROOT); what is built stays in target/debian-13. See docs/debian-13.md.
set -euo pipefail

checkout=$(cd "$(dirname "$0")/.." && pwd)
root=${DEBIAN_13_ROOT:-/var/cache/tandem/debian-13}
build=$checkout/target/debian-13
suite=trixie
packages=(
	libdpdk-dev clang libclang-dev pkg-config cargo rustc gcc libc6-dev
	# What the tests of the processes use.
	iproute2 mount python3
)
# Another recipe makes another root.
recipe="$suite ${packages[*]}"

fail() {
	echo "$0: $*" >&2
	exit 1
}

# The URI of a Debian archive in this machine's apt configuration.
mirror() {
	apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's/^Debian|//p' | head -n 1
}

# apt's options on this machine (proxies, certificates, timeouts) but those about what it
# downloads besides packages; and where it finds passwords.
apt_options() {
	apt-config dump Acquire | grep -v '^Acquire::\(IndexTargets\|Changelogs\)'
	apt-config shell netrc Dir::Etc::netrc/f netrcparts Dir::Etc::netrcparts/d |
		sed -n "s/^netrc='\(.*\)'$/Dir::Etc::netrc \"\1\";/p
			s/^netrcparts='\(.*\)'$/Dir::Etc::netrcparts \"\1\";/p"
}

# Makes the root in a folder beside it and moves it into place, so that it is whole or not there.
make_root() {
	local from options=$root.apt.conf
	from=$(mirror)
	if [ -z "$from" ]; then
		# Lists that were never fetched do not say whose they are.
		apt-get update -qq || true
		from=$(mirror)
	fi
	[ -n "$from" ] || fail "apt's configuration on this machine names no archive of Debian" \
		"(see apt-get indextargets), so there is nothing to make a Debian 13 from"
	trap 'rm -rf --one-file-system "$root.new" "$root.apt.conf"' EXIT
	rm -rf --one-file-system "$root.new"
	apt_options >"$options"
	echo "debian-13: making the root $root from $from"
	mmdebstrap --mode=root --variant=minbase --aptopt="$options" \
		--aptopt='APT::Sandbox::User "root"' --dpkgopt='force-unsafe-io' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--include="${packages[*]}" "$suite" "$root.new" "$from" ||
		fail "Debian 13 could not be installed from $from, which is the archive in this" \
			"machine's apt configuration: check that it can be reached and has the suite $suite"
	rm -f "$options"
	mkdir "$root.new/source" "$root.new/build"
	printf '%s\n' "$recipe" >"$root.new/.complete"
	rm -rf --one-file-system "$root"
	mv "$root.new" "$root"
}

[ "$(id -u)" = 0 ] || fail "run as root: it makes a Debian root and mounts into it"
command -v mmdebstrap >/dev/null || fail "mmdebstrap is missing: make setup installs it"
nextest=$(command -v cargo-nextest) || fail "cargo-nextest is missing: make setup installs it"

mkdir -p "$(dirname "$root")" "$build/cargo"
exec 9>"$root.lock"
flock 9
if [ "$(cat "$root/.complete" 2>/dev/null)" != "$recipe" ]; then
	make_root
fi
exec 9>&-

# The crates come from this machine's cargo, whose release, registry and proxy may be others.
(cd "$checkout" && cargo vendor --quiet --locked --versioned-dirs "$build/vendor" >/dev/null)
cat >"$build/cargo/config.toml" <<-'END'
	[source.crates-io]
	replace-with = "vendored"
	[source.vendored]
	directory = "/build/vendor"
END

if [ $# = 0 ]; then
	set -- bash -euc '
		echo "debian-13: $(cargo --version), DPDK $(pkg-config --modversion libdpdk)"
		cargo build --locked --workspace
		cargo nextest run --locked -p dpdk-sys -p dpdk -p dataplane -p perf'
fi
# The mounts live in a mount namespace of their own, and are gone with it. The root and the
# checkout are read-only.
# shellcheck disable=SC2016
exec unshare --mount --propagation private bash -euc '
	root=$1 checkout=$2 build=$3 nextest=$4
	shift 4
	mount --bind "$root" "$root"
	mount --bind "$checkout" "$root/source"
	mount -o remount,ro,bind "$root/source"
	mount --bind "$build" "$root/build"
	mount -t tmpfs tmpfs "$root/usr/local/bin"
	cp "$nextest" "$root/usr/local/bin/cargo-nextest"
	mount -t tmpfs tmpfs "$root/tmp"
	mount -t tmpfs tmpfs "$root/run"
	mount -t proc proc "$root/proc"
	mount --rbind /sys "$root/sys"
	mount --rbind /dev "$root/dev"
	mount -o remount,ro,bind "$root"
	exec chroot "$root" /usr/bin/env -i -C /source LANG=C.UTF-8 HOME=/build TERM="${TERM:-dumb}" \
		PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}" \
		CARGO_HOME=/build/cargo CARGO_TARGET_DIR=/build/target CARGO_NET_OFFLINE=true \
		CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only \
		"$@"
' debian-13 "$root" "$checkout" "$build" "$nextest" "$@"
