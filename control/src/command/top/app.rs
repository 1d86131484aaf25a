//! What is shown, and what keys change.

use core::time::Duration;
use std::collections::{HashMap, HashSet, VecDeque};

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::clients::Clients;
use super::group::{Group, Row, sort};
use crate::command::rates::Rates;
use crate::command::status::Verdict;

/// How many values a spark line has at most.
pub(super) const PAST: usize = 60;
/// Rows beyond these have no spark line.
const REMEMBERED: usize = 4096;
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(60);

/// What a key makes necessary beyond the next picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Nothing,
    End,
    /// The interval is another one.
    Tell,
}

/// How one group is sorted, and which row is chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) column: usize,
    pub(super) reversed: bool,
    pub(super) row: usize,
    /// The first row that is shown.
    pub(super) top: usize,
}

pub(super) struct App {
    pub(super) group: Group,
    pub(super) positions: HashMap<Group, Position>,
    pub(super) verdict: Option<Verdict>,
    pub(super) rates: Option<Rates>,
    pub(super) clients: Option<Result<Clients, String>>,
    /// Clients are counted: `--sources`.
    pub(super) counts_clients: bool,
    /// Packets received, and connections opened, in each second, of the whole machine.
    pub(super) received: VecDeque<u64>,
    pub(super) opened: VecDeque<u64>,
    pub(super) interval: Duration,
    pub(super) is_paused: bool,
    pub(super) shows_help: bool,
    /// Only rows that contain this are shown.
    pub(super) filter: String,
    /// The filter is being typed.
    pub(super) is_typing: bool,
    /// How many rows the last picture had room for.
    pub(super) page: usize,
    history: HashMap<Group, HashMap<String, VecDeque<u64>>>,
    /// What came while it was paused.
    waiting: Option<(Verdict, Option<Rates>)>,
}

impl App {
    pub(super) fn new(group: Group, interval: Duration, counts_clients: bool) -> Self {
        let position = |group: Group| {
            (group, Position { column: group.first_sort(), reversed: false, row: 0, top: 0 })
        };
        App {
            group,
            positions: Group::ALL.map(position).into(),
            verdict: None,
            rates: None,
            clients: None,
            counts_clients,
            received: VecDeque::new(),
            opened: VecDeque::new(),
            interval,
            is_paused: false,
            shows_help: false,
            filter: String::new(),
            is_typing: false,
            page: 1,
            history: HashMap::new(),
            waiting: None,
        }
    }

    pub(super) fn position(&self) -> Position {
        let first = Position { column: 0, reversed: false, row: 0, top: 0 };
        self.positions.get(&self.group).copied().unwrap_or(first)
    }

    fn position_mut(&mut self) -> &mut Position {
        let first = Position { column: 0, reversed: false, row: 0, top: 0 };
        self.positions.entry(self.group).or_insert(first)
    }

    /// Sorts by the column whose heading begins so, if there is one.
    pub(super) fn sort_by(&mut self, heading: &str) -> bool {
        let wanted = heading.to_uppercase();
        let columns = self.group.columns();
        let exact = columns.iter().position(|column| column.heading == wanted);
        let begins = || columns.iter().position(|column| column.heading.starts_with(&wanted));
        let Some(column) = exact.or_else(begins) else { return false };
        self.position_mut().column = column;
        true
    }

    /// Takes a sample; while it is paused the last one waits.
    pub(super) fn take(&mut self, verdict: Verdict, rates: Option<Rates>) {
        if let Some(rates) = &rates {
            self.remember(rates);
        }
        if self.is_paused {
            self.waiting = Some((verdict, rates));
            return;
        }
        self.verdict = Some(verdict);
        // While the dataplane does not answer, the last numbers stay, and the verdict says so.
        if rates.is_some() {
            self.rates = rates;
        }
    }

    pub(super) fn take_clients(&mut self, clients: Result<Clients, String>) {
        if let Ok(found) = &clients {
            let rows = Group::Clients.rows(&Rates::default(), Some(found));
            self.push(Group::Clients, &rows);
        }
        if !self.is_paused {
            self.clients = Some(clients);
        }
    }

    fn remember(&mut self, rates: &Rates) {
        let received: f64 = rates.nics.iter().map(|nic| nic.rx_packets).sum();
        let opened: f64 = rates.services.iter().map(|one| one.traffic.connections).sum();
        push(&mut self.received, received);
        push(&mut self.opened, opened);
        for group in [Group::Services, Group::Servers, Group::Drops, Group::Workers] {
            let rows = group.rows(rates, None);
            self.push(group, &rows);
        }
    }

    fn push(&mut self, group: Group, rows: &[Row]) {
        let past = self.history.entry(group).or_default();
        let present: HashSet<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        past.retain(|key, _| present.contains(key.as_str()));
        for row in rows {
            if past.len() < REMEMBERED || past.contains_key(&row.key) {
                push(past.entry(row.key.clone()).or_default(), row.rate);
            }
        }
    }

    /// The past of a row, the newest last.
    pub(super) fn past(&self, key: &str) -> Option<&VecDeque<u64>> {
        self.history.get(&self.group).and_then(|past| past.get(key))
    }

    /// The rows that match, in their order.
    pub(super) fn rows(&self) -> Vec<Row> {
        let clients = self.clients.as_ref().and_then(|found| found.as_ref().ok());
        let none = Rates::default();
        let rates = self.rates.as_ref().unwrap_or(&none);
        let mut rows = self.group.rows(rates, clients);
        let wanted = self.filter.to_lowercase();
        if !wanted.is_empty() {
            let has =
                |row: &Row| row.cells.iter().any(|cell| cell.text.to_lowercase().contains(&wanted));
            rows.retain(has);
        }
        let Position { column, reversed, .. } = self.position();
        sort(&mut rows, self.group, column, reversed);
        rows
    }

    pub(super) fn key(&mut self, key: KeyEvent) -> Outcome {
        if self.is_typing {
            self.type_filter(key.code);
            return Outcome::Nothing;
        }
        if self.shows_help {
            self.shows_help = false;
            return if key.code == KeyCode::Char('q') { Outcome::End } else { Outcome::Nothing };
        }
        match key.code {
            KeyCode::Char('q') => return Outcome::End,
            KeyCode::Esc if self.filter.is_empty() => return Outcome::End,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.shows_help = true,
            KeyCode::Char('p' | ' ') => self.pause(),
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char('+' | '-') => return self.change_interval(key.code),
            KeyCode::Char(digit @ '1'..='5') => {
                let place = usize::from(digit as u8 - b'1');
                self.group = Group::ALL.get(place).copied().unwrap_or(self.group);
            }
            KeyCode::Tab | KeyCode::BackTab => self.turn(key.code == KeyCode::Tab),
            KeyCode::Char('s' | '>') | KeyCode::Right => self.next_column(true),
            KeyCode::Char('S' | '<') | KeyCode::Left => self.next_column(false),
            KeyCode::Char('r') => {
                let position = self.position_mut();
                position.reversed = !position.reversed;
            }
            code => self.move_to(code),
        }
        Outcome::Nothing
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(letter) if self.filter.chars().count() < 40 => self.filter.push(letter),
            _ => {}
        }
    }

    fn pause(&mut self) {
        self.is_paused = !self.is_paused;
        if let (false, Some((verdict, rates))) = (self.is_paused, self.waiting.take()) {
            self.verdict = Some(verdict);
            self.rates = rates.or(self.rates.take());
        }
    }

    fn change_interval(&mut self, code: KeyCode) -> Outcome {
        let other = if code == KeyCode::Char('+') { self.interval * 2 } else { self.interval / 2 };
        self.interval = other.clamp(SHORTEST, LONGEST);
        Outcome::Tell
    }

    fn turn(&mut self, forward: bool) {
        let all = Group::ALL;
        let place = all.iter().position(|group| *group == self.group).unwrap_or(0);
        let step = if forward { 1 } else { all.len() - 1 };
        self.group = all[(place + step) % all.len()];
    }

    fn next_column(&mut self, forward: bool) {
        let columns = self.group.columns().len();
        let position = self.position_mut();
        let step = if forward { 1 } else { columns - 1 };
        position.column = (position.column + step) % columns;
        position.reversed = false;
    }

    fn move_to(&mut self, code: KeyCode) {
        let last = self.rows().len().saturating_sub(1);
        let page = self.page.max(1);
        let position = self.position_mut();
        position.row = match code {
            KeyCode::Down | KeyCode::Char('j') => position.row + 1,
            KeyCode::Up | KeyCode::Char('k') => position.row.saturating_sub(1),
            KeyCode::PageDown => position.row + page,
            KeyCode::PageUp => position.row.saturating_sub(page),
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => last,
            _ => position.row,
        }
        .min(last);
    }

    /// Has the chosen row among those that are shown.
    pub(super) fn scroll(&mut self, rows: usize, page: usize) -> Position {
        self.page = page;
        let position = self.position_mut();
        position.row = position.row.min(rows.saturating_sub(1));
        if position.row < position.top {
            position.top = position.row;
        } else if page > 0 && position.row >= position.top + page {
            position.top = position.row + 1 - page;
        }
        position.top = position.top.min(rows.saturating_sub(page));
        *position
    }
}

fn push(values: &mut VecDeque<u64>, value: f64) {
    if values.len() == PAST {
        values.pop_front();
    }
    values.push_back(value.max(0.0).round() as u64);
}
