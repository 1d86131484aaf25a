#!/bin/bash
# Makes packages of programs that are built:
#
#   images/debian/build.sh VERSION PROGRAMS OUTPUT     both are folders; OUTPUT is made anew
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$1
programs=$(realpath "$2")
output=$3
rm -rf "$output"
stage=$output/tandem/stage
mkdir -p "$stage"/{bin,dashboards,doc,examples,prometheus,man/tandem,completions/{bash,fish,zsh}}

cp -r images/debian "$output/tandem/debian"
for unit in tandem-control tandem-dataplane; do
	cp "images/systemd/$unit.service" "$output/tandem/debian/tandem.$unit.service"
done
cp "$programs"/tandem{,-control,-dataplane,-lab,-perf} "$stage/bin/"
cp README.md CHANGELOG.md \
	docs/{alerts,architecture,configuration,counters,installing,metrics,operations,schedulers}.md "$stage/doc/"
cp -r docs/examples/. "$stage/examples/"
cp docs/grafana/*.json "$stage/dashboards/"
cp docs/prometheus/*.yml "$stage/prometheus/"

"$stage/bin/tandem" manual "$stage/man/tandem"
"$stage/bin/tandem" completions bash >"$stage/completions/bash/tandem"
"$stage/bin/tandem" completions fish >"$stage/completions/fish/tandem.fish"
"$stage/bin/tandem" completions zsh >"$stage/completions/zsh/_tandem"
# The others have a page each, made of what they say of themselves.
page() { # SECTION PROGRAM WHAT FILE
	help2man --no-info --section="$1" --name="$3" --version-string="$version" "$stage/bin/$2" >"$4"
}
page 8 tandem-control "decide which machine of a Tandem pair is active" "$stage/man/tandem/tandem-control.8"
page 8 tandem-dataplane "forward the packets of a Tandem router" "$stage/man/tandem/tandem-dataplane.8"
page 1 tandem-perf "measure a Tandem router" "$stage/man/tandem-perf.1"
page 1 tandem-lab "raise a pair of Tandem routers in network namespaces" "$stage/man/tandem-lab.1"

cat >"$output/tandem/debian/changelog" <<-END
	tandem ($version) stable; urgency=medium

	  * What has changed is in /usr/share/doc/tandem/CHANGELOG.md.

	 -- The Tandem developers <developers@tandem-router.org>  $(date -R -u -d "@${SOURCE_DATE_EPOCH:?}")
END
cd "$output/tandem"
# What the packages are built with was there before: not all of it came as Debian's packages.
dpkg-buildpackage --no-sign --build=binary --no-check-builddeps
cd ..
rm -rf tandem
lintian --fail-on error --allow-root ./*.changes
