//! keepalived's lexical layer, in keepalived's own order: line ends, comments, included files,
//! conditions, variables, sequences, braces, words. What comes out are statements with blocks,
//! each with the line that it is written on.

mod definitions;
mod include;
mod sequence;
mod tree;
mod words;

use std::path::{Path, PathBuf};

use self::definitions::{BuiltIn, Definitions, LONGEST_LINE, Refused, definition, undefined};
use self::sequence::Values;
use self::tree::Builder;
pub(crate) use self::tree::Statement;
pub(crate) use self::words::command;
use self::words::{Piece, Uncommented, pieces, uncomment};
use crate::error::Error;
use crate::files::Files;
use crate::report::{Outcome, Place, Report};

/// The most lines of all files, with those that variables and sequences make.
const MOST_LINES: usize = 2_000_000;
/// The most files.
const MOST_FILES: usize = 4096;
/// The most variables that are put in, over all lines.
const MOST_VARIABLES: usize = 4_000_000;
/// Files in files, and sequences in sequences, at the most.
const DEEPEST: usize = 24;

/// What decides which lines are read.
#[derive(Clone, Default, Debug)]
pub(crate) struct Choices {
    /// The machine that lines with `@` are for.
    pub(crate) config_id: Option<String>,
    pub(crate) instance: Option<String>,
    /// Included files may be anywhere.
    pub(crate) follow: bool,
}

/// Reads the text of a file and all that it includes.
///
/// # Errors
/// When a file that is there cannot be read, or they hold more than anybody writes.
pub(crate) fn read(
    files: &Files,
    path: &Path,
    name: &str,
    text: &str,
    choices: &Choices,
    report: &mut Report,
) -> Result<Vec<Statement>, Error> {
    let whole = files.whole(path);
    let root = whole.parent().map_or_else(PathBuf::new, Path::to_owned);
    let mut reader = Reader {
        files,
        choices,
        report,
        root,
        stack: Vec::new(),
        definitions: Definitions::default(),
        open_definition: None,
        builder: Builder::default(),
        lines: 0,
        read: 0,
        variables: 0,
    };
    reader.file(&whole, name, text)?;
    Ok(reader.builder.finish(reader.report))
}

struct Reader<'r> {
    files: &'r Files,
    choices: &'r Choices,
    report: &'r mut Report,
    /// The folder of the first file.
    root: PathBuf,
    /// The files that are being read, each included by the one before.
    stack: Vec<PathBuf>,
    definitions: Definitions,
    /// The variable whose lines are being read.
    open_definition: Option<String>,
    builder: Builder,
    lines: usize,
    read: usize,
    variables: usize,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, name: &str, text: &str) -> Result<(), Error> {
        self.read += 1;
        if self.read > MOST_FILES {
            return Err(Error::too_much(name, 0, "more than 4,096 files are included"));
        }
        let file = self.report.file(name);
        self.stack.push(path.to_owned());
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.split('\n').enumerate() {
            let line_number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            self.physical(line, Place { file, line: line_number })?;
        }
        self.stack.pop();
        Ok(())
    }

    fn physical(&mut self, line: &str, at: Place) -> Result<(), Error> {
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            self.open_definition = None;
            return Ok(());
        }
        let trimmed = line.trim_start_matches([' ', '\t']);
        if trimmed.is_empty() || trimmed.starts_with(['#', '!']) {
            return Ok(());
        }
        if line.contains('\0') || line.len() > LONGEST_LINE {
            let what = "keepalived ignores a line with a zero byte or of more than 1,023 bytes; \
                        write it on several lines";
            self.report.add(at, line, Outcome::NotUnderstood, what);
            return Ok(());
        }
        let Uncommented { text, continues, is_open } = uncomment(line);
        if is_open {
            let what = "a double quote is not closed on its line; close it";
            self.report.add(at, text.as_str(), Outcome::NotUnderstood, what);
        }
        if text.is_empty() && !continues {
            return Ok(());
        }
        self.logical(text, continues, at, 0)
    }

    /// A line without its comment, from a file, a variable or a sequence.
    fn logical(
        &mut self,
        mut text: String,
        continues: bool,
        at: Place,
        depth: usize,
    ) -> Result<(), Error> {
        self.lines += 1;
        if self.lines > MOST_LINES || self.variables > MOST_VARIABLES {
            let name = self.report.file_name(at);
            return Err(Error::too_much(name, at.line, "variables and sequences make too much"));
        }
        if depth > DEEPEST {
            let what = "sequences and variables are nested too deep";
            self.report.add(at, text, Outcome::NotUnderstood, what);
            return Ok(());
        }
        if let Some(name) = self.open_definition.clone() {
            self.definitions.add_line(&name, &text);
            self.report.add(at, text, Outcome::Taken, "");
            if !continues {
                self.open_definition = None;
            }
            return Ok(());
        }
        let mut more = Vec::new();
        // Each turn puts variables in, which are counted.
        loop {
            if text.starts_with('@') {
                match self.condition(&text, at) {
                    Some(rest) => text = rest,
                    None => break text.clear(),
                }
            }
            if let Some((name, value)) = definition(&text) {
                let lines =
                    if value.is_empty() && continues { Vec::new() } else { vec![value.to_owned()] };
                self.definitions.set(name, lines);
                if continues {
                    self.open_definition = Some(name.to_owned());
                }
                self.report.add(at, text, Outcome::Taken, "");
                return self.rest_of_variable(more, at, depth);
            }
            if text.starts_with("~SEQ") || text.starts_with("~LST") {
                self.sequence(&text, at, depth)?;
                return self.rest_of_variable(more, at, depth);
            }
            let folder = self.folder();
            let built_in = BuiltIn { folder: &folder, instance: self.choices.instance.as_deref() };
            match self.definitions.replace(&text, &built_in, &mut self.variables) {
                Ok(None) => break,
                Ok(Some(replaced)) => {
                    text = uncomment(&replaced.text).text;
                    more.splice(0..0, replaced.more);
                    if !text.starts_with(['@', '~']) {
                        break;
                    }
                    if self.variables > MOST_VARIABLES {
                        break;
                    }
                }
                Err(refused) => {
                    let what = match refused {
                        Refused::TooLong => "its variables make it longer than keepalived reads",
                        Refused::Endless => "its variables name each other without an end",
                    };
                    self.report.add(at, text, Outcome::NotUnderstood, what);
                    return Ok(());
                }
            }
        }
        self.statement(&text, continues, at)?;
        self.rest_of_variable(more, at, depth)
    }

    fn rest_of_variable(
        &mut self,
        lines: Vec<String>,
        at: Place,
        depth: usize,
    ) -> Result<(), Error> {
        for line in lines {
            let Uncommented { text, .. } = uncomment(&line);
            if !text.is_empty() {
                self.logical(text, false, at, depth + 1)?;
            }
        }
        Ok(())
    }

    fn statement(&mut self, text: &str, continues: bool, at: Place) -> Result<(), Error> {
        if text.is_empty() {
            return Ok(());
        }
        if let Some(pattern) = include::pattern(text) {
            return self.include(pattern, text, at);
        }
        if continues {
            let what = "keepalived goes on behind a backslash in values of $variables alone; write \
                        it on one line";
            self.report.add(at, text, Outcome::NotUnderstood, what);
        }
        if let Some(name) = undefined(text).filter(|_| !text.starts_with("regex")) {
            let what = match name.get(..6) {
                Some("${_ENV") => format!(
                    "{name} is a variable of keepalived's environment, which is not known here; \
                     write its value"
                ),
                Some("${_RAN") => format!("{name} is another number each time; write one"),
                _ => format!("{name} is not defined; define it, or write its value"),
            };
            self.report.add(at, text, Outcome::NotUnderstood, what);
        }
        for piece in pieces(text) {
            // What an escaped comment sign begins is a comment all the same behind a brace.
            if matches!(piece, Piece::Words(words) if words.starts_with(['#', '!'])) {
                break;
            }
            self.builder.add(&piece, at, self.report);
        }
        Ok(())
    }

    /// What follows a condition that holds.
    fn condition(&mut self, text: &str, at: Place) -> Option<String> {
        let (is_other, condition) = match text.strip_prefix("@^") {
            Some(rest) => (true, rest),
            None => (false, text.get(1..).unwrap_or_default()),
        };
        let Some((id, rest)) = condition.split_once([' ', '\t']) else {
            self.report.add(at, text, Outcome::NotUnderstood, "nothing follows the condition");
            return None;
        };
        let config_id = self.choices.config_id.as_deref().unwrap_or_default();
        self.report.note(format!(
            "Lines that begin with @ were read as for the machine {config_id:?}; --config-id reads \
             them for another one."
        ));
        if (id == config_id) == is_other {
            let what = format!("it is for another machine than {config_id:?}");
            self.report.add(at, text, Outcome::Unneeded, what);
            return None;
        }
        Some(rest.trim_start_matches([' ', '\t']).to_owned())
    }

    fn sequence(&mut self, text: &str, at: Place, depth: usize) -> Result<(), Error> {
        let folder = self.folder();
        let built_in = BuiltIn { folder: &folder, instance: self.choices.instance.as_deref() };
        let (definitions, variables) = (&self.definitions, &mut self.variables);
        let put_in = |numbers: &str| {
            let replaced = definitions.replace(numbers, &built_in, variables).ok().flatten();
            replaced.map_or_else(|| numbers.to_owned(), |replaced| replaced.text)
        };
        let Some(sequence) = sequence::sequence(text, put_in) else {
            let what = "it is no sequence; write it as in ~SEQ(name, 1, 10) or ~LST(name, a, b)";
            self.report.add(at, text, Outcome::NotUnderstood, what);
            return Ok(());
        };
        if sequence.text.is_empty() {
            return Ok(());
        }
        match &sequence.values {
            Values::Numbers { first, step, last, is_hex } => {
                let name = sequence.names.first().copied().unwrap_or_default();
                let mut value = Some(*first);
                while let Some(now) = value.filter(|value| (value - last) * step.signum() <= 0) {
                    let shown = if *is_hex { format!("{now:x}") } else { now.to_string() };
                    self.definitions.set(name, vec![shown]);
                    self.logical(sequence.text.to_owned(), false, at, depth + 1)?;
                    value = now.checked_add(*step);
                }
            }
            Values::Lists(lists) => {
                for values in lists {
                    for (name, value) in sequence.names.iter().zip(values) {
                        self.definitions.set(name, vec![(*value).to_owned()]);
                    }
                    self.logical(sequence.text.to_owned(), false, at, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// The folder of the file that is being read.
    fn folder(&self) -> String {
        let folder = self.stack.last().and_then(|path| path.parent());
        folder.map_or_else(String::new, |folder| folder.display().to_string())
    }

    fn include(&mut self, pattern: &str, text: &str, at: Place) -> Result<(), Error> {
        let pattern = pattern.trim_matches('"');
        let folder = PathBuf::from(self.folder());
        let found = include::files(self.files, &folder, pattern);
        if found.is_empty() && include::is_pattern(pattern) {
            self.report.add(at, text, Outcome::Unneeded, "no file matches it");
        } else if found.is_empty() {
            let what = "there is no such file here, and keepalived goes on without it; copy it \
                        beside this one, or take the line out";
            self.report.add(at, text, Outcome::NotTaken, what);
        }
        for path in found {
            let whole = self.files.whole(&path);
            let why = if self.stack.contains(&whole) {
                Some("is being read already: it includes itself")
            } else if self.stack.len() > DEEPEST {
                Some("is included through too many others")
            } else if !self.choices.follow && !whole.starts_with(&self.root) {
                Some("is not below the folder of the first file; read it with --follow")
            } else {
                None
            };
            if let Some(why) = why {
                let what = format!("{} {why}", path.display());
                self.report.add(at, text, Outcome::NotTaken, what);
                continue;
            }
            let name = path.display().to_string();
            match self.files.read(&whole) {
                Ok(bytes) => {
                    self.report.add(at, text, Outcome::Taken, "");
                    self.file(&whole, &name, &String::from_utf8_lossy(&bytes))?;
                }
                // What is there and closed to this user belongs to the configuration.
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                    return Err(Error::unreadable(&name, &error));
                }
                Err(error) => {
                    let what = format!("{name} cannot be read, and keepalived skips it: {error}");
                    self.report.add(at, text, Outcome::NotTaken, what);
                }
            }
        }
        Ok(())
    }
}
