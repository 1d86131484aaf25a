//! What would become of a packet: the questions of operators, answered by what decides about
//! packets.

use nat::policy::Answer;
use nat::translator::Preview;

use super::flows::Flows;
use super::slow::{self, Admission};
use super::trace;
use super::view::View;
use crate::trace::{Answered, Question};

/// Answers a question about a packet that is this worker's. Nothing is changed by it.
#[cold]
#[inline(never)]
pub(super) fn answer(flows: &mut Flows, view: &View, question: &mut Question) {
    let request = &question.request;
    let (tuple, side) = (request.key.tuple(), request.key.side());
    let admission = slow::admission(view, side, tuple.source, tuple.destination, &[]);
    question.answered = Some(match admission {
        Admission::Dropped(reason) => Answered::Dropped(reason),
        Admission::Kernel => Answered::Kernel,
        Admission::PrivateHost => Answered::PrivateHost,
        Admission::Ours => match trace::find(flows, request) {
            Some(found) => {
                let policy = view.policy();
                let is_cut = policy.departure(&found.record) == nat::policy::Departure::IsCut;
                let is_stale = policy.is_stale(&found.record, found.direction)
                    || request.flags.is_syn_only() && policy.is_asked_in_vain(&found.record);
                Answered::Known { found, is_stale, is_cut }
            }
            None => {
                let considered = trace::consider(flows, view, request);
                let preview = flows.translator.preview(view.policy(), request, view.now);
                let answer = match preview {
                    Preview::Refused(refusal) => Some(view.policy().answer(request, refusal)),
                    _ => None::<Answer>,
                };
                Answered::New { preview, considered, answer }
            }
        },
    });
}
