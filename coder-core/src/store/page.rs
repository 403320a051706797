//! Part of a list.

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Entries to skip.
    pub offset: u32,
    /// Most entries to give; 0 for all.
    pub limit: u32,
}

impl Page {
    /// Everything.
    pub const ALL: Self = Self {
        offset: 0,
        limit: 0,
    };

    /// The part of an already ordered list.
    pub fn apply<T>(self, entries: impl Iterator<Item = T>) -> Vec<T> {
        let limit = if self.limit == 0 {
            usize::MAX
        } else {
            self.limit as usize
        };
        entries.skip(self.offset as usize).take(limit).collect()
    }
}
