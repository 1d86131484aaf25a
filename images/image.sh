#!/bin/bash
# Makes the appliance's image, of the packages for Debian 13 that images/deb.sh has made.
#
#   images/image.sh            in target/image: the disk, the upgrade, the files for network boot,
#                              the bill of materials and SHA256SUMS. The versions of Debian's
#                              packages are those of images/appliance/packages.lock
#   images/image.sh --lock     with the newest versions, which go into the lock
#   images/image.sh --quick    with the newest versions, quickly and larger: to try it
#
# Upgrades are signed with the key and certificate in $TANDEM_KEYS (upgrade.key, upgrade.crt), by
# default target/keys, where they are made once.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/.." && pwd)
cd "$checkout"
suite=trixie root=$checkout/target/image/work/root

. images/apt.sh

locked=yes LEVEL=19
case ${1:-} in
--lock) locked=no ;;
--quick) locked=no LEVEL=1 ;;
"") ;;
*) fail "usage: images/image.sh [--lock | --quick]" ;;
esac
[ "$(id -u)" = 0 ] || fail "run as root: it makes a Debian root"
PACKAGE=$(ls target/trixie/deb/tandem_*.deb 2>/dev/null) ||
	fail "there is no package for Debian 13: images/deb.sh trixie makes it"
PACKAGE=$checkout/$PACKAGE
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
VERSION=$(dpkg-deb --field "$PACKAGE" Version | sed 's/-1~deb13$//; s/-1~/+/')
VERSION=$VERSION+$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)
export SOURCE_DATE_EPOCH VERSION LEVEL

work=$checkout/target/trixie/image
cache=${TANDEM_ROOTS:-/var/cache/tandem}/archives
keys=${TANDEM_KEYS:-$checkout/target/keys}
lock=images/appliance/packages.lock
mkdir -p "$work/keys" "$cache" "$keys" target/image "$(dirname "$root")"
if [ ! -f "$keys/upgrade.key" ]; then
	echo "image: making a key for upgrades in $keys"
	openssl req -x509 -newkey rsa:4096 -nodes -days 7300 -subj "/CN=Tandem upgrades" \
		-addext "keyUsage=digitalSignature" -keyout "$keys/upgrade.key" -out "$keys/upgrade.crt" 2>/dev/null
	chmod 600 "$keys/upgrade.key"
fi
install -m 600 "$keys/upgrade.key" "$keys/upgrade.crt" "$work/keys/"
export PACKAGE OUTPUT=$work KEYRING=$keys/upgrade.crt

# The versions of the lock come before newer ones; whether they were there is looked at below.
preferences=$work/preferences
: >"$preferences"
if [ $locked = yes ]; then
	while read -r name version; do
		printf 'Package: %s\nPin: version %s\nPin-Priority: 1001\n\n' "$name" "$version"
	done < <(grep -v '^#' "$lock") >"$preferences"
fi
packages=$(grep -v '^#' images/appliance/packages | xargs)

# Modules of the kernel that a router has no use for.
exclude=()
for path in sound drivers/gpu drivers/media drivers/staging drivers/net/wireless drivers/isdn \
	drivers/input/joystick drivers/iio drivers/bluetooth net/bluetooth drivers/infiniband/ulp \
	drivers/gnss drivers/nfc drivers/comedi drivers/firewire fs/ocfs2 fs/ceph fs/smb fs/gfs2 fs/btrfs \
	fs/xfs fs/f2fs fs/bcachefs fs/jfs fs/nilfs2 fs/reiserfs fs/ntfs3 fs/afs fs/orangefs; do
	exclude+=("--dpkgopt=path-exclude=/usr/lib/modules/*/kernel/$path/*" "--dpkgopt=path-exclude=/lib/modules/*/kernel/$path/*")
done
for path in doc man info locale lintian bug; do
	exclude+=("--dpkgopt=path-exclude=/usr/share/$path/*")
done

echo "image: the root"
debootstrap_here "$work/root.tar" --quiet --include="$packages" "${exclude[@]}" \
	--dpkgopt=force-confold \
	--skip=download/empty --skip=essential/unlink \
	--setup-hook="mkdir -p \"\$1/var/cache/apt/archives\" \"\$1/etc/apt/preferences.d\" && \
		cp \"$preferences\" \"\$1/etc/apt/preferences.d/lock\"" \
	--setup-hook="find \"$cache\" -name '*.deb' -exec cp -t \"\$1/var/cache/apt/archives\" {} +" \
	--essential-hook="cp -r images/appliance/root/. \"\$1/\"" \
	--customize-hook="find \"\$1/var/cache/apt/archives\" -name '*.deb' -exec cp -n -t \"$cache\" {} +" \
	--customize-hook="images/appliance/finish.sh \"\$1\""

tandem=$(sed -n 's/^tandem //p' "$work/versions")
grep -v '^tandem ' "$work/versions" >"$work/versions.debian"
if [ "${1:-}" = --lock ]; then
	{
		echo "# The versions of Debian's packages in the image: images/image.sh --lock writes them."
		cat "$work/versions.debian"
	} >"$lock"
elif [ $locked = yes ] && ! difference=$(diff <(grep -v '^#' "$lock") "$work/versions.debian"); then
	printf '%s\n' "$difference" >&2
	fail "the archive does not have the versions of $lock (<), but others (>). Take the newest" \
		"ones: images/image.sh --lock"
fi

cargo tree --locked -p control -p dataplane -e normal --target x86_64-unknown-linux-gnu --prefix none \
	--no-dedupe --format '{p}|{l}' | grep . | LC_ALL=C sort -u >"$work/crates"
images/clean-root.sh --tools trixie env VERSION="$VERSION" LEVEL="$LEVEL" \
	images/appliance/assemble.sh /build/image

name=tandem-$VERSION
rm -rf target/image/* && mkdir -p target/image/netboot
zstd --quiet --rm -3 "$work/disk.img" -o "target/image/$name.img.zst"
mv "$work/upgrade.raucb" "target/image/$name.raucb"
mv "$work"/netboot/* target/image/netboot/
for format in cdx spdx; do mv "$work/bill.$format.json" "target/image/$name.$format.json"; done
cp "$work/versions" "target/image/packages"
rm -f "$work"/root.img "$work"/boot.img
(cd target/image && find . -type f ! -name SHA256SUMS | sort | xargs sha256sum >SHA256SUMS)
openssl cms -sign -binary -in target/image/SHA256SUMS -signer "$keys/upgrade.crt" -inkey "$keys/upgrade.key" \
	-outform PEM -out target/image/SHA256SUMS.cms
du -h --apparent-size target/image/*
