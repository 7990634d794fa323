//! A target becomes the series of the answer.
//!
//! An [`Evaluator`] serves one request: it keeps the leaves that were fetched, by range, so that no two
//! targets fetch the same twice. An `Evaluation` is it together with what functions may know of the
//! request; those that look back evaluate their arguments once more as if the request were another.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::functions::{self, Call, Summarized, Told};
use super::target::{self, Expression, Target};
use super::{Context, Leaves};
use crate::query::breath::{self, Local, Pace};
use crate::query::error::QueryError;
use crate::query::limits::Limits;
use crate::query::plan::Selector;
use crate::query::rows::{Combine, Combined, Group};
use crate::query::series::Series;
use crate::query::summary::Summary;
use crate::query::together::Share;

/// Bytes that a series costs besides its values and its name.
const SERIES_BYTES: u64 = 512;

/// Leaves of one request, each in one range: each is a walk over every shard's index.
pub const SELECTORS_MAX: usize = 4_096;
/// Targets that the functions of one request may write.
pub const TEXTS_MAX: usize = 10_000;
/// How deep targets that functions write may write targets themselves.
const TEXTS_DEPTH_MAX: usize = 4;

/// Whether every function of `target` exists and gets arguments that it can take. Asked before
/// anything is fetched.
///
/// # Errors
/// [`QueryError::Invalid`] with graphite-web's text.
pub fn check(target: &Target) -> Result<(), QueryError> {
    match &target.expression {
        Expression::Path(_) | Expression::Tagged(_) | Expression::Call(_) => {}
        other => return Err(no_series(other)),
    }
    check_expression(&target.expression)
}

fn check_expression(expression: &Expression) -> Result<(), QueryError> {
    if let Expression::Call(call) = expression {
        let named = call.named.iter().map(|(_, value)| value);
        for argument in call.arguments.iter().chain(named) {
            check_expression(argument)?;
        }
        functions::bind(call)?;
    }
    Ok(())
}

fn no_series(expression: &Expression) -> QueryError {
    QueryError::Invalid(format!("target gives no series but {expression}"))
}

/// What the leaves and the functions of one request may still produce. It counts work as well as
/// memory: every function pays for what it gives, whether or not that is still held when the next
/// one runs.
#[derive(Debug)]
pub struct Budget {
    bytes_max: u64,
    bytes_left: Cell<u64>,
    /// What its question holds of what all queries do.
    share: Arc<Share>,
}

impl Budget {
    /// Nothing is spent yet.
    pub fn new(bytes_max: u64, share: Arc<Share>) -> Budget {
        Budget {
            bytes_max,
            bytes_left: Cell::new(bytes_max),
            share,
        }
    }

    /// Pay for `bytes` about to be produced.
    ///
    /// # Errors
    /// [`QueryError::Limit`] when they are too many, or as [`Share::hold`].
    pub fn pay(&self, bytes: u64) -> Result<(), QueryError> {
        match self.bytes_left.get().checked_sub(bytes) {
            Some(left) => {
                self.share.hold(bytes)?;
                self.bytes_left.set(left);
                Ok(())
            }
            None => Err(Limits::too_many_bytes(self.bytes_max)),
        }
    }

    /// Pay for a series of `values` values whose texts have `text_bytes`.
    ///
    /// # Errors
    /// As [`Budget::pay`].
    pub fn pay_series(&self, text_bytes: usize, values: u64) -> Result<(), QueryError> {
        let text_bytes = SERIES_BYTES + text_bytes as u64;
        self.pay(text_bytes.saturating_add(values.saturating_mul(8)))
    }
}

/// Series of one leaf, which several targets may want.
type Shared = Rc<Vec<Series>>;

/// What the shards are asked for: the series of a leaf, or what becomes of each of them.
type Key = (Selector, Option<Summary>);

/// The series of leaves in one range.
#[derive(Default)]
struct Fetched {
    /// Each list sorted by name, and how often it will still be evaluated.
    whole: HashMap<Key, (Shared, usize)>,
    /// Combined ones; those that were summarized are called so.
    combined: Vec<(Key, Option<Told>, Combine, Shared)>,
}

/// All targets of one request are evaluated by one of these. They share one budget.
pub struct Evaluator<'a> {
    pub(super) leaves: &'a dyn Leaves,
    pub(super) budget: &'a Budget,
    pub(super) pace: &'a Pace<'a>,
    /// By first and last second of the range.
    fetched: RefCell<HashMap<(i64, i64), Fetched>>,
    selectors: Cell<usize>,
    texts: Cell<usize>,
    /// By name, what `stacked` has piled up so far.
    pub(super) stacks: RefCell<HashMap<String, Vec<f64>>>,
}

impl<'a> Evaluator<'a> {
    /// Nothing is fetched yet.
    pub fn new(leaves: &'a dyn Leaves, budget: &'a Budget, pace: &'a Pace<'a>) -> Evaluator<'a> {
        Evaluator {
            leaves,
            budget,
            pace,
            fetched: RefCell::default(),
            selectors: Cell::new(0),
            texts: Cell::new(0),
            stacks: RefCell::default(),
        }
    }

    /// Fetch at once what evaluating `targets` begins with.
    ///
    /// # Errors
    /// What fetching says, and [`QueryError::Limit`] where there are too many leaves.
    pub async fn prepare(
        &self,
        targets: impl IntoIterator<Item = &Target>,
        context: &Context,
    ) -> Result<(), QueryError> {
        let mut wanted = Wanted::default();
        for target in targets {
            wanted.add(&target.expression, context.x_files_factor);
            self.pace.did(wanted.list.len() / 8).await?;
        }
        self.fetch(wanted, context).await
    }

    /// Evaluate `target`, in pieces.
    ///
    /// # Errors
    /// What [`check`] says; what a function says of its arguments; what fetching says;
    /// [`QueryError::Limit`] where the functions together produce more than the budget allows; what a
    /// breath says.
    pub async fn evaluate(
        &self,
        target: &Target,
        context: &Context,
    ) -> Result<Vec<Series>, QueryError> {
        let x_files_factor = Cell::new(context.x_files_factor);
        let evaluation = Evaluation {
            evaluator: self,
            context,
            x_files_factor: &x_files_factor,
            depth: 0,
            combine: None,
        };
        evaluation.series(&target.expression).await
    }

    /// What is still held, for whoever frees it.
    pub fn into_fetched(self) -> impl Iterator<Item = Series> {
        let fetched = self.fetched.into_inner().into_values();
        let lists = fetched.flat_map(|fetched| {
            let combined = fetched.combined.into_iter().map(|(.., list)| list);
            let whole = fetched.whole.into_values().map(|(list, _)| list);
            whole.chain(combined)
        });
        lists.flat_map(|list| Rc::try_unwrap(list).unwrap_or_default())
    }

    /// Fetch those of `wanted` that are not there yet.
    async fn fetch(&self, wanted: Wanted, context: &Context) -> Result<(), QueryError> {
        let range = (context.from, context.until);
        let mut missing = Vec::new();
        {
            let mut fetched = self.fetched.borrow_mut();
            let known = &mut fetched.entry(range).or_default().whole;
            for key in wanted.list {
                match known.get_mut(&key) {
                    Some((_, uses)) => *uses += wanted.uses.get(&key).copied().unwrap_or(1),
                    None => missing.push(key),
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.count_selectors(missing.len())?;
        // All leaves at once, and all that become the same.
        let mut summaries: Vec<Option<Summary>> = Vec::new();
        for (_, summary) in &missing {
            if !summaries.contains(summary) {
                summaries.push(*summary);
            }
        }
        for summary in summaries {
            let of_it = missing.iter().filter(|key| key.1 == summary);
            let selectors: Vec<Selector> = of_it.map(|key| key.0.clone()).collect();
            let lists = self.leaves.fetch(selectors.clone(), summary, context);
            let lists = lists.await?;
            let mut fetched = self.fetched.borrow_mut();
            let known = fetched.entry(range).or_default();
            for (selector, list) in selectors.into_iter().zip(lists) {
                let key = (selector, summary);
                let uses = wanted.uses.get(&key).copied().unwrap_or(1);
                known.whole.insert(key, (Rc::new(list), uses));
            }
        }
        Ok(())
    }

    fn count_selectors(&self, more: usize) -> Result<(), QueryError> {
        let selectors = self.selectors.get().saturating_add(more);
        self.selectors.set(selectors);
        if SELECTORS_MAX < selectors {
            return Err(QueryError::Limit(format!(
                "the targets name more than {SELECTORS_MAX} different paths and ranges; send \
                 several requests"
            )));
        }
        Ok(())
    }

    /// The series of a leaf, or what `summarized` makes of each, combined if that can be done; fetched unless
    /// they are there. Tells whether they are called as they were summarized already.
    async fn combined(
        &self,
        selector: &Selector,
        summarized: Option<&Summarized<'_>>,
        combine: &Combine,
        context: &Context,
    ) -> Result<(Shared, bool), QueryError> {
        let range = (context.from, context.until);
        let key = (selector.clone(), summarized.map(|it| it.summary));
        let told = summarized.map(|it| &it.told);
        let known = {
            let fetched = self.fetched.borrow();
            let mut all = fetched.get(&range).into_iter().flat_map(|it| &it.combined);
            all.find(|(known, called, how, _)| {
                (known, called.as_ref(), how) == (&key, told, combine)
            })
            .map(|(.., list)| Rc::clone(list))
        };
        if let Some(list) = known {
            return Ok((list, true));
        }
        // Where they could not be combined, they are there as they are.
        if let Some(list) = self.known(&key, context) {
            return Ok((list, false));
        }
        self.count_selectors(1)?;
        let combining = self
            .leaves
            .combined(selector.clone(), combine, key.1, context);
        let combined = combining.await?;
        Ok(match combined {
            Combined::Groups(groups) => {
                let of_integers = key.1.is_some_and(|summary| summary.gives_integers());
                let integers = combine.law.gives_integers(of_integers);
                let list = Rc::new(self.called(groups, told, integers).await?);
                let mut fetched = self.fetched.borrow_mut();
                let fetched = fetched.entry(range).or_default();
                let kept = (key, told.cloned(), combine.clone(), Rc::clone(&list));
                fetched.combined.push(kept);
                (list, true)
            }
            Combined::Apart(list) => {
                let list = Rc::new(list);
                let mut fetched = self.fetched.borrow_mut();
                let fetched = fetched.entry(range).or_default();
                fetched.whole.insert(key, (Rc::clone(&list), usize::MAX));
                (list, false)
            }
        })
    }

    /// What the groups come to, called as if each of their series had been summarized before. `integers` if
    /// they are whole numbers.
    async fn called(
        &self,
        groups: Vec<Group>,
        told: Option<&Told>,
        integers: bool,
    ) -> Result<Vec<Series>, QueryError> {
        let mut list = Vec::with_capacity(groups.len());
        for Group { mut series, names } in groups {
            series.integers = integers;
            if let Some(told) = told {
                let mut paths = String::new();
                for name in &names {
                    let begin = paths.len();
                    if begin > 0 {
                        paths.push(',');
                    }
                    told.push_name(name, &mut paths);
                    self.budget.pay((paths.len() - begin) as u64)?;
                    self.pace.did_series(paths.len() - begin).await?;
                }
                series.name = told.name(&series.name);
                series.path_expression = paths;
                told.tag(&mut series.tags);
            }
            list.push(series);
        }
        Ok(list)
    }

    fn known(&self, key: &Key, context: &Context) -> Option<Shared> {
        let fetched = self.fetched.borrow();
        let whole = &fetched.get(&(context.from, context.until))?.whole;
        whole.get(key).map(|(list, _)| Rc::clone(list))
    }

    /// The series of a leaf that is evaluated: at its last use they leave the evaluator.
    fn take(&self, key: &Key, context: &Context) -> Option<Shared> {
        let mut fetched = self.fetched.borrow_mut();
        let whole = &mut fetched.get_mut(&(context.from, context.until))?.whole;
        let (list, uses) = whole.get_mut(key)?;
        *uses = uses.saturating_sub(1);
        if 0 < *uses {
            return Some(Rc::clone(list));
        }
        whole.remove(key).map(|(list, _)| list)
    }
}

/// Distinct leaves, in the order in which they appear, and how often each does.
#[derive(Default)]
struct Wanted {
    list: Vec<Key>,
    uses: HashMap<Key, usize>,
}

impl Wanted {
    /// All leaves of `expression` that are evaluated with it, not later. Those that are summarized with
    /// another share than `x_files_factor`, because a function has set one, are fetched later.
    fn add(&mut self, expression: &Expression, x_files_factor: f64) {
        if let Some(selector) = expression.selector() {
            self.add_key((selector, None));
        }
        let Expression::Call(call) = expression else {
            return;
        };
        if let Ok(bound) = functions::bind(call) {
            if functions::pushed(&bound, x_files_factor).is_some() {
                return;
            }
            if let Some(it) = functions::summarized(&bound, x_files_factor)
                && let Some(selector) = it.leaf.selector()
            {
                return self.add_key((selector, Some(it.summary)));
            }
        }
        for argument in functions::evaluated_first(call) {
            self.add(argument, x_files_factor);
        }
    }

    fn add_key(&mut self, key: Key) {
        let uses = self.uses.entry(key.clone()).or_default();
        *uses += 1;
        if *uses == 1 {
            self.list.push(key);
        }
    }
}

/// One evaluation under way.
#[derive(Clone, Copy)]
pub(super) struct Evaluation<'a> {
    pub(super) evaluator: &'a Evaluator<'a>,
    pub(super) context: &'a Context,
    /// The share of values that must be there, as far as functions have changed it.
    pub(super) x_files_factor: &'a Cell<f64>,
    /// How many targets written by functions are around this one.
    depth: usize,
    /// How the function around a leaf is about to combine its series.
    combine: Option<Combining<'a>>,
}

/// How the series of a leaf may be combined before a function gets them.
#[derive(Clone, Copy)]
struct Combining<'a> {
    combine: &'a Combine,
    /// Whether they have been.
    done: &'a Cell<bool>,
}

impl<'a> Evaluation<'a> {
    /// The series of an expression. Recursion is bounded by the depth of a target.
    pub(super) fn series(
        self,
        expression: &'a Expression,
    ) -> Local<'a, Result<Vec<Series>, QueryError>> {
        Box::pin(async move {
            match expression {
                Expression::Path(path) => self.leaf(expression, path).await,
                Expression::Tagged(tagged) => self.leaf(expression, &tagged.written).await,
                Expression::Call(call) => {
                    let bound = functions::bind(call)?;
                    let share = self.x_files_factor.get();
                    if let Some(summarized) = functions::summarized(&bound, share) {
                        let series = self.summarized(&summarized).await?;
                        self.pay(&series).await?;
                        return Ok(series);
                    }
                    let combine = functions::pushed(&bound, share);
                    let done = Cell::new(false);
                    let combining = |combine| Combining {
                        combine,
                        done: &done,
                    };
                    let evaluation = Evaluation {
                        combine: combine.as_ref().map(combining),
                        ..self
                    };
                    let mut call = Call::new(evaluation, bound).await?;
                    let series = call.run().await?;
                    self.pay(&series).await?;
                    Ok(series)
                }
                other => Err(no_series(other)),
            }
        })
    }

    /// Whether the function is given what the series of its one leaf come to already.
    pub(super) fn is_combined(self) -> bool {
        self.combine.is_some_and(|combining| combining.done.get())
    }

    /// The lists of an expression that gives lists of series.
    pub(super) fn lists(
        self,
        expression: &'a Expression,
    ) -> Local<'a, Result<Vec<Vec<Series>>, QueryError>> {
        Box::pin(async move {
            let Expression::Call(call) = expression else {
                return Ok(vec![self.series(expression).await?]);
            };
            let evaluation = Evaluation {
                combine: None,
                ..self
            };
            let mut call = Call::new(evaluation, functions::bind(call)?).await?;
            let lists = call.run_lists().await?;
            for series in &lists {
                self.pay(series).await?;
            }
            Ok(lists)
        })
    }

    /// The series of an expression, as if the request were `context`.
    pub(super) async fn again(
        self,
        expression: &Expression,
        context: &Context,
    ) -> Result<Vec<Series>, QueryError> {
        let mut wanted = Wanted::default();
        wanted.add(expression, self.x_files_factor.get());
        self.evaluator.fetch(wanted, context).await?;
        let x_files_factor = Cell::new(self.x_files_factor.get());
        let evaluation = Evaluation {
            context,
            x_files_factor: &x_files_factor,
            combine: None,
            ..self
        };
        let series = evaluation.series(expression).await?;
        // What it changed holds for the functions around it.
        self.x_files_factor.set(x_files_factor.get());
        Ok(series)
    }

    /// The series of each of `texts`, targets that a function has written.
    pub(super) async fn texts(
        self,
        texts: &[String],
        context: &Context,
    ) -> Result<Vec<Vec<Series>>, QueryError> {
        let evaluator = self.evaluator;
        let written = evaluator.texts.get().saturating_add(texts.len());
        evaluator.texts.set(written);
        if TEXTS_MAX < written || TEXTS_DEPTH_MAX <= self.depth {
            return Err(QueryError::Limit(format!(
                "functions write at most {TEXTS_MAX} targets for a request, and no more than \
                 {TEXTS_DEPTH_MAX} deep"
            )));
        }
        let mut targets = Vec::with_capacity(texts.len());
        for text in texts {
            let target = target::parse(text, &[])?;
            check(&target)?;
            targets.push(target);
            evaluator.pace.did(text.len()).await?;
        }
        evaluator.prepare(&targets, context).await?;
        let mut lists = Vec::with_capacity(targets.len());
        for target in &targets {
            let x_files_factor = Cell::new(self.x_files_factor.get());
            let evaluation = Evaluation {
                evaluator,
                context,
                x_files_factor: &x_files_factor,
                depth: self.depth + 1,
                combine: None,
            };
            lists.push(evaluation.series(&target.expression).await?);
        }
        Ok(lists)
    }

    async fn pay(self, series: &[Series]) -> Result<(), QueryError> {
        let evaluator = self.evaluator;
        for one in series {
            let values = one.values.len() as u64;
            evaluator.budget.pay_series(text_bytes(one), values)?;
            evaluator.pace.did(1).await?;
        }
        Ok(())
    }

    async fn leaf(self, expression: &Expression, written: &str) -> Result<Vec<Series>, QueryError> {
        let evaluator = self.evaluator;
        let Some(selector) = expression.selector() else {
            return Ok(Vec::new());
        };
        let found = match self.combine {
            Some(Combining { combine, done }) => {
                let combined = evaluator.combined(&selector, None, combine, self.context);
                let (found, is_combined) = combined.await?;
                done.set(is_combined);
                found
            }
            None => self.taken((selector, None)).await?,
        };
        let mut series = self.own(found).await?;
        for one in &mut series {
            let texts = text_bytes(one) + written.len();
            let values = one.values.len() as u64;
            evaluator.budget.pay_series(texts, values)?;
            written.clone_into(&mut one.path_expression);
            one.x_files_factor = self.x_files_factor.get();
            evaluator.pace.did_series(texts).await?;
        }
        Ok(series)
    }

    /// The series of a leaf or what becomes of them, fetched unless they are there.
    async fn taken(self, key: Key) -> Result<Shared, QueryError> {
        let evaluator = self.evaluator;
        if let Some(found) = evaluator.take(&key, self.context) {
            return Ok(found);
        }
        let mut wanted = Wanted::default();
        wanted.add_key(key.clone());
        evaluator.fetch(wanted, self.context).await?;
        Ok(evaluator.take(&key, self.context).unwrap_or_default())
    }

    /// Series that are not shared any more.
    async fn own(self, found: Shared) -> Result<Vec<Series>, QueryError> {
        match Rc::try_unwrap(found) {
            Ok(mine) => Ok(mine),
            Err(shared) => copied(&shared, self.evaluator.pace).await,
        }
    }

    /// A call that the shards have done: what they gave gets its names.
    async fn summarized(self, call: &Summarized<'_>) -> Result<Vec<Series>, QueryError> {
        let evaluator = self.evaluator;
        let Some(selector) = call.leaf.selector() else {
            return Ok(Vec::new());
        };
        let (found, is_called) = match self.combine {
            Some(Combining { combine, done }) => {
                let combined = evaluator.combined(&selector, Some(call), combine, self.context);
                let (found, is_called) = combined.await?;
                done.set(is_called);
                (found, is_called)
            }
            None => (self.taken((selector, Some(call.summary))).await?, false),
        };
        let mut series = self.own(found).await?;
        for one in &mut series {
            if !is_called {
                one.name = call.told.name(&one.name);
                one.path_expression.clone_from(&one.name);
                call.told.tag(&mut one.tags);
                one.integers = call.summary.gives_integers();
            }
            one.x_files_factor = self.x_files_factor.get();
            let texts = text_bytes(one);
            evaluator
                .budget
                .pay_series(texts, one.values.len() as u64)?;
            evaluator.pace.did_series(texts).await?;
        }
        Ok(series)
    }
}

/// The same series once more.
async fn copied(series: &[Series], pace: &Pace<'_>) -> Result<Vec<Series>, QueryError> {
    let mut copies = Vec::with_capacity(series.len());
    for one in series {
        let values = breath::copied(&one.values, pace).await?;
        copies.push(Series {
            name: one.name.clone(),
            path_expression: one.path_expression.clone(),
            tags: one.tags.clone(),
            look: one.look.clone(),
            values,
            ..*one
        });
        pace.did_series(text_bytes(one)).await?;
    }
    Ok(copies)
}

/// Bytes of the texts of a series; its tags repeat its name.
fn text_bytes(series: &Series) -> usize {
    series.name.len() + series.path_expression.len()
}
