//! `randomWalk`: a series by chance.

use super::call::Call;
use crate::base::random::Random;
use crate::query::breath::CHUNK;
use crate::query::error::QueryError;
use crate::query::series::{Fold, Look, Series};

/// One value for each step of the request, from 0. The chance is fixed by the name, the start and the step:
/// functions have no other source of it.
pub(super) async fn random_walk(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let name = call.text("name")?;
    let step = call.integer("step")?;
    if step <= 0 {
        return Err(QueryError::Invalid(format!(
            "randomWalk takes a step of at least 1 second, not {step}"
        )));
    }
    let (from, until) = (call.context().from, call.context().until);
    let seconds = u64::try_from(until.saturating_sub(from)).unwrap_or(0);
    let count = seconds.div_ceil(step.unsigned_abs());
    call.pay_values(count)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut random = Random::new(seed(&name, from, step));
    let mut at = 0.0;
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        let some = (count - values.len()).min(CHUNK);
        for _ in 0..some {
            values.push(at);
            at += half_at_most(&mut random);
        }
        call.did(some).await?;
    }
    let x_files_factor = call.x_files_factor();
    let walk = Series::leaf(name.clone(), from, step, Vec::new(), x_files_factor);
    // Any text may be a name here.
    let walk = walk.unwrap_or_else(|_| Series {
        path_expression: name.clone(),
        tags: [("name".to_owned(), name.clone())].into(),
        name,
        start: from,
        step,
        values: Vec::new(),
        integers: false,
        over_s: 0,
        fold: Fold::Average,
        x_files_factor,
        look: Look::default(),
    });
    let walk = Series { values, ..walk };
    Ok(vec![walk.of_range_to(call.context().until)])
}

/// From -0.5 to below 0.5.
fn half_at_most(random: &mut Random) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

fn seed(name: &str, from: i64, step: i64) -> u64 {
    let numbers = [from, step].map(i64::to_le_bytes);
    let bytes = name.bytes().chain(numbers.into_iter().flatten());
    // FNV-1a.
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}
