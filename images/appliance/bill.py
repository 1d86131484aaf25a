#!/usr/bin/env python3
"""Writes the bill of materials of an image, Debian's packages and Rust's crates: OUTPUT.cdx.json
(CycloneDX 1.6) and OUTPUT.spdx.json (SPDX 2.3).

  bill.py RELEASE TIME DEBIAN CRATES OUTPUT

TIME is in seconds since 1970; DEBIAN has a line for each package (name, version, architecture, source,
source's version, by tabs); CRATES a line for each crate, as "cargo tree" writes it.
"""

import json
import re
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


def spdx(bom):
    """The same, as SPDX has it (https://spdx.github.io/spdx-spec/v2.3/)."""

    def name_of(component):
        return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.]+", "-", component.bom_ref.value)

    def licence_of(component):
        for licence in component.licenses:
            # An expression, or one by its name in SPDX's list.
            found = getattr(licence, "value", None) or getattr(licence, "id", None)
            if found:
                return found
        return "NOASSERTION"

    def package(component):
        made = {
            "SPDXID": name_of(component),
            "name": component.name,
            "versionInfo": component.version,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": licence_of(component),
            "copyrightText": "NOASSERTION",
        }
        if component.purl is not None:
            made["externalRefs"] = [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": component.purl.to_string(),
                }
            ]
        return made

    whole = bom.metadata.component
    parts = sorted(bom.components, key=name_of)
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"tandem-{whole.version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/tandem-{whole.version}-{bom.serial_number}",
        "creationInfo": {
            "created": bom.metadata.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Organization: Tandem"],
        },
        "packages": [package(component) for component in [whole, *parts]],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": name_of(whole),
            },
            *(
                {
                    "spdxElementId": name_of(whole),
                    "relationshipType": "CONTAINS",
                    "relatedSpdxElement": name_of(part),
                }
                for part in parts
            ),
        ],
    }


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
    with open(f"{output}.cdx.json", "w", encoding="utf-8") as file:
        file.write(JsonV1Dot6(bom).output_as_string(indent=1))
        file.write("\n")
    with open(f"{output}.spdx.json", "w", encoding="utf-8") as file:
        json.dump(spdx(bom), file, indent=1)
        file.write("\n")


main()
