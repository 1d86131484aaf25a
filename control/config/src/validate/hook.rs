//! `[[hook]]`, one beside the others.

use crate::document::Report;
use crate::model::hook::Hook;
use crate::read::RawHook;

pub(super) fn judge(hooks: &[RawHook], report: &Report<'_>) {
    let names: Vec<_> = hooks.iter().filter_map(|hook| hook.name.as_ref()).collect();
    for (index, name) in names.iter().enumerate() {
        if let Some(first) = names.iter().take(index).find(|other| other.value == name.value) {
            let line = report.line(&first.span, &name.span);
            report.error(
                &name.span,
                format!("hook.name is \"{}\", as on {line}", name.value),
                "give each hook its own name",
            );
        }
    }
    if let Some(one_more) = names.get(Hook::MOST) {
        report.error(
            &one_more.span,
            format!("there are {} hooks", hooks.len()),
            format!("{} is the most: let one command tell several events apart", Hook::MOST),
        );
    }
}
