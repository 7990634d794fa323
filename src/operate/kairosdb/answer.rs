//! The answer to a query, read as it comes: nothing of it is held but the result under way.

use std::io::Read;

use super::point::Series;
use super::tokens::Tokens;
use super::trouble::Trouble;
use crate::wire::json::Kind;

/// A result, at its values.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) tags: Vec<(String, Vec<String>)>,
}

impl Found {
    /// The one series that it is of.
    ///
    /// # Errors
    /// If there may be several: it has tags that are none of `keys`, by which was grouped.
    pub(super) fn series(&self, keys: &[String]) -> Result<Series, Trouble> {
        let strange = self.tags.iter().map(|(key, _)| key);
        let strange: Vec<String> = strange.filter(|key| !keys.contains(key)).cloned().collect();
        if !strange.is_empty() {
            return Err(Trouble::Ungrouped(strange));
        }
        let mut tags = Vec::with_capacity(self.tags.len());
        for (key, values) in &self.tags {
            match values.as_slice() {
                [value] => tags.push((key.clone(), value.clone())),
                [] => {}
                _ => {
                    return Err(Trouble::Broken(format!(
                        "one result has several values of `{key}`"
                    )));
                }
            }
        }
        let name = self.name.clone();
        Ok(Series { name, tags })
    }
}

/// Read an answer. `each` gets every result at its values, whose bracket was read and which it must read to
/// the end. Gives how many points the server says that it had read.
pub(super) fn read<R: Read>(
    mut tokens: Tokens<R>,
    mut each: impl FnMut(&mut Tokens<R>, Found) -> Result<(), Trouble>,
) -> Result<u64, Trouble> {
    let mut sample = 0_u64;
    tokens.open(Kind::Object)?;
    let mut first = true;
    while let Some(name) = tokens.member(&mut first)? {
        if name != "queries" {
            tokens.skip()?;
            continue;
        }
        tokens.open(Kind::Array)?;
        let mut first = true;
        while tokens.element(&mut first)? {
            tokens.open(Kind::Object)?;
            let mut first = true;
            while let Some(name) = tokens.member(&mut first)? {
                match name.as_str() {
                    "sample_size" => {
                        let size = tokens.scalar()?.parse::<u64>().unwrap_or_default();
                        sample = sample.saturating_add(size);
                    }
                    "results" => results(&mut tokens, &mut each)?,
                    _ => tokens.skip()?,
                }
            }
        }
    }
    match tokens.is_end()? {
        true => Ok(sample),
        false => Err(Trouble::Broken(
            "something stands behind its end".to_owned(),
        )),
    }
}

fn results<R: Read>(
    tokens: &mut Tokens<R>,
    each: &mut impl FnMut(&mut Tokens<R>, Found) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    tokens.open(Kind::Array)?;
    let mut first = true;
    while tokens.element(&mut first)? {
        tokens.open(Kind::Object)?;
        let (mut first, mut found, mut is_read) = (true, Found::default(), false);
        while let Some(name) = tokens.member(&mut first)? {
            match name.as_str() {
                "values" => {
                    tokens.open(Kind::Array)?;
                    each(tokens, std::mem::take(&mut found))?;
                    is_read = true;
                }
                "name" | "tags" if is_read => {
                    let text = format!("`{name}` stands behind the values");
                    return Err(Trouble::Broken(text));
                }
                "name" => found.name = tokens.scalar()?,
                "tags" => found.tags = tags(tokens)?,
                _ => tokens.skip()?,
            }
        }
    }
    Ok(())
}

/// `{"key":["value",…],…}`.
fn tags<R: Read>(tokens: &mut Tokens<R>) -> Result<Vec<(String, Vec<String>)>, Trouble> {
    tokens.open(Kind::Object)?;
    let (mut tags, mut first) = (Vec::new(), true);
    while let Some(key) = tokens.member(&mut first)? {
        tags.push((key, tokens.texts()?));
    }
    Ok(tags)
}
