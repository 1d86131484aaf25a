#!/bin/bash
# Builds and tests this checkout on Debian 13 (DPDK 24.11, Rust 1.85), in a root of its own.
#
#   dpdk/debian-13.sh ROOT          makes ROOT if it is not there, then builds and tests
#   dpdk/debian-13.sh ROOT SHELL... makes ROOT if it is not there, then runs a command in it
#
# Needs to be root, 4 GB of disk and debootstrap (apt-get install debootstrap). The checkout
# is mounted read-only; what is built stays in ROOT/build. To be rid of it: rm -rf ROOT.
# See docs/debian-13.md.
set -euo pipefail

root=${1:?usage: $0 ROOT [COMMAND...]}
shift
source=$(cd "$(dirname "$0")/.." && pwd)
mirror=${MIRROR:-http://deb.debian.org/debian}
packages=libdpdk-dev,clang,libclang-dev,pkg-config,cargo,rustc,rustfmt,rust-clippy,gcc,libc6-dev,git,make,ca-certificates

if [ "$(id -u)" != 0 ]; then
	echo "$0: run as root: it makes a Debian root and mounts into it" >&2
	exit 2
fi
if ! command -v debootstrap >/dev/null; then
	echo "$0: debootstrap is missing: apt-get install debootstrap" >&2
	exit 2
fi

if [ ! -e "$root/.complete" ]; then
	debootstrap --variant=minbase --include="$packages" trixie "$root" "$mirror"
	touch "$root/.complete"
fi
root=$(cd "$root" && pwd)
mkdir -p "$root/source" "$root/build"
# A network whose proxy signs for others is trusted inside as it is outside.
if [ -n "${SSL_CERT_FILE:-}" ]; then
	cp "$SSL_CERT_FILE" "$root/etc/ssl/certs/ca-certificates.crt"
fi
cp /etc/resolv.conf /etc/hosts "$root/etc/"

# The mounts live in a mount namespace of their own, and are gone with it.
if [ $# = 0 ]; then
	set -- bash -euxc '
		cargo --version; rustc --version; pkg-config --modversion libdpdk
		cargo test --locked -p dpdk-sys -p dpdk
		cargo check --locked --workspace'
fi
# shellcheck disable=SC2016
exec unshare --mount --propagation private bash -euc '
	root=$1 source=$2
	shift 2
	mount --bind "$source" "$root/source"
	mount -o remount,ro,bind "$root/source"
	mount -t proc proc "$root/proc"
	mount --rbind /sys "$root/sys"
	mount --rbind /dev "$root/dev"
	exec chroot "$root" /usr/bin/env -C /source \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		CARGO_HOME=/build/cargo CARGO_TARGET_DIR=/build/target \
		SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
		${https_proxy:+https_proxy="$https_proxy"} ${http_proxy:+http_proxy="$http_proxy"} \
		"$@"
' debian-13 "$root" "$source" "$@"
