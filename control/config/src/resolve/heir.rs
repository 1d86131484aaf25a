//! Who inherits, and copies of what is inherited.

use core::cell::RefCell;
use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeString, DeTable};

use super::Value;
use crate::document::{Report, shift, value};

/// A service that inherits.
pub(super) struct Heir<'r, 't> {
    pub(super) report: &'r Report<'t>,
    /// How it is named in mistakes; none: nobody inherits, it is only tried.
    name: Option<Rc<str>>,
    /// For each file that was copied from, its first place, and what is added to its places.
    copies: RefCell<Vec<(usize, usize)>>,
}

impl<'r, 't> Heir<'r, 't> {
    pub(super) fn of(service: &Value<'_>, report: &'r Report<'t>) -> Self {
        let name = service.get_ref().get("name").and_then(|name| name.get_ref().as_str());
        let name = match name {
            Some(name) => format!("service {}", value::quote(name)),
            None => format!("the service on {}", report.line_and_file(&service.span())),
        };
        Heir { report, name: Some(name.into()), copies: RefCell::default() }
    }

    pub(super) fn nobody(report: &'r Report<'t>) -> Self {
        Heir { report, name: None, copies: RefCell::default() }
    }

    /// A copy of a value, for this service; none when there is no room for another one, which is
    /// reported.
    pub(super) fn copy(&self, value: &Value<'t>) -> Option<Value<'t>> {
        let by = self.shift_for(value.span().start);
        if !self.report.texts().take_room(shift::size(value.get_ref())) {
            self.report.error(
                &value.span(),
                "this is inherited so often that the configuration grows too large",
                "make it smaller, or write it in fewer services",
            );
            return None;
        }
        Some(shift::value(value.clone(), by))
    }

    /// What is added to the places of the file that a place is in.
    fn shift_for(&self, place: usize) -> usize {
        let start = self.report.texts().start_of(place);
        let mut copies = self.copies.borrow_mut();
        if let Some((_, by)) = copies.iter().find(|(of, _)| *of == start) {
            return *by;
        }
        let by = self.report.texts().copy_of(place, self.name.clone());
        copies.push((start, by));
        by
    }

    /// Copies what a table lacks from another one.
    pub(super) fn fill(&self, table: &mut DeTable<'t>, from: &[(String, Value<'t>)]) {
        for (key, value) in from {
            if !table.contains_key(key.as_str()) {
                if let Some(copy) = self.copy(value) {
                    table.insert(key_at(key, &copy), copy);
                }
            }
        }
    }
}

/// A key that stands where its value does.
pub(super) fn key_at<'t>(name: &str, value: &Value<'_>) -> Spanned<DeString<'t>> {
    Spanned::new(value.span(), name.to_owned().into())
}
