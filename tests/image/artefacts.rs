//! The files that `make image` leaves.

use std::fs;
use std::process::Command;

use lab::image::artefact;
use serde_json::Value;

#[test]
fn sums_size_and_bill_of_materials_are_right() {
    let upgrade = artefact(".raucb").unwrap();
    let folder = upgrade.parent().unwrap();
    let sums = Command::new("sha256sum").args(["-c", "SHA256SUMS"]).current_dir(folder).output();
    let sums = sums.unwrap();
    assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stderr));
    let signed = "openssl cms -verify -binary -content SHA256SUMS -in SHA256SUMS.cms -inform PEM \
                  -CAfile ../keys/upgrade.crt -purpose any -out /dev/null";
    let signed = Command::new("sh").args(["-c", signed]).current_dir(folder).output().unwrap();
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    for ending in [".raucb", ".img.zst"] {
        let size = fs::metadata(artefact(ending).unwrap()).unwrap().len();
        assert!(size < 350 << 20, "{ending} has {size} bytes");
    }

    let bill = fs::read(artefact(".cdx.json").unwrap()).unwrap();
    let bill: Value = serde_json::from_slice(&bill).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let components = bill["components"].as_array().unwrap();
    let find = |name: &str| {
        let found = components.iter().find(|component| component["name"] == name);
        found.unwrap_or_else(|| panic!("{name} is not in the bill of materials"))
    };
    for name in ["librte-eal25", "libssl3t64", "linux-image-amd64", "tandem", "tokio", "rustls"] {
        assert!(
            find(name)["version"].as_str().is_some_and(|version| !version.is_empty()),
            "{name}"
        );
        assert!(find(name)["purl"].as_str().is_some_and(|purl| purl.starts_with("pkg:")), "{name}");
    }
    assert!(find("tokio")["licenses"].to_string().contains("MIT"), "{}", find("tokio"));
    let spdx = fs::read(artefact(".spdx.json").unwrap()).unwrap();
    let spdx: Value = serde_json::from_slice(&spdx).unwrap();
    assert_eq!(spdx["spdxVersion"], "SPDX-2.3");
    // The same, and the image itself.
    assert_eq!(spdx["packages"].as_array().unwrap().len(), components.len() + 1);
    // What only tests and builds take is not shipped.
    assert!(components.iter().all(|component| component["name"] != "proptest"));
    // Every package of the image is in it.
    for line in fs::read_to_string(folder.join("packages")).unwrap().lines() {
        find(line.split(' ').next().unwrap());
    }
}
