//! How often, how long and how many times checkers ask.

use core::time::Duration;

use crate::model::{Check, time};

/// What a virtual server, a real server or a checker says of it.
#[derive(Clone, Default, Debug)]
pub(super) struct Times {
    pub(super) delay_loop: Option<Duration>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) retry: Option<u32>,
    pub(super) delay_before_retry: Option<Duration>,
    pub(super) alpha: Option<bool>,
    pub(super) virtualhost: Option<String>,
}

/// What a kind of checker has when nobody says anything.
#[derive(Clone, Copy)]
pub(super) struct Usual {
    pub(super) retry: u32,
    /// None: `delay_loop`.
    pub(super) delay_before_retry: Option<Duration>,
}

const LEAST: Duration = Duration::from_millis(100);
const LEAST_FAST: Duration = Duration::from_millis(10);
const MOST: Duration = Duration::from_secs(3600);

impl Times {
    /// What the inner block says, and otherwise this one.
    pub(super) fn or(&self, inner: &Times) -> Times {
        Times {
            delay_loop: inner.delay_loop.or(self.delay_loop),
            connect_timeout: inner.connect_timeout.or(self.connect_timeout),
            retry: inner.retry.or(self.retry),
            delay_before_retry: inner.delay_before_retry.or(self.delay_before_retry),
            alpha: inner.alpha.or(self.alpha),
            virtualhost: inner.virtualhost.clone().or_else(|| self.virtualhost.clone()),
        }
    }

    /// Writes them into a check; the words when some had to be changed.
    pub(super) fn apply(&self, check: &mut Check, usual: Usual) -> Option<String> {
        let wanted = self.delay_loop.unwrap_or(Duration::from_secs(60));
        let interval = wanted.clamp(LEAST, MOST);
        let wanted_timeout = self.connect_timeout.unwrap_or(Duration::from_secs(5));
        let timeout = wanted_timeout.clamp(LEAST, interval);
        let fast = self.delay_before_retry.or(usual.delay_before_retry).unwrap_or(wanted);
        let wanted_fall = self.retry.unwrap_or(usual.retry).saturating_add(1);
        let fall = wanted_fall.min(100);
        check.set("interval", time(interval));
        check.set("fast", time(fast.clamp(LEAST_FAST, interval)));
        check.set("timeout", time(timeout));
        check.set("fall", fall.to_string());
        check.set("rise", "1");
        if self.alpha == Some(true) {
            check.set("start", "\"down\"");
        }
        let mut changed = Vec::new();
        if interval != wanted {
            changed.push(format!("the interval is {}", time(interval)));
        }
        if timeout != wanted_timeout {
            changed.push(format!("the timeout is {}, at most the interval", time(timeout)));
        }
        if fall != wanted_fall {
            changed.push("it fails after 100 failures".to_owned());
        }
        (!changed.is_empty()).then(|| changed.join("; "))
    }
}
