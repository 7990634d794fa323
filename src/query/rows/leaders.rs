//! Whose value the last one of each row is: that of the series whose name is the last of those that have
//! one, so that it hangs neither on the order in which series come nor on the shards that they lie on.

/// The leaders of some rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Leaders {
    /// Names of series that lead, or have led, somewhere.
    names: Vec<String>,
    /// For each row a place in `names`; [`NOBODY`] where no series has a value.
    of: Vec<u32>,
    /// The name of the series that was begun last, as long as it leads nowhere.
    begun: String,
    /// Its place in `names`, or where it will be.
    newest: u32,
    /// Where the names of another shard's leaders stand in `names`, as far as they were needed.
    places: Vec<u32>,
}

const NOBODY: u32 = u32::MAX;

/// Bytes of one row.
pub(super) const ROW_BYTES: u64 = size_of::<u32>() as u64;

impl Leaders {
    pub(super) fn new(rows: usize) -> Leaders {
        Leaders {
            of: vec![NOBODY; rows],
            ..Leaders::default()
        }
    }

    /// The series called so begins.
    pub(super) fn begin(&mut self, name: &str) {
        name.clone_into(&mut self.begun);
        self.newest = self.names.len() as u32;
    }

    /// Values of the series that was begun last, from row `first` on: those that are the last of their rows
    /// go to `last`.
    pub(super) fn add(&mut self, first: usize, values: &[f64], last: &mut [f64]) {
        let newest = self.newest;
        let is_known = self.names.get(newest as usize);
        let name = is_known.unwrap_or(&self.begun);
        // Rows one behind the other nearly always have the same leader.
        let (mut known, mut leads) = ((NOBODY, true), false);
        let leaders = self.of.get_mut(first..).unwrap_or_default().iter_mut();
        let rows = leaders.zip(last.get_mut(first..).unwrap_or_default());
        for ((leader, last), &value) in rows.zip(values) {
            if value.is_nan() {
                continue;
            }
            if *leader != known.0 {
                let before = self.names.get(*leader as usize);
                known = (*leader, before.is_none_or(|before| before < name));
            }
            if known.1 {
                *leader = newest;
                *last = value;
                leads = true;
            }
        }
        if leads && is_known.is_none() {
            self.names.push(std::mem::take(&mut self.begun));
        }
    }

    /// Join row `row` of another shard's leaders, whose last value there is `value`; with row 0 a new shard
    /// begins.
    pub(super) fn join(&mut self, other: &Leaders, row: usize, value: f64, last: &mut f64) {
        if row == 0 {
            self.places.clear();
            self.places.resize(other.names.len(), NOBODY);
        }
        let theirs = other.of.get(row).copied().unwrap_or(NOBODY);
        let (Some(leader), Some(name)) = (self.of.get_mut(row), other.names.get(theirs as usize))
        else {
            return;
        };
        if let Some(known) = self.names.get(*leader as usize)
            && known >= name
        {
            return;
        }
        let Some(place) = self.places.get_mut(theirs as usize) else {
            return;
        };
        if *place == NOBODY {
            *place = self.names.len() as u32;
            self.names.push(name.clone());
        }
        *leader = *place;
        *last = value;
    }
}
