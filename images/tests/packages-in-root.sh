#!/bin/bash
# What images/tests/packages.sh does within the root, whose path is the argument.
set -euo pipefail

root=$1
cp "$DEBS"/tandem{,-perf,-lab}_*.deb "$root/tmp/"

inside() {
	chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
}

said() {
	echo "packages: $*"
}

fail() {
	echo "packages: $*" >&2
	exit 1
}

# Every file but those that apt and dpkg keep for themselves.
files() {
	(cd "$root" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./run -o \
		-path ./var/cache -o -path ./var/log -o -path ./var/lib/apt -o -path ./var/lib/dpkg -o \
		-path ./etc/ld.so.cache \) -prune -o -print | sort)
}

apt() {
	inside apt-get -y -q --no-install-recommends "$@" >"$root/tmp/apt.log" 2>&1 || {
		cat "$root/tmp/apt.log" >&2
		fail "apt-get $* failed"
	}
}

# The same package with another version, to upgrade from.
older() {
	local package=$1 work=$root/tmp/older
	rm -rf "$work"
	dpkg-deb -R "$package" "$work"
	sed -i 's/^Version: .*/Version: 0.0.1/; s/^\( tandem.*\) (= .*)/\1/; s/tandem\(-perf\)\? (= [^)]*)/tandem\1/g' \
		"$work/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$work" "$root/tmp/older.deb" >/dev/null
}

said "what the packages need"
# The packages that they depend on come first, and stay.
apt install "$(cd "$root" && ls tmp/tandem_*.deb | sed 's,^,/,')" \
	"$(cd "$root" && ls tmp/tandem-perf_*.deb | sed 's,^,/,')"
apt purge tandem tandem-perf
files >"$root/tmp/before"

said "install of an older version"
older "$root"/tmp/tandem_*.deb
apt install /tmp/older.deb
[ "$(inside dpkg-query -W -f '${Version}' tandem)" = 0.0.1 ] || fail "the older version is not there"

said "the programs start"
inside tandem --version
inside tandem-control --version
inside tandem-dataplane --version
inside tandem check /usr/share/doc/tandem/examples/tandem.toml >/dev/null 2>&1 ||
	inside sh -c 'gzip -dc /usr/share/doc/tandem/examples/tandem.toml.gz >/tmp/tandem.toml; tandem check /tmp/tandem.toml' >/dev/null
for page in tandem.1 tandem-status.1 tandem-control.8 tandem-dataplane.8; do
	ls "$root"/usr/share/man/man?/"$page".gz >/dev/null || fail "there is no man page $page"
done
ls "$root"/usr/share/bash-completion/completions/tandem >/dev/null
for file in dashboards/tandem.json prometheus/tandem.rules.yml prometheus/tandem.test.yml; do
	[ -s "$root/usr/share/tandem/$file" ] || fail "there is no /usr/share/tandem/$file"
done

said "units are right, neither enabled nor started"
inside systemd-analyze verify /lib/systemd/system/tandem-control.service \
	/lib/systemd/system/tandem-dataplane.service
if ls "$root"/etc/systemd/system/*.wants/tandem* >/dev/null 2>&1; then
	fail "an install has enabled a unit"
fi

said "upgrade keeps configuration, key and state"
echo '# mine' >"$root/etc/tandem/tandem.toml"
head -c 32 /dev/zero >"$root/etc/tandem/peer.key"
mkdir -p "$root/var/lib/tandem"
echo 7 >"$root/var/lib/tandem/term"
apt install "$(cd "$root" && ls tmp/tandem_*.deb | sed 's,^,/,')" \
	"$(cd "$root" && ls tmp/tandem-perf_*.deb | sed 's,^,/,')"
inside dpkg-query -W -f '${Version}\n' tandem
[ "$(cat "$root/etc/tandem/tandem.toml")" = '# mine' ] || fail "the configuration was changed"

said "remove keeps them, too"
apt remove tandem tandem-perf
[ ! -e "$root/usr/bin/tandem" ] || fail "the program is still there"
[ -e "$root/etc/tandem/peer.key" ] && [ -e "$root/var/lib/tandem/term" ] || fail "the key or the term is gone"

said "purge leaves nothing"
apt purge tandem
files >"$root/tmp/after"
diff "$root/tmp/before" "$root/tmp/after" || fail "purge leaves something, or takes something of others"

said "what setup has recorded outlives a purge"
apt install "$(cd "$root" && ls tmp/tandem_*.deb | sed 's,^,/,')"
mkdir -p "$root/var/lib/tandem"
echo '{}' >"$root/var/lib/tandem/setup.json"
echo 7 >"$root/var/lib/tandem/term"
apt purge tandem
[ "$(ls "$root/var/lib/tandem")" = setup.json ] || fail "setup.json is gone, or the term is not"
rm -r "$root/var/lib/tandem"

said "a removal stops the processes, and an upgrade has systemd read the units"
scripts=$(mktemp -d)
dpkg-deb --control "$root"/tmp/tandem_*.deb "$scripts"
grep -q 'deb-systemd-invoke stop tandem-control.service' "$scripts/prerm" || fail "prerm stops nothing"
grep -q 'daemon-reload' "$scripts/postinst" || fail "postinst does not have units read again"
if grep -E 'restart|try-restart| start ' "$scripts/postinst" | grep -v echo; then
	fail "postinst starts something"
fi
rm -r "$scripts"

said "the laboratory installs with all it needs"
apt install "$(cd "$root" && ls tmp/tandem_*.deb | sed 's,^,/,')" \
	"$(cd "$root" && ls tmp/tandem-perf_*.deb | sed 's,^,/,')" \
	"$(cd "$root" && ls tmp/tandem-lab_*.deb | sed 's,^,/,')"
inside tandem-lab --version
inside tandem-perf --version
# A package whose dependencies are too few would not have started its program; one that needs
# more than it says would be seen here.
inside sh -c 'for program in /usr/bin/tandem*; do ldd $program; done' | grep "not found" && fail "a library is missing"
said "all is right"
