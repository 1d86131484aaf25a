#!/usr/bin/env python3
"""Writes the bill of materials of an image: CycloneDX 1.6, Debian's packages and Rust's crates.

  bill.py RELEASE TIME DEBIAN CRATES OUTPUT

TIME is in seconds since 1970; DEBIAN has a line for each package (name, version, architecture, source,
source's version, by tabs); CRATES is what "cargo metadata" writes.
"""

import json
import sys
import uuid
from datetime import datetime, timezone

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

# What the image has programs of.
SHIPPED = {"control", "dataplane"}


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
    """All that is linked into the programs: no crates of tests and builds."""
    metadata = json.load(open(path, encoding="utf-8"))
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    own = set(metadata["workspace_members"])
    waiting = [id for id in own if packages[id]["name"] in SHIPPED]
    seen = set()
    while waiting:
        id = waiting.pop()
        if id in seen:
            continue
        seen.add(id)
        for dependency in nodes[id]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    licenses = LicenseFactory()
    for id in sorted(seen):
        package = packages[id]
        name, version = package["name"], package["version"]
        # The older way to write "or".
        license = (package["license"] or "").replace("/", " OR ")
        yield Component(
            name=name,
            version=version,
            type=ComponentType.APPLICATION if id in own else ComponentType.LIBRARY,
            bom_ref=f"cargo:{name}@{version}",
            licenses=[licenses.make_from_string(license)] if license else [],
            purl=None if id in own else PackageURL("cargo", None, name, version),
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
