//! Subjects from file names.

use crate::error::DataError;

/// A parsed `data.subject_pattern`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectPattern {
    /// The whole file name without its extension; in BIDS the `sub-` folder.
    Stem,
    /// What precedes the first occurrence of the text, the whole name where it does not occur.
    Before(String),
    /// Each page of a stack, or slice of a volume, is a subject.
    Page,
}

impl SubjectPattern {
    /// Reads `"stem"`, `"page"` or `"before:TEXT"`.
    ///
    /// # Errors
    /// [`DataError::Config`] on anything else.
    pub fn parse(pattern: &str) -> Result<Self, DataError> {
        match pattern {
            "stem" => Ok(Self::Stem),
            "page" => Ok(Self::Page),
            _ => match pattern.strip_prefix("before:") {
                Some(text) if !text.is_empty() => Ok(Self::Before(text.to_string())),
                _ => {
                    let expected = "\"stem\", \"page\" or \"before:TEXT\"";
                    Err(DataError::config("data.subject_pattern", expected, pattern))
                }
            },
        }
    }

    /// The subject of page `page` of the file whose name without extension is `stem`.
    pub fn subject(&self, stem: &str, page: usize) -> String {
        match self {
            Self::Stem => stem.to_string(),
            Self::Before(text) => match stem.find(text.as_str()) {
                Some(at) if at > 0 => stem[..at].to_string(),
                _ => stem.to_string(),
            },
            Self::Page => format!("{stem}#{page:04}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_from_names() {
        let before = SubjectPattern::parse("before:-").unwrap();
        assert_eq!(before.subject("PANCREAS_0001-1102", 0), "PANCREAS_0001");
        let session = SubjectPattern::parse("before:Ses").unwrap();
        assert_eq!(session.subject("sub-10062Ses2", 3), "sub-10062");
        assert_eq!(session.subject("sub-9418", 3), "sub-9418");
        assert_eq!(SubjectPattern::Stem.subject("07", 1), "07");
        assert_eq!(SubjectPattern::Page.subject("stack", 7), "stack#0007");
    }
}
