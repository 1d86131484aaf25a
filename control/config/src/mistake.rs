//! Mistakes: what is wrong, where, and what would be right.

use core::fmt;

/// A place in a text, both counted from 1; columns in characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// The configuration can be used, and does what is hardly meant.
    Warning,
}

/// One mistake; displayed as `file:line:column: what is wrong; what would be right`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// The file's name as it was given.
    pub file: String,
    /// Where; none when the file as a whole is meant.
    pub place: Option<Place>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub remedy: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        if self.severity == Severity::Warning {
            f.write_str(" warning:")?;
        }
        write!(f, " {}; {}", self.what, self.remedy)
    }
}

/// Every mistake of one text, at least one; displayed one a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistakes {
    /// The mistakes, sorted by place.
    pub mistakes: Vec<Mistake>,
    /// Warnings besides, sorted by place.
    pub warnings: Vec<Mistake>,
}

impl Mistakes {
    fn one(name: &str, place: Option<Place>, what: String, remedy: &str) -> Self {
        let mistake = Mistake {
            file: name.to_owned(),
            place,
            severity: Severity::Error,
            what,
            remedy: remedy.to_owned(),
        };
        Mistakes { mistakes: vec![mistake], warnings: Vec::new() }
    }

    /// A file that was not read: what is wrong with it, and the remedy.
    pub(crate) fn unreadable(name: &str, (what, remedy): &(String, &str)) -> Self {
        Self::one(name, None, what.clone(), remedy)
    }

    pub(crate) fn not_text(name: &str, error: &std::string::FromUtf8Error) -> Self {
        let good = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(error.as_bytes().get(..good).unwrap_or_default());
        let place = crate::document::place_of(&before, good);
        let what = "this byte is not UTF-8 text".to_owned();
        Self::one(name, Some(place), what, "save the file as UTF-8")
    }

    /// The lines of all mistakes, without warnings.
    pub fn lines(&self) -> Vec<String> {
        self.mistakes.iter().map(Mistake::to_string).collect()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl core::error::Error for Mistakes {}
