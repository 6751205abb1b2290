//! What went wrong while reading, in words for the person who looks after the source.

/// A list that stays readable however broken the document is.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    said: Vec<String>,
    unsaid: usize,
}

/// How many are said; the rest are counted.
const MOST: usize = 20;

impl Problems {
    /// Adds a sentence, lower case and without a full stop.
    pub(crate) fn add(&mut self, problem: impl Into<String>) {
        if self.said.len() < MOST {
            self.said.push(problem.into());
        } else {
            self.unsaid += 1;
        }
    }

    /// Adds several.
    pub(crate) fn extend(&mut self, problems: Vec<String>) {
        for problem in problems {
            self.add(problem);
        }
    }

    /// Adds what went wrong after it.
    pub(crate) fn append(&mut self, later: Self) {
        self.extend(later.said);
        self.unsaid += later.unsaid;
    }

    /// Whether all went well.
    pub(crate) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// All, and how many more there were.
    pub(crate) fn into_vec(mut self) -> Vec<String> {
        if self.unsaid > 0 {
            self.said.push(format!("and {} more", self.unsaid));
        }
        self.said
    }
}

/// A stranger's words, short enough to stand in a sentence.
pub(crate) fn quote(text: &str) -> String {
    let mut letters = text.trim().chars();
    let mut start: String = letters.by_ref().take(60).collect();
    if letters.next().is_some() {
        start.push('…');
    }
    format!("`{start}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_twenty_are_said_and_the_rest_counted() {
        let mut problems = Problems::default();
        for number in 0..25 {
            problems.add(number.to_string());
        }
        let said = problems.into_vec();
        assert_eq!(said.len(), 21);
        assert_eq!(said.last().map(String::as_str), Some("and 5 more"));
    }

    #[test]
    fn what_another_list_left_unsaid_is_counted_too() {
        let (mut problems, mut later) = (Problems::default(), Problems::default());
        problems.add("a");
        for number in 0..25 {
            later.add(number.to_string());
        }
        problems.append(later);
        let said = problems.into_vec();
        assert_eq!(said.first().map(String::as_str), Some("a"));
        assert_eq!(said.last().map(String::as_str), Some("and 6 more"));
    }
}
