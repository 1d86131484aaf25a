#!/usr/bin/env bash
# Installs what building, testing and the lab need and is missing, on Debian 12 or newer; with
# --machines also what virtual machines need.
set -euo pipefail

packages=(
	build-essential clang libclang-dev pkg-config git ca-certificates curl
	libdpdk-dev dpdk dpdk-dev libpcap-dev
	iproute2 iputils-ping iputils-arping nftables ethtool procps
	nginx-light dnsmasq-base bind9-dnsutils apache2-utils iperf3 traceroute
	tcpdump tshark python3 bsdextrautils prometheus valgrind
	keepalived ipvsadm
	mmdebstrap debhelper help2man lintian zstd openssl
	chromium chromium-driver fonts-inter
	bash-completion fish zsh man-db
)

# For the image in virtual machines: make image-test.
if [ "${1:-}" = --machines ]; then
	packages+=(qemu-system-x86 ovmf ipxe-qemu mtools dosfstools openssh-client nmap fdisk)
fi

# The distribution's own Rust, where there is none: Debian 12 has a current one under
# these names, Debian 13 under the plain ones.
rust_packages() {
	if apt-cache show cargo-web >/dev/null 2>&1; then
		echo "cargo-web rustc-web"
		for extra in rustfmt-web rust-web-clippy; do
			if apt-cache show "$extra" >/dev/null 2>&1; then echo "$extra"; fi
		done
	else
		echo "cargo rustc rustfmt rust-clippy"
	fi
}

missing=()
for package in "${packages[@]}"; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	if [ "$state" != installed ]; then missing+=("$package"); fi
done
# axe-core, which judges whether a page can be used by everybody, comes by npm.
axe=4.14.1
browser=$(dirname "$0")/../target/browser
wants_axe=no
if ! grep -qs "\"version\": \"$axe\"" "$browser/node_modules/axe-core/package.json"; then
	wants_axe=yes
	if ! command -v npm >/dev/null; then missing+=(npm); fi
fi
wants_rust=no
if ! command -v cargo >/dev/null; then wants_rust=yes; fi

if [ ${#missing[@]} -gt 0 ] || [ "$wants_rust" = yes ]; then
	if [ "$(id -u)" != 0 ]; then
		echo "setup: these packages are missing, and installing them takes root:" >&2
		echo "  ${missing[*]}" >&2
		echo "  run: sudo make setup" >&2
		exit 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	# Servers that come with a package must not start: the lab runs its own, elsewhere.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod +x "$policy"
		trap 'rm -f "$policy"' EXIT
	fi
	apt-get update -qq
	if [ "$wants_rust" = yes ]; then
		# shellcheck disable=SC2207
		missing+=($(rust_packages))
	fi
	echo "setup: installing ${missing[*]}"
	apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if [ "$wants_axe" = yes ]; then
	mkdir -p "$browser"
	npm install --prefix "$browser" --no-save --silent --ignore-scripts "axe-core@$axe"
fi

if ! cargo nextest --version >/dev/null 2>&1; then
	echo "setup: building cargo-nextest, which takes a few minutes"
	cargo install --quiet --locked cargo-nextest
fi
