//! What the status page of a machine takes to be seen from the other one: a certificate and a token.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rcgen::{CertificateParams, KeyPair};

use super::machine::Machine;
use crate::Error;
use crate::namespace::write;

/// What visitors show.
pub const TOKEN: &str = "the-token-of-the-lab-that-everybody-knows";
const PORT: u16 = 9406;

impl Machine {
    /// Where its page is on the direct link; browsers take the token from there.
    pub fn page(&self) -> String {
        format!("https://operator:{TOKEN}@{}:{PORT}/", self.direct)
    }
}

/// The section of the configuration.
pub(super) fn section(machine: &Machine) -> String {
    let folder = machine.folder();
    format!(
        "[status]\nlisten = \"{}:{PORT}\"\ncertificate = \"{folder}/status.pem\"\n\
         private_key = \"{folder}/status.key\"\ntoken_file = \"{folder}/status.token\"\n",
        machine.direct
    )
}

/// Writes its files, a certificate that signs itself among them.
pub(super) fn write_files(machine: &Machine) -> Result<(), Error> {
    let failed = |error: rcgen::Error| Error::Command {
        command: "make a certificate".to_owned(),
        words: error.to_string(),
    };
    let key = KeyPair::generate().map_err(failed)?;
    let parameters = CertificateParams::new(vec![machine.direct.to_owned()]).map_err(failed)?;
    let certificate = parameters.self_signed(&key).map_err(failed)?;
    let secrets = [("key", key.serialize_pem()), ("token", TOKEN.to_owned())];
    write(&format!("{}/status.pem", machine.folder()), &certificate.pem())?;
    for (name, secret) in secrets {
        let path = format!("{}/status.{name}", machine.folder());
        write(&path, &secret)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(Error::file(&path))?;
    }
    Ok(())
}
