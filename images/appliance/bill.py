#!/usr/bin/env python3
"""Writes the bill of materials of an image: CycloneDX 1.6, Debian's packages and Rust's crates.

  bill.py RELEASE TIME DEBIAN CRATES OUTPUT

TIME is in seconds since 1970; DEBIAN has a line for each package (name, version, architecture, source,
source's version, by tabs); CRATES a line for each crate, as "cargo tree" writes it.
"""

import sys
import uuid
from datetime import datetime, timezone

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL


def debian(path):
    for line in open(path, encoding="utf-8"):
        name, version, architecture, source, source_version = line.rstrip("\n").split("\t")
        where = {"arch": architecture, "distro": "debian-13", "upstream": f"{source}@{source_version}"}
        yield Component(
            name=name,
            version=version,
            type=ComponentType.LIBRARY,
            bom_ref=f"debian:{name}",
            purl=PackageURL("deb", "debian", name, version, where),
        )


def crates(path):
    """All that is linked into the programs: a line each, "name vVERSION (where)|LICENCE"."""
    licenses = LicenseFactory()
    for line in open(path, encoding="utf-8"):
        package, license = line.rstrip("\n").split("|")
        name, version, *where = package.split(" ")
        version = version.removeprefix("v")
        # The project's own have a path.
        own = any(word.startswith("(/") for word in where)
        # The older way to write "or".
        license = license.replace("/", " OR ")
        yield Component(
            name=name,
            version=version,
            type=ComponentType.APPLICATION if own else ComponentType.LIBRARY,
            bom_ref=f"cargo:{name}@{version}",
            licenses=[licenses.make_from_string(license)] if license else [],
            purl=None if own else PackageURL("cargo", None, name, version),
        )


def main():
    release, time, packages, metadata, output = sys.argv[1:]
    bom = Bom(
        components=[*debian(packages), *crates(metadata)],
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"tandem-{release}"),
    )
    bom.metadata.timestamp = datetime.fromtimestamp(int(time), timezone.utc)
    bom.metadata.component = Component(
        name="tandem", version=release, type=ComponentType.OPERATING_SYSTEM, bom_ref="tandem"
    )
    bom.register_dependency(bom.metadata.component, bom.components)
    with open(output, "w", encoding="utf-8") as file:
        file.write(JsonV1Dot6(bom).output_as_string(indent=1))
        file.write("\n")


main()
