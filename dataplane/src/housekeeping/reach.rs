//! Asking the next hops of the configuration, and telling control which of them answer.

use nat::{Instant, Side};

use super::Housekeeping;
use crate::neighbour::resolver::Request;

impl Housekeeping {
    /// Asks those whose turn it is.
    pub(super) fn probe(&mut self, now: Instant, is_steady: bool) {
        let is_deaf = self.watch.deafness.sides(now);
        let mut questions = Vec::new();
        let mut resolver = self.resolver.lock();
        resolver.prober.ask_all(self.role.reach.ordered());
        resolver.prober.look(now, is_steady, is_deaf, |question| questions.push(question));
        let requests: Vec<_> = questions
            .into_iter()
            .map(|question| {
                let mac = resolver.last_mac(question.side, question.address);
                let to = mac.filter(|_| !question.to_all);
                Request { side: question.side, target: question.address, to }
            })
            .collect();
        let reach = Side::ALL.map(|side| resolver.prober.reach(side));
        let done = resolver.prober.done();
        drop(resolver);
        self.role.reach.tell(reach, done);
        requests.into_iter().for_each(|request| self.send_request(request));
    }
}
