//! Whether the packet buffers are enough for the rest of the file.

use crate::document::{At, Report};
use crate::model::Config;
use crate::model::buffers::Buffers;

pub(super) fn judge(config: &Config, mbufs: &At<u32>, report: &Report<'_>) {
    let workers = config.node.workers.len();
    let needed = Buffers::needed(workers, [&config.public, &config.private]).workers;
    if mbufs.value < needed {
        let workers =
            if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") };
        report.error(
            &mbufs.span,
            format!(
                "node.mbufs is {}, and {workers} with the descriptors of both NICs can hold {needed} \
                 packets at a time: the NICs would find no buffer to receive into",
                mbufs.value
            ),
            format!("take it out, or write {needed} or more"),
        );
    }
}
