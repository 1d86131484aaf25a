#!/bin/bash
# Runs a command in a Debian root that has what building Tandem takes, and nothing else.
#
#   images/clean-root.sh SUITE COMMAND...    SUITE is bookworm (Debian 12) or trixie (Debian 13)
#   images/clean-root.sh --tools SUITE ...   without the crates: for commands that build no Rust
#
# The checkout is at /source, read-only; what is built goes to /build, which is target/SUITE of the
# checkout. Needs to be root, mmdebstrap (make setup installs it) and 2 GB of disk for each root,
# plus 3 GB in target/. A root is made once, by this machine's apt, and kept in
# /var/cache/tandem (or in $TANDEM_ROOTS). See docs/debian-13.md.
set -euo pipefail

checkout=$(cd "$(dirname "$0")/.." && pwd)
roots=${TANDEM_ROOTS:-/var/cache/tandem}
crates=yes
if [ "${1:-}" = --tools ]; then
	crates=no
	shift
fi
suite=${1:?images/clean-root.sh SUITE COMMAND...: SUITE is bookworm or trixie}
shift
root=$roots/$suite
build=$checkout/target/$suite
packages=(
	# lld-19 is of the release of LLVM that both releases' Rust 1.85 has.
	libdpdk-dev clang libclang-dev lld-19 pkgconf gcc libc6-dev
	# For the packages.
	debhelper help2man lintian
	# What the tests of the processes use.
	iproute2 mount python3
)
case $suite in
bookworm) packages+=(cargo-web rustc-web) ;;
trixie)
	packages+=(cargo rustc)
	# For the appliance's image.
	packages+=(cryptsetup-bin dosfstools e2fsprogs grub-common grub-efi-amd64-signed grub-pc-bin mtools python3-cyclonedx-lib rauc
		shim-signed squashfs-tools systemd-repart)
	;;
*)
	echo "$0: there is no root for $suite: bookworm (Debian 12) or trixie (Debian 13)" >&2
	exit 1
	;;
esac
# Another recipe makes another root.
recipe="$suite ${packages[*]}"

. "$checkout/images/apt.sh"

# Makes the root in a folder beside it and moves it into place, so that it is whole or not there.
make_root() {
	trap 'rm -rf --one-file-system "$root.new" "$root.apt.conf"' EXIT
	rm -rf --one-file-system "$root.new"
	echo "$suite: making the root $root"
	debootstrap_here "$root.new" --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --include="${packages[*]}"
	mkdir "$root.new/source" "$root.new/build"
	printf '%s\n' "$recipe" >"$root.new/.complete"
	rm -rf --one-file-system "$root"
	mv "$root.new" "$root"
}

[ "$(id -u)" = 0 ] || fail "run as root: it makes a Debian root and mounts into it"
nextest=$(command -v cargo-nextest) || fail "cargo-nextest is missing: make setup installs it"

mkdir -p "$roots" "$build/cargo"
exec 9>"$root.lock"
flock 9
if [ "$(cat "$root/.complete" 2>/dev/null)" != "$recipe" ]; then
	make_root
fi
exec 9>&-

# The crates come from this machine's cargo, whose release, registry and proxy may be others.
if [ $crates = yes ]; then
	(cd "$checkout" && cargo vendor --quiet --locked --versioned-dirs "$build/vendor" >/dev/null)
	cat >"$build/cargo/config.toml" <<-'END'
		[source.crates-io]
		replace-with = "vendored"
		[source.vendored]
		directory = "/build/vendor"
	END
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
		CARGO_INCREMENTAL=0 ${SOURCE_DATE_EPOCH:+SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH} \
		"$@"
' clean-root "$root" "$checkout" "$build" "$nextest" "$@"
