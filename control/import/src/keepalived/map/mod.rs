//! From keepalived's statements to what they say. Every statement leaves a word in the report.

mod address;
mod check;
mod global;
mod group;
mod http;
mod real_server;
mod times;
mod value;
mod virtual_server;
mod vrrp;

pub(crate) use self::address::network as read_network;
pub(crate) use self::global::is_name;
pub(crate) use self::value::prefix_of_mask;

use std::collections::HashMap;

use config::Listen;

use super::keywords::{self, Block};
use super::read::Statement;
use crate::model::Model;
use crate::ports::Ports;
use crate::report::{At, Outcome, Place, Report};
use crate::rules::Rules;
use crate::suggestion;

/// What a group or an address of a virtual server stands for.
#[derive(Clone, Default, Debug)]
pub(super) struct Group {
    pub(super) listens: Vec<At<Listen>>,
    /// Entries that were not taken over.
    pub(super) is_partial: bool,
    pub(super) is_used: bool,
    pub(super) at: Option<Place>,
}

/// What the mapping has at hand.
pub(super) struct Mapper<'m> {
    pub(super) model: &'m mut Model,
    pub(super) report: &'m mut Report,
    pub(super) ports: &'m Ports,
    pub(super) rules: &'m Rules,
    pub(super) groups: HashMap<String, Group>,
    /// Instances with the places of their addresses, and groups that name them.
    instances: Vec<vrrp::Instance>,
    sync_groups: Vec<At<Vec<String>>>,
}

/// Takes what the statements say into the model.
pub(crate) fn map(
    statements: &[Statement],
    model: &mut Model,
    report: &mut Report,
    ports: &Ports,
    rules: &Rules,
) {
    let mut mapper = Mapper {
        model,
        report,
        ports,
        rules,
        groups: HashMap::new(),
        instances: Vec::new(),
        sync_groups: Vec::new(),
    };
    // Groups and instances may stand behind who names them.
    for statement in statements {
        if statement.keyword() == "virtual_server_group" {
            mapper.virtual_server_group(statement);
        }
    }
    for statement in statements {
        mapper.root(statement);
    }
    mapper.finish_vrrp();
    mapper.unused_groups();
    for statement in statements {
        mapper.sweep(statement);
    }
}

impl Mapper<'_> {
    fn root(&mut self, statement: &Statement) {
        match statement.keyword() {
            "global_defs" => self.global(statement),
            "virtual_server" => self.virtual_server(statement),
            "virtual_server_group" => {}
            "vrrp_instance" => self.instance(statement),
            "vrrp_sync_group" => self.sync_group(statement),
            "static_ipaddress" => self.static_addresses(statement),
            "static_routes" => self.routes(statement, None),
            "real_server" => {
                let what =
                    "it stands outside of a virtual_server: a brace before it closes too early";
                self.all(statement, Outcome::NotUnderstood, what);
            }
            _ => match keywords::ROOT.row(statement.keyword()) {
                Some(row) => self.other_block(statement, row.outcome, row.words),
                None => self.unknown(statement, &[keywords::ROOT]),
            },
        }
    }

    /// A block that is known and whose keywords are, and that changes nothing.
    fn other_block(&mut self, statement: &Statement, outcome: Outcome, words: &str) {
        self.say(statement, outcome, words);
        let names_follow = matches!(
            statement.keyword(),
            "linkbeat_interfaces"
                | "interface_up_down_delays"
                | "static_rules"
                | "local_address_group"
                | "deny_address_group"
                | "allow_address_group"
                | "tunnel_group"
                | "daddr_group"
                | "waddr_group"
        );
        for inside in statement.inside() {
            if names_follow || keywords::NOT_TAKEN.row(inside.keyword()).is_some() {
                self.all(inside, outcome, words);
            } else {
                self.unknown(inside, &[keywords::NOT_TAKEN]);
            }
        }
    }

    /// Says something of a statement, without its block.
    pub(super) fn say(&mut self, statement: &Statement, outcome: Outcome, words: &str) {
        self.report.add(statement.at, shown(statement), outcome, words);
    }

    pub(super) fn taken(&mut self, statement: &Statement) {
        self.say(statement, Outcome::Taken, "");
    }

    pub(super) fn wrong(&mut self, statement: &Statement, words: &str) {
        self.say(statement, Outcome::NotUnderstood, words);
    }

    /// Says the same of a statement and of all in its block.
    pub(super) fn all(&mut self, statement: &Statement, outcome: Outcome, words: &str) {
        self.say(statement, outcome, words);
        for inside in statement.inside() {
            self.all(inside, outcome, words);
        }
    }

    /// Says of a keyword what its block's table says, of all that is in its own block too.
    pub(super) fn fixed(&mut self, statement: &Statement, blocks: &[Block]) {
        let row = blocks.iter().find_map(|block| block.row(statement.keyword()));
        match row {
            Some(row) if row.outcome == Outcome::Taken => self.all(statement, row.outcome, ""),
            Some(row) => self.all(statement, row.outcome, row.words),
            None => self.unknown(statement, blocks),
        }
    }

    /// A keyword that is not known here.
    pub(super) fn unknown(&mut self, statement: &Statement, blocks: &[Block]) {
        let keyword = statement.keyword();
        let known = || blocks.iter().flat_map(|block| block.rows).map(|row| row.name);
        let elsewhere = keywords::BLOCKS.iter().find(|block| block.row(keyword).is_some());
        let words = match elsewhere {
            Some(block) => format!(
                "keepalived knows {keyword} in another block ({}), and ignores it here; move it there",
                block.name
            ),
            None => suggestion::unknown("keyword of keepalived's", keyword, known()),
        };
        self.wrong(statement, &words);
        if statement.block.is_some() {
            let words = format!(
                "it is in the block of line {}, which is not understood; keepalived itself reads it \
                 as if it stood outside of that block, and ends the block around it too early",
                statement.at.line
            );
            for inside in statement.inside() {
                self.all(inside, Outcome::NotUnderstood, &words);
            }
        }
    }

    /// The statements of a block that count: of a keyword that may stand there once, the last.
    pub(super) fn counting<'s>(
        &mut self,
        block: &'s [Statement],
        repeatable: &[&str],
    ) -> Vec<&'s Statement> {
        let mut last: HashMap<&str, Place> = HashMap::new();
        let mut counting = Vec::with_capacity(block.len());
        for statement in block.iter().rev() {
            let keyword = statement.keyword();
            let later = last.get(keyword).copied().filter(|_| !repeatable.contains(&keyword));
            match later {
                Some(later) => {
                    let words =
                        format!("line {} says it again, and the last one counts", later.line);
                    self.all(statement, Outcome::Unneeded, &words);
                }
                None => {
                    last.insert(keyword, statement.at);
                    counting.push(statement);
                }
            }
        }
        counting.reverse();
        counting
    }

    /// Nothing is silent: what nobody has said a word of is not taken over.
    fn sweep(&mut self, statement: &Statement) {
        if !self.report.tells_of(statement.at) {
            self.say(statement, Outcome::NotTaken, "it has no effect here; write it by hand");
        }
        for inside in statement.inside() {
            self.sweep(inside);
        }
    }
}

/// A statement as the report shows it: without secrets.
fn shown(statement: &Statement) -> String {
    const SECRETS: &[&str] = &["auth_pass", "key", "password", "auth_hmac"];
    if SECRETS.contains(&statement.keyword()) && statement.words.len() > 1 {
        return format!("{} ...", statement.keyword());
    }
    statement.text.clone()
}
