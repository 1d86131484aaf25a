#!/bin/bash
# Installs the packages of a release into a root that has nothing but Debian's minimum, upgrades,
# removes and purges them.
#
#   images/tests/packages.sh           after images/deb.sh --quick
#   images/tests/packages.sh SUITE     after images/deb.sh SUITE
set -euo pipefail

checkout=$(cd "$(dirname "$0")/../.." && pwd)
if [ $# = 0 ]; then
	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	export DEBS=$checkout/target/deb
else
	suite=$1
	export DEBS=$checkout/target/$suite/deb
fi
root=$(mktemp -d)/root
trap 'rm -rf --one-file-system "$(dirname "$root")"' EXIT

. "$checkout/images/apt.sh"

ls "$DEBS"/tandem_*.deb >/dev/null || fail "there are no packages in $DEBS: images/deb.sh makes them"
debootstrap_here "$root.tar" --include=systemd \
	--customize-hook="'$checkout/images/tests/packages-in-root.sh' \"\$1\""
