#!/bin/bash
# Makes the upgrades that the image's tests try, in target/image/tests, of the root that images/image.sh
# has made: newer (right), older, foreign (of another key), truncated, panics (its kernel does) and
# broken (its dataplane ends at once).
set -euo pipefail
cd "$(dirname "$0")/../.."
work=target/trixie/image out=target/image/tests
[ -f "$work/root.tar" ] || {
	echo "$0: there is no root in $work: images/image.sh makes it" >&2
	exit 1
}
release=$(tar -xOf "$work/root.tar" ./usr/lib/tandem/release | sed -n 's/^VERSION=//p')
tree=$(mktemp -d)
trap 'rm -rf --one-file-system "$tree" "$work-test"' EXIT
rm -rf "$out" && mkdir -p "$out"
tar -xf "$work/root.tar" --numeric-owner -C "$tree"

# make NAME RELEASE [WORD]   what is in $work-test/changes takes the place of the root's files, also of
#                            those made later; the word goes to the kernel
make() {
	mkdir -p "$work-test/changes/usr/lib/tandem" "$work-test/keys"
	printf 'VERSION=%s\n' "$2" >"$work-test/changes/usr/lib/tandem/release"
	ln -f "$work"/{vmlinuz,initrd.img} "$work-test/"
	[ -f "$work-test/keys/upgrade.key" ] || cp "$work"/keys/* "$work-test/keys/"
	cp -r --remove-destination "$work-test/changes/." "$tree/"
	tar -cf "$work-test/root.tar" --numeric-owner --sort=name -C "$tree" .
	SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) images/clean-root.sh --tools trixie \
		env VERSION="$2" LEVEL=1 ARGUMENTS="${3:-}" images/appliance/assemble.sh /build/image-test upgrade
	mv "$work-test/upgrade.raucb" "$out/$1.raucb"
	rm -rf "$work-test"
}

make newer "${release%%+*}+99990101000000newer"
make older "0.0.1+20000101000000"
make panics "${release%%+*}+99990101000000panics" rdinit=/none
mkdir -p "$work-test/keys"
openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=Somebody else" -addext keyUsage=digitalSignature \
	-keyout "$work-test/keys/upgrade.key" -out "$work-test/keys/upgrade.crt" 2>/dev/null
make foreign "${release%%+*}+99990101000000foreign"
mkdir -p "$work-test/changes/usr/bin"
printf '#!/bin/false\n' >"$work-test/changes/usr/bin/tandem-dataplane"
chmod 755 "$work-test/changes/usr/bin/tandem-dataplane"
make broken "${release%%+*}+99990101000000broken"
head -c 30000000 "$out/newer.raucb" >"$out/truncated.raucb"
ls -l "$out"
