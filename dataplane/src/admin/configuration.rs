//! Handing out the files of the configuration in force, so that tandem-control and the command
//! line read what the dataplane has read, whatever became of the files since.

use api::{Failure, FailureKind, SourcesInForce, SourcesPage};

use super::Admin;

impl Admin {
    pub(super) fn sources(&self, page: &SourcesPage) -> Result<SourcesInForce, Failure> {
        let loaded = self.loaded.lock();
        let (generation, digest) = (self.snapshot.read().generation, loaded.digest.clone());
        if page.known.as_ref() == Some(&digest) {
            return Ok(SourcesInForce { generation, digest, ..SourcesInForce::default() });
        }
        if page.of.as_ref().is_some_and(|of| *of != digest) {
            let message = "another configuration was taken meanwhile; ask from the beginning";
            return Err(Failure::new(FailureKind::NotNow, message));
        }
        let files = loaded.sources.files().iter();
        let files = files.map(|file| (file.name.as_str(), file.text.as_str()));
        Ok(SourcesInForce::page(generation, digest, files, (page.file, page.offset)))
    }
}
