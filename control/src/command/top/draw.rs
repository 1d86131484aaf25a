//! The picture: what is wrong, the machine's traffic, the table, and the keys.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::app::{App, Position};
use super::group::{Column, Group, Row};
use crate::command::status::State;
use crate::output::colour::Colour;
use crate::output::units::rate;
use crate::output::wrap::cut;

/// How things are drawn on this terminal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    pub(super) has_colours: bool,
    /// The terminal shows more than ASCII.
    pub(super) has_unicode: bool,
}

/// Smaller than this nothing of use fits.
const LEAST: (u16, u16) = (40, 10);
/// The rows above the table's own.
const HEAD: u16 = 6;
const FOOT: u16 = 2;
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII_SPARKS: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];

impl Theme {
    fn colour(self, colour: Color) -> Style {
        if self.has_colours { Style::new().fg(colour) } else { Style::new() }
    }

    fn of(self, colour: Option<Colour>) -> Style {
        match colour {
            None => Style::new(),
            Some(Colour::Red) => self.colour(Color::Red),
            Some(Colour::Yellow) => self.colour(Color::Yellow),
            Some(Colour::Green) => self.colour(Color::Green),
        }
    }

    /// The last values as a line of so many characters, as high as the highest of them.
    pub(super) fn spark(self, values: &VecDeque<u64>, width: usize) -> String {
        let bars = if self.has_unicode { SPARKS } else { ASCII_SPARKS };
        let shown = values.iter().skip(values.len().saturating_sub(width));
        let highest = shown.clone().copied().max().unwrap_or(0).max(1);
        let bar = |value: &u64| match value {
            0 => ' ',
            value => {
                let height = u128::from(*value) * 7 / u128::from(highest);
                bars.get(usize::try_from(height).unwrap_or(7)).copied().unwrap_or(' ')
            }
        };
        let line: String = shown.map(bar).collect();
        format!("{line:>width$}")
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App, theme: Theme) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!("the terminal is too small: {} x {} is needed", LEAST.0, LEAST.1);
        frame.render_widget(Paragraph::new(text), area);
        return;
    }
    let mut lines = head(app, theme, area.width);
    let rows = app.rows();
    let room = area.height.saturating_sub(HEAD + FOOT);
    let position = app.scroll(rows.len(), usize::from(room));
    lines.push(headings(app.group, position, area.width));
    frame.render_widget(Paragraph::new(lines), Rect { height: HEAD, ..area });
    let below = Rect { y: HEAD, height: room, ..area };
    frame
        .render_widget(Paragraph::new(table(app, &rows, position, theme, area.width, room)), below);
    let foot = Rect { y: area.height - FOOT, height: FOOT, ..area };
    frame.render_widget(Paragraph::new(self::foot(app, &rows, position, area.width)), foot);
    if app.shows_help {
        help(frame, area);
    }
}

fn head(app: &App, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let (verdict, trouble) = match &app.verdict {
        None => ((Line::from("asking the dataplane ...")), Line::default()),
        Some(verdict) => {
            let style = match verdict.state {
                State::Well => theme.colour(Color::Green),
                State::Degraded => theme.colour(Color::Yellow),
                State::Broken => theme.colour(Color::Red),
            };
            let style = style.add_modifier(Modifier::BOLD);
            let text = format!("{}: {}", verdict.state.word(), verdict.summary);
            let trouble = verdict.troubles.first().map_or(String::new(), |first| {
                let more = match verdict.troubles.len() {
                    1 => String::new(),
                    more => format!(" (+{}: tandem status)", more - 1),
                };
                let room = width.saturating_sub(more.chars().count());
                format!("{}{more}", cut(&format!("* {}", first.what), room))
            });
            (Line::styled(cut(&text, width), style), Line::from(trouble))
        }
    };
    vec![verdict, trouble, traffic(app), sparks(app, theme, width), tabs(app)]
}

fn traffic(app: &App) -> Line<'static> {
    let Some(rates) = &app.rates else {
        return Line::from("rates come with the second sample");
    };
    let sum = |of: fn(&crate::command::rates::NicRates) -> f64| rates.nics.iter().map(of).sum();
    let (received, bits): (f64, f64) = (sum(|nic| nic.rx_packets), sum(|nic| nic.rx_bits));
    let (sent, lost): (f64, f64) = (sum(|nic| nic.tx_packets), sum(|nic| nic.rx_lost));
    let dropped: f64 = rates.drops.iter().map(|one| one.packets).sum();
    Line::from(format!(
        "received {} pkt/s {}bit/s, sent {} pkt/s, dropped {}/s, lost {}/s",
        rate(received),
        rate(bits),
        rate(sent),
        rate(dropped),
        rate(lost)
    ))
}

fn sparks(app: &App, theme: Theme, width: usize) -> Line<'static> {
    let half = width / 2;
    let one = |label: &str, values: &VecDeque<u64>| {
        let now = rate(values.back().copied().unwrap_or(0) as f64);
        let room = half.saturating_sub(label.len() + 9);
        format!("{label} {} {now:<6} ", theme.spark(values, room))
    };
    let text = one("received", &app.received) + &one("new", &app.opened);
    Line::styled(text, theme.colour(Color::Cyan))
}

fn tabs(app: &App) -> Line<'static> {
    let mut spans = Vec::new();
    for (place, group) in Group::ALL.into_iter().enumerate() {
        let text = format!(" {} {} ", place + 1, group.title());
        let is_chosen = group == app.group;
        let style = if is_chosen { Modifier::REVERSED } else { Modifier::empty() };
        spans.push(Span::styled(text, Style::new().add_modifier(style)));
    }
    if app.is_typing || !app.filter.is_empty() {
        let cursor = if app.is_typing { "_" } else { "" };
        spans.push(Span::raw(format!(" /{}{cursor}", app.filter)));
    }
    if app.is_paused {
        spans.push(Span::styled(" PAUSED", Style::new().add_modifier(Modifier::BOLD)));
    }
    Line::from(spans)
}

/// Columns that fit, and how much of the line they leave to the spark line.
fn fitting(columns: &'static [Column], width: u16) -> (&'static [Column], usize) {
    let mut taken = 0;
    for (place, column) in columns.iter().enumerate() {
        let next = taken + column.width + 1;
        if next > width {
            return (columns.get(..place).unwrap_or_default(), 0);
        }
        taken = next;
    }
    (columns, usize::from(width - taken))
}

fn aligned(text: &str, column: &Column) -> String {
    let width = usize::from(column.width);
    let text = cut(text, width);
    if column.is_text { format!("{text:<width$} ") } else { format!("{text:>width$} ") }
}

fn headings(group: Group, position: Position, width: u16) -> Line<'static> {
    let (columns, left) = fitting(group.columns(), width);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let heading = |(place, column): (usize, &Column)| {
        let chosen = place == position.column;
        let style = if chosen { bold.add_modifier(Modifier::UNDERLINED) } else { bold };
        Span::styled(aligned(column.heading, column), style)
    };
    let mut spans: Vec<_> = columns.iter().enumerate().map(heading).collect();
    if left > 4 {
        spans.push(Span::styled(cut(group.spark(), left), bold));
    }
    Line::from(spans)
}

fn table(
    app: &App,
    rows: &[Row],
    position: Position,
    theme: Theme,
    width: u16,
    room: u16,
) -> Vec<Line<'static>> {
    if rows.is_empty() {
        return vec![Line::from(nothing(app))];
    }
    let (columns, left) = fitting(app.group.columns(), width);
    let shown = rows.iter().enumerate().skip(position.top).take(usize::from(room));
    let line = |(place, row): (usize, &Row)| {
        let mut text: String = columns
            .iter()
            .zip(&row.cells)
            .map(|(column, cell)| aligned(&cell.text, column))
            .collect();
        if let (5.., Some(past)) = (left, app.past(&row.key)) {
            text.push_str(&theme.spark(past, left));
        }
        let style = theme.of(row.colour);
        let text = format!("{text:<width$}", width = usize::from(width));
        Line::styled(
            text,
            if place == position.row { style.add_modifier(Modifier::REVERSED) } else { style },
        )
    };
    shown.map(line).collect()
}

/// Why there is no row.
fn nothing(app: &App) -> String {
    match (app.group, &app.clients) {
        _ if !app.filter.is_empty() => format!("nothing contains {:?}; Esc shows all", app.filter),
        (Group::Clients, _) if !app.counts_clients => {
            "clients are counted with: tandem top --sources".to_owned()
        }
        (Group::Clients, None) => "looking at all connections ...".to_owned(),
        (Group::Clients, Some(Err(why))) => why.clone(),
        (Group::Clients, Some(Ok(_))) => "no client has a connection".to_owned(),
        _ if app.rates.is_none() => String::new(),
        (Group::Services | Group::Servers, _) => "the configuration has no service".to_owned(),
        (Group::Drops, _) => "no packet was dropped".to_owned(),
        (Group::Workers, _) => "there is no worker".to_owned(),
    }
}

fn foot(app: &App, rows: &[Row], position: Position, width: u16) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let detail = match (app.group, rows.get(position.row)) {
        (Group::Drops, Some(row)) => row
            .cells
            .last()
            .map_or(String::new(), |cell| format!("{}: {} (docs/counters.md)", row.key, cell.text)),
        (Group::Clients, _) => match &app.clients {
            Some(Ok(found)) => format!(
                "{} connections of {} clients",
                crate::output::units::count(found.connections),
                crate::output::units::count(found.all as u64)
            ),
            _ => String::new(),
        },
        _ => String::new(),
    };
    let place = if rows.is_empty() { 0 } else { position.row + 1 };
    let right = format!("{place}/{} ", rows.len());
    let left = cut(&detail, width.saturating_sub(right.len() + 1));
    let gap = width.saturating_sub(left.chars().count() + right.len());
    let keys = format!(
        "q quit  ? help  Tab next  s sort  r reverse  / filter  p pause  +/- {} ms",
        app.interval.as_millis()
    );
    vec![
        Line::from(format!("{left}{}{right}", " ".repeat(gap))),
        Line::styled(cut(&keys, width), Style::new().add_modifier(Modifier::DIM)),
    ]
}

const HELP: [&str; 14] = [
    "1 to 5, Tab       services, servers, clients, drops, workers",
    "up, down, j, k    choose a row; PgUp, PgDn, Home, End",
    "s, left, right    sort by another column (underlined)",
    "r                 sort the other way round",
    "/                 show only rows that contain a text; Esc: all",
    "p, space          pause, and go on",
    "+, -              look less, more often",
    "q, Ctrl-C         quit",
    "",
    "NEW/S new connections a second, ACTIVE those that open or are",
    "open. Spark lines are of the last minute of looks, each as high",
    "as its own highest value. Red: no server is up, or a flood.",
    "",
    "Any key closes this.",
];

fn help(frame: &mut Frame<'_>, area: Rect) {
    let width = area.width.min(70);
    let height = area.height.min(HELP.len() as u16 + 2);
    let (x, y) = ((area.width - width) / 2, (area.height - height) / 2);
    let place = Rect { x, y, width, height };
    frame.render_widget(Clear, place);
    let lines: Vec<Line<'_>> = HELP.into_iter().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" keys ")), place);
}
