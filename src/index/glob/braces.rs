//! `a{b,c}d` becomes `abd` and `acd`.

/// What making one text costs besides its bytes.
const TEXT_BYTES: usize = 16;

/// A pair of braces that is being read, or the whole text.
struct Group {
    /// Alternatives that ended with their comma.
    finished: Vec<String>,
    /// The alternative being read: as many texts as the groups inside it stand for so far.
    open: Vec<String>,
}

/// What has been spent.
struct Budget {
    texts_max: usize,
    bytes_max: usize,
    bytes: usize,
}

impl Group {
    fn new() -> Group {
        Group {
            finished: Vec::new(),
            open: vec![String::new()],
        }
    }

    fn push(&mut self, c: char, budget: &mut Budget) -> Option<()> {
        budget.spend(self.open.len() * c.len_utf8())?;
        self.open.iter_mut().for_each(|text| text.push(c));
        Some(())
    }

    fn end_alternative(&mut self, budget: &Budget) -> Option<()> {
        self.finished.append(&mut self.open);
        self.open.push(String::new());
        (self.finished.len() <= budget.texts_max).then_some(())
    }

    /// Every text so far, followed by every text of a group that has closed.
    fn multiply(&mut self, inner: &[String], budget: &mut Budget) -> Option<()> {
        let count = self.open.len().checked_mul(inner.len())?;
        if count > budget.texts_max {
            return None;
        }
        let inner_bytes: usize = inner.iter().map(String::len).sum();
        let open_bytes: usize = self.open.iter().map(String::len).sum();
        budget
            .spend(open_bytes * inner.len() + inner_bytes * self.open.len() + count * TEXT_BYTES)?;
        let joined = self
            .open
            .iter()
            .flat_map(|head| inner.iter().map(move |tail| format!("{head}{tail}")));
        self.open = joined.collect();
        Some(())
    }
}

impl Budget {
    fn spend(&mut self, bytes: usize) -> Option<()> {
        self.bytes += bytes;
        (self.bytes <= self.bytes_max).then_some(())
    }
}

/// All texts that `text` stands for, sorted and distinct, at least one, and the bytes it cost.
/// A brace without its partner is literal. `None` beyond `texts_max` texts or `bytes_max` bytes
/// written on the way.
pub(super) fn expand(
    text: &str,
    texts_max: usize,
    bytes_max: usize,
) -> Option<(Vec<String>, usize)> {
    let paired = pairs(text);
    let mut budget = Budget {
        texts_max,
        bytes_max,
        bytes: 0,
    };
    let mut outer: Vec<Group> = Vec::new();
    let mut group = Group::new();
    for (at, c) in text.char_indices() {
        match c {
            '{' if paired.binary_search(&at).is_ok() => {
                outer.push(std::mem::replace(&mut group, Group::new()));
            }
            '}' if paired.binary_search(&at).is_ok() => {
                group.end_alternative(&budget)?;
                let mut around = outer.pop()?;
                around.multiply(&group.finished, &mut budget)?;
                group = around;
            }
            ',' if !outer.is_empty() => group.end_alternative(&budget)?,
            c => group.push(c, &mut budget)?,
        }
    }
    let mut texts = group.open;
    texts.sort_unstable();
    texts.dedup();
    Some((texts, budget.bytes))
}

/// Where the braces stand that have a partner, ascending.
fn pairs(text: &str) -> Vec<usize> {
    let mut open = Vec::new();
    let mut paired = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open.push(at),
            b'}' => paired.extend(open.pop().map(|start| [start, at]).into_iter().flatten()),
            _ => {}
        }
    }
    paired.sort_unstable();
    paired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let got = expand(text, 16, 1_000).map(|(texts, _)| texts.join(" "));
        assert_eq!(got.as_deref().unwrap_or("too many"), want, "text {text}");
    }

    #[test]
    fn expands() {
        check("abc", "abc");
        check("a{b,c}d", "abd acd");
        check("{a,b}{c,d}", "ac ad bc bd");
        check("{a,{b,c}d}", "a bd cd");
        check("{a}", "a");
        check("{,a}b", "ab b");
        check("{a,a}", "a");
        check("a,b", "a,b");
        check("{a{b,c}", "{ab {ac");
        check("{x,{y,z}", "{x,y {x,z");
        check("a}b{c,d}", "a}bc a}bd");
        check("{a,b}{a,b}{a,b}{a,b}{a,b}", "too many");
        check(&"{a,".repeat(40), &"{a,".repeat(40));
    }
}
