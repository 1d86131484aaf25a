//! `tandem schema`: the shape of every answer as JSON, as JSON Schema, made of the types that are
//! written.
//!
//! Every answer is one object that says which shape it has: `schema` and `schema_version`. Within a
//! version members are only added, and so are words of a member that has one of several.

use std::io::{self, Write};

use clap::Args;
use regex::Regex;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Context, Progress, administer, capture, check, connections, diff, doctor, events, import, key,
    kill, services, setup, sources, status, top, trace, versions, watch,
};
use crate::error::{self, Error};
use crate::output::Table;

pub(super) const HELP: &str = "\
Without a name it lists the schemas. Every answer with --json has schema and schema_version: \
within a version members are only added.

Examples:
  tandem schema
  tandem schema status > status.schema.json";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The schema: what the answer has as its member schema
    name: Option<String>,
}

/// One shape.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) version: u32,
    /// The commands whose answers have it.
    pub(super) commands: &'static str,
    make: fn() -> Schema,
}

/// A new member leaves the version as it is; one that goes, or means something else, raises it.
pub(super) const ALL: &[Shape] = &[
    shape::<api::Applied>("applied", 1, "apply, config confirm, config rollback"),
    shape::<capture::Summary>("capture", 1, "capture"),
    shape::<check::Answer>("check", 1, "check"),
    shape::<versions::Changes>("config-diff", 1, "config diff"),
    shape::<api::VersionFiles>("config-files", 1, "config show"),
    shape::<connections::Counted>("connection-count", 1, "connections --count"),
    shape::<connections::Grouped>("connection-groups", 1, "connections --by"),
    shape::<api::Connections>("connections", 1, "connections"),
    shape::<api::Counters>("counters", 1, "counters"),
    shape::<diff::Answer>("diff", 1, "diff"),
    shape::<doctor::Answer>("doctor", 1, "doctor"),
    shape::<error::Answer>("error", 1, "every command that fails"),
    shape::<api::Event>("event", 1, "events: an object a line"),
    shape::<events::Kinds>("event-kinds", 1, "events --list-kinds"),
    shape::<api::Explanation>("explanation", 1, "explain"),
    shape::<import::show::Answer>("import", 1, "import, to standard error"),
    shape::<key::Answer>("key", 1, "key status"),
    shape::<kill::Answer>("killed", 1, "kill"),
    shape::<api::Neighbours>("neighbours", 1, "neighbours"),
    shape::<api::Pair>("pair", 1, "failover"),
    shape::<Progress>("progress", 1, "key new, key install, key rotate, upgrade: an object a line"),
    shape::<api::Reloaded>("reloaded", 1, "reload"),
    shape::<administer::Answer>("servers", 1, "drain, disable, enable, weight"),
    shape::<services::Answer>("services", 1, "services"),
    shape::<setup::Answer>("setup", 1, "setup"),
    shape::<sources::Answer>("sources", 1, "sources"),
    shape::<status::Answer<'static>>("status", 1, "status"),
    shape::<top::Answer<'static>>("top", 1, "top"),
    shape::<api::Journey>("trace", 1, "trace: an object a line"),
    shape::<trace::Summary>("trace-summary", 1, "trace: the last line"),
    shape::<status::Verdict>("verdict", 1, "status --brief"),
    shape::<api::Versions>("versions", 1, "config log"),
    shape::<watch::Answer<'static>>("watch", 1, "watch: an object a line"),
];

const fn shape<T: JsonSchema>(name: &'static str, version: u32, commands: &'static str) -> Shape {
    Shape { name, version, commands, make: of_type::<T> }
}

fn of_type<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>()
}

impl Shape {
    /// The schema as it is published, envelope included.
    pub(super) fn schema(&self) -> Value {
        let mut schema = (self.make)().to_value();
        plain(&mut schema);
        let Some(root) = schema.as_object_mut() else { return schema };
        root.insert("title".to_owned(), json!(format!("tandem {}", self.name)));
        root.insert("type".to_owned(), json!("object"));
        let members = root.entry("properties").or_insert_with(|| json!({}));
        let name = json!({ "const": self.name, "description": "Which shape this answer has." });
        let version = json!({
            "const": self.version,
            "description": "The shape's version: within one, members are only added.",
        });
        if let Some(members) = members.as_object_mut() {
            members.insert("schema".to_owned(), name);
            members.insert("schema_version".to_owned(), version);
        }
        let required = root.entry("required").or_insert_with(|| json!([]));
        if let Some(required) = required.as_array_mut() {
            required.extend([json!("schema"), json!("schema_version")]);
        }
        schema
    }
}

/// Descriptions without the links that are for readers of the code.
fn plain(schema: &mut Value) {
    let Ok(link) = Regex::new(r"\[`([^`]*)`\](\([^)]*\))?") else { return };
    fn each(value: &mut Value, link: &Regex) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(text)) = members.get_mut("description") {
                    *text = link.replace_all(text, "$1").replace('\n', " ");
                }
                members.values_mut().for_each(|member| each(member, link));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| each(item, link)),
            _ => {}
        }
    }
    each(schema, &link);
}

/// An answer, in its envelope.
#[derive(Serialize)]
pub(super) struct Envelope<'a, T> {
    schema: &'static str,
    schema_version: u32,
    #[serde(flatten)]
    answer: &'a T,
}

impl<'a, T> Envelope<'a, T> {
    pub(super) fn new(schema: &'static str, answer: &'a T) -> Self {
        Envelope { schema, schema_version: version(schema), answer }
    }
}

/// The first members of an answer that is written piece by piece.
pub(super) fn head(name: &str) -> String {
    format!("\"schema\": \"{name}\", \"schema_version\": {}", version(name))
}

/// The version of a schema.
pub(super) fn version(name: &str) -> u32 {
    ALL.iter().find(|shape| shape.name == name).map_or(1, |shape| shape.version)
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let Some(name) = &arguments.name else { return Ok(list(context.out)?) };
    let shape = ALL.iter().find(|shape| shape.name == name).ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|shape| shape.name).collect();
        Error::Usage(format!("there is no schema {name:?}: take one of {}", names.join(", ")))
    })?;
    writeln!(context.out, "{:#}", shape.schema())?;
    Ok(())
}

fn list(out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(["SCHEMA", ">VERSION", "ANSWERS OF"]);
    for shape in ALL {
        let Shape { name, version, commands, .. } = shape;
        table.row([(*name).to_owned(), version.to_string(), (*commands).to_owned()]);
    }
    table.write(out)
}
