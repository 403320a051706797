//! Which dev containers there are, and what each does. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use coder_core::Timestamp;
use coder_core::id::DevcontainerId;

use crate::protocol::{
    DevcontainerStatus, ListContainersResponse, WorkspaceAgentContainer,
    WorkspaceAgentDevcontainer, WorkspaceAgentDevcontainerAgent,
};

/// The label that names a dev container's project, outside.
pub(super) const LOCAL_FOLDER: &str = "devcontainer.local_folder";
/// The label that names its `devcontainer.json`.
pub(super) const CONFIG_FILE: &str = "devcontainer.config_file";

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Known {
    entries: BTreeMap<DevcontainerId, Entry>,
    containers: Vec<WorkspaceAgentContainer>,
    warnings: Vec<String>,
}

#[derive(Debug)]
struct Entry {
    shown: WorkspaceAgentDevcontainer,
    /// Whether it stays without a container: the template or a project names it.
    stays: bool,
}

/// A dev container to be.
#[derive(Clone, Debug)]
pub(super) struct NewEntry {
    pub(super) id: DevcontainerId,
    pub(super) name: String,
    pub(super) workspace_folder: String,
    pub(super) config_path: String,
    pub(super) subagent_id: Option<coder_core::id::WorkspaceAgentId>,
}

impl Known {
    /// Takes what the template or a project names, unless it is known already.
    pub(super) fn add(&mut self, new: NewEntry) {
        let same = |entry: &Entry| {
            entry.shown.workspace_folder == new.workspace_folder
                && entry.shown.config_path == new.config_path
        };
        if self.entries.contains_key(&new.id) || self.entries.values().any(same) {
            return;
        }
        let shown = WorkspaceAgentDevcontainer {
            id: new.id,
            name: new.name,
            workspace_folder: new.workspace_folder,
            config_path: new.config_path,
            subagent_id: new.subagent_id,
            status: DevcontainerStatus::Stopped,
            dirty: false,
            container: None,
            agent: None,
            error: String::new(),
        };
        self.entries.insert(new.id, Entry { shown, stays: true });
    }

    /// Takes what the engine says. `fresh_id` gives ids to dev containers that were not known, `modified` the
    /// time of a configuration.
    pub(super) fn see(
        &mut self,
        containers: Vec<WorkspaceAgentContainer>,
        warnings: Vec<String>,
        mut fresh_id: impl FnMut() -> DevcontainerId,
        modified: impl Fn(&str) -> Option<Timestamp>,
    ) {
        let mut seen = BTreeSet::new();
        // Of several containers of one project the running one counts, else the newest.
        let mut by_worth: Vec<&WorkspaceAgentContainer> = containers.iter().collect();
        by_worth.sort_by_key(|one| (!one.running, std::cmp::Reverse(one.created_at)));
        for container in by_worth {
            let Some(folder) = container.labels.get(LOCAL_FOLDER) else {
                continue;
            };
            let config = container
                .labels
                .get(CONFIG_FILE)
                .cloned()
                .unwrap_or_default();
            let id = self
                .find(folder, &config)
                .unwrap_or_else(|| self.insert_found(fresh_id(), folder));
            if !seen.insert(id) {
                continue;
            }
            if let Some(entry) = self.entries.get_mut(&id) {
                let changed = modified(&config);
                entry.shown.dirty = changed.is_some_and(|changed| changed > container.created_at);
                entry.shown.container = Some(container.clone());
            }
        }
        for (id, entry) in &mut self.entries {
            if !seen.contains(id) {
                entry.shown.container = None;
                entry.shown.dirty = false;
            }
            entry.settle();
        }
        self.entries
            .retain(|_, entry| entry.stays || entry.is_busy() || entry.shown.container.is_some());
        self.containers = containers;
        self.warnings = warnings;
    }

    fn find(&self, folder: &str, config: &str) -> Option<DevcontainerId> {
        let mut found = self.entries.iter().filter(|(_, entry)| {
            let own = &entry.shown;
            own.workspace_folder == folder
                && (own.config_path.is_empty() || own.config_path == config)
        });
        // One that names its configuration fits better than one that does not.
        let exact = found
            .clone()
            .find(|(_, entry)| !entry.shown.config_path.is_empty());
        exact.or_else(|| found.next()).map(|(id, _)| *id)
    }

    fn insert_found(&mut self, id: DevcontainerId, folder: &str) -> DevcontainerId {
        let name = folder
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        self.add(NewEntry {
            id,
            name: name.to_owned(),
            workspace_folder: folder.to_owned(),
            config_path: String::new(),
            subagent_id: None,
        });
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.stays = false;
        }
        id
    }

    /// Begins an act on one. `None` when there is none with this id, `Some(false)` while another act is under
    /// way.
    pub(super) fn begin(&mut self, id: DevcontainerId, status: DevcontainerStatus) -> Option<bool> {
        let entry = self.entries.get_mut(&id)?;
        if entry.is_busy() {
            return Some(false);
        }
        entry.shown.status = status;
        entry.shown.error.clear();
        Some(true)
    }

    /// Ends the act.
    pub(super) fn end(&mut self, id: DevcontainerId, outcome: Result<(), String>) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.shown.status = match outcome {
            Ok(()) => DevcontainerStatus::Stopped,
            Err(error) => {
                entry.shown.error = error;
                DevcontainerStatus::Error
            }
        };
        entry.settle();
    }

    /// Names the agent inside of one, or that there is none any more.
    pub(super) fn set_agent(
        &mut self,
        id: DevcontainerId,
        agent: Option<WorkspaceAgentDevcontainerAgent>,
    ) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.shown.agent = agent;
        }
    }

    /// What is wrong with the agent inside of one; empty when nothing is.
    pub(super) fn set_error(&mut self, id: DevcontainerId, error: &str) {
        if let Some(entry) = self.entries.get_mut(&id) {
            error.clone_into(&mut entry.shown.error);
        }
    }

    pub(super) fn get(&self, id: DevcontainerId) -> Option<&WorkspaceAgentDevcontainer> {
        self.entries.get(&id).map(|entry| &entry.shown)
    }

    /// Those that run and on which nothing is done, with their containers.
    pub(super) fn running(
        &self,
    ) -> impl Iterator<Item = (&WorkspaceAgentDevcontainer, &WorkspaceAgentContainer)> {
        let entries = self.entries.values();
        let idle = entries.filter(|entry| !entry.is_busy());
        idle.filter_map(|entry| {
            let container = entry.shown.container.as_ref()?;
            container.running.then_some((&entry.shown, container))
        })
    }

    /// For users.
    pub(super) fn list(&self) -> ListContainersResponse {
        let shown = self.entries.values().map(|entry| entry.shown.clone());
        let mut devcontainers: Vec<_> = shown.collect();
        devcontainers.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
        ListContainersResponse {
            devcontainers,
            containers: self.containers.clone(),
            warnings: self.warnings.clone(),
        }
    }
}

impl Entry {
    fn is_busy(&self) -> bool {
        matches!(
            self.shown.status,
            DevcontainerStatus::Starting
                | DevcontainerStatus::Stopping
                | DevcontainerStatus::Deleting
        )
    }

    /// Follows the container while nothing is done with it.
    fn settle(&mut self) {
        let runs = self
            .shown
            .container
            .as_ref()
            .is_some_and(|container| container.running);
        self.shown.status = match self.shown.status {
            busy if self.is_busy() => busy,
            _ if runs => DevcontainerStatus::Running,
            DevcontainerStatus::Error => DevcontainerStatus::Error,
            _ => DevcontainerStatus::Stopped,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DevcontainerStatus::{Deleting, Error, Running, Starting, Stopped};
    use uuid::Uuid;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn id(number: u128) -> DevcontainerId {
        DevcontainerId(Uuid::from_u128(number))
    }

    fn container(name: &str, folder: &str, running: bool, created: i64) -> WorkspaceAgentContainer {
        WorkspaceAgentContainer {
            created_at: at(created),
            id: name.to_owned(),
            name: name.to_owned(),
            image: "base".to_owned(),
            labels: [
                (LOCAL_FOLDER.to_owned(), folder.to_owned()),
                (
                    CONFIG_FILE.to_owned(),
                    format!("{folder}/.devcontainer.json"),
                ),
            ]
            .into(),
            running,
            ports: Vec::new(),
            status: String::new(),
            volumes: BTreeMap::new(),
        }
    }

    fn named(number: u128, folder: &str, config: &str) -> NewEntry {
        NewEntry {
            id: id(number),
            name: format!("n{number}"),
            workspace_folder: folder.to_owned(),
            config_path: config.to_owned(),
            subagent_id: None,
        }
    }

    fn see(known: &mut Known, containers: Vec<WorkspaceAgentContainer>) {
        let mut next = 100;
        let fresh = || {
            next += 1;
            id(next)
        };
        known.see(containers, Vec::new(), fresh, |_| Some(at(50)));
    }

    fn statuses(known: &Known) -> Vec<(String, DevcontainerStatus)> {
        let list = known.list().devcontainers.into_iter();
        list.map(|one| (one.name, one.status)).collect()
    }

    #[test]
    fn containers_are_matched_with_what_is_named() {
        let mut known = Known::default();
        known.add(named(1, "/p", ""));
        known.add(named(2, "/q", "/q/.devcontainer.json"));
        known.add(named(3, "/q", "/q/other.json"));
        known.add(named(4, "/p", ""));
        see(
            &mut known,
            vec![
                container("a", "/p", true, 60),
                container("b", "/q", false, 40),
                container("c", "/found/x", true, 60),
            ],
        );
        let expected = [
            ("n1", Running),
            ("n2", Stopped),
            ("n3", Stopped),
            ("x", Running),
        ];
        assert_eq!(
            statuses(&known),
            expected.map(|(name, status)| (name.to_owned(), status))
        );
        let list = known.list();
        let dirty: Vec<bool> = list.devcontainers.iter().map(|one| one.dirty).collect();
        assert_eq!(
            dirty,
            [false, true, false, false],
            "changed after it was made"
        );
        assert_eq!(list.devcontainers[1].container.as_ref().unwrap().name, "b");
        assert_eq!(list.containers.len(), 3);
        // What nobody names goes with its container.
        see(&mut known, Vec::new());
        assert_eq!(statuses(&known).len(), 3);
        assert!(known.get(id(1)).unwrap().container.is_none());
    }

    #[test]
    fn the_running_container_counts_then_the_newest() {
        for (containers, expected) in [
            (vec![("old", false, 1), ("new", false, 2)], "new"),
            (vec![("old", true, 1), ("new", false, 2)], "old"),
            (vec![("old", true, 1), ("new", true, 2)], "new"),
        ] {
            let mut known = Known::default();
            let containers = containers.into_iter();
            see(
                &mut known,
                containers
                    .map(|(name, runs, at)| container(name, "/p", runs, at))
                    .collect(),
            );
            let list = known.list().devcontainers;
            assert_eq!(list.len(), 1);
            assert_eq!(list[0].container.as_ref().unwrap().name, expected);
        }
    }

    #[test]
    fn one_act_at_a_time() {
        let mut known = Known::default();
        known.add(named(1, "/p", ""));
        assert_eq!(known.begin(id(9), Starting), None);
        assert_eq!(known.begin(id(1), Starting), Some(true));
        assert_eq!(known.begin(id(1), Deleting), Some(false));
        see(&mut known, vec![container("a", "/p", true, 60)]);
        assert_eq!(
            known.get(id(1)).unwrap().status,
            Starting,
            "until the act has ended"
        );
        assert_eq!(known.running().count(), 0);
        known.end(id(1), Ok(()));
        assert_eq!(known.get(id(1)).unwrap().status, Running);
        assert_eq!(known.running().count(), 1);

        assert_eq!(known.begin(id(1), Starting), Some(true));
        see(&mut known, Vec::new());
        known.end(id(1), Err("no image".to_owned()));
        see(&mut known, Vec::new());
        let shown = known.get(id(1)).unwrap();
        assert_eq!((shown.status, shown.error.as_str()), (Error, "no image"));
        assert_eq!(known.begin(id(1), Starting), Some(true));
        assert!(known.get(id(1)).unwrap().error.is_empty());
    }
}
