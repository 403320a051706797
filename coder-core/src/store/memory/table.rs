//! Rows by key, cheap to copy: copies share rows, and the map itself until one of them changes.

use crate::store::{StoreError, StoreResult};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Clone, Debug)]
pub(super) struct Table<K, V>(Arc<BTreeMap<K, Arc<V>>>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key).map(Arc::as_ref)
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// Those of the keys that exist, each once.
    pub(super) fn get_many(&self, keys: &[K]) -> Vec<V> {
        let rows = self.0.iter().filter(|(key, _)| keys.contains(key));
        rows.map(|(_, row)| V::clone(row)).collect()
    }

    /// All rows by key.
    pub(super) fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.values().map(Arc::as_ref)
    }

    /// All rows with their keys, by key.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, row)| (key, row.as_ref()))
    }

    pub(super) fn find(&self, matches: impl Fn(&V) -> bool) -> Option<&V> {
        self.values().find(|row| matches(row))
    }

    pub(super) fn any(&self, matches: impl Fn(&V) -> bool) -> bool {
        self.values().any(matches)
    }

    /// Adds a row under a new key.
    pub(super) fn insert(&mut self, primary_key: &str, key: K, row: V) -> StoreResult<()> {
        unique(primary_key, !self.contains(&key))?;
        self.put(key, row);
        Ok(())
    }

    /// Adds or replaces a row.
    pub(super) fn put(&mut self, key: K, row: V) {
        Arc::make_mut(&mut self.0).insert(key, Arc::new(row));
    }

    /// The row to change, if there is one.
    pub(super) fn update(&mut self, key: &K) -> Option<&mut V> {
        // Looked up first: the map is not copied for nothing.
        self.get(key)?;
        Arc::make_mut(&mut self.0).get_mut(key).map(Arc::make_mut)
    }

    /// The row of this key, made if there is none.
    pub(super) fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        Arc::make_mut(Arc::make_mut(&mut self.0).entry(key).or_default())
    }

    pub(super) fn remove(&mut self, key: &K) {
        if self.contains(key) {
            Arc::make_mut(&mut self.0).remove(key);
        }
    }

    /// Removes what matches; says how many.
    pub(super) fn remove_where(&mut self, matches: impl Fn(&V) -> bool) -> u64 {
        if !self.any(&matches) {
            return 0;
        }
        let rows = Arc::make_mut(&mut self.0);
        let before = rows.len();
        rows.retain(|_, row| !matches(row));
        u64::try_from(before - rows.len()).unwrap_or(u64::MAX)
    }
}

/// Fails unless the rule named `constraint` holds.
pub(super) fn unique(constraint: &str, holds: bool) -> StoreResult<()> {
    if holds {
        return Ok(());
    }
    Err(StoreError::Conflict {
        constraint: constraint.to_owned(),
    })
}
