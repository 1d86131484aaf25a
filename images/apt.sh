# Debian roots from this machine's apt configuration. Sourced by scripts that have set
# `suite` and `root`, a path beside which a file of options may lie.
# shellcheck shell=bash

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

# Makes a minimal root of the suite at a path, or a file; what follows goes to mmdebstrap.
debootstrap_here() {
	local target=$1 from
	shift
	command -v mmdebstrap >/dev/null || fail "mmdebstrap is missing: make setup installs it"
	from=$(mirror)
	if [ -z "$from" ]; then
		# Lists that were never fetched do not say whose they are.
		apt-get update -qq || true
		from=$(mirror)
	fi
	[ -n "$from" ] || fail "apt's configuration on this machine names no archive of Debian" \
		"(see apt-get indextargets), so there is nothing to make a root of $suite from"
	apt_options >"$root.apt.conf"
	mmdebstrap --mode=root --variant=minbase --aptopt="$root.apt.conf" \
		--aptopt='APT::Sandbox::User "root"' --dpkgopt='force-unsafe-io' "$@" \
		"$suite" "$target" "$from" ||
		fail "mmdebstrap failed, as said above. It took packages of $suite from $from, the archive in" \
			"this machine's apt configuration"
	rm -f "$root.apt.conf"
}
