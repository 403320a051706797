use super::{Workspaces, create::name_taken};
use crate::{
    Error, ErrorKind, Result, Timestamp,
    event::Event,
    id::{WorkspaceAgentId, WorkspaceId},
    name::check_name,
    rbac::{Action, Subject},
    service::{
        agents::note_use,
        unit::{permitted_visibly, settle},
    },
    store::Transaction,
    workspace::{AutomaticUpdates, Workspace},
    workspace_build::WorkspaceTransition,
};

/// Shortest time until a stop, milliseconds: a minute.
pub const MIN_TTL_MS: i64 = 60_000;
/// Longest time until a stop, milliseconds: thirty days.
pub const MAX_TTL_MS: i64 = 30 * 24 * 3_600_000;
/// How far ahead an extended deadline must be, minutes.
const MIN_EXTENSION_MINUTES: i64 = 30;

/// Checks a time until a stop: none, zero for never, or a minute to thirty days.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) naming `field`.
pub fn check_ttl(field: &str, ttl_ms: Option<i64>) -> Result<()> {
    match ttl_ms {
        None | Some(0 | MIN_TTL_MS..=MAX_TTL_MS) => Ok(()),
        Some(_) => Err(Error::invalid_field(
            field,
            "must be between one minute and 30 days",
        )),
    }
}

/// Checks the form of a start schedule: an optional `CRON_TZ=<zone>`, minute, hour, `*`, `*`, and days of
/// the week. Empty for none.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) naming `field`.
pub fn check_autostart(field: &str, schedule: &str) -> Result<()> {
    if schedule.is_empty() {
        return Ok(());
    }
    let refuse = |detail: &str| Err(Error::invalid_field(field, detail));
    if schedule.len() > 256 {
        return refuse("must have at most 256 characters");
    }
    let mut words: Vec<_> = schedule.split_whitespace().collect();
    if words
        .first()
        .is_some_and(|word| word.starts_with("CRON_TZ=") && word.len() > 8)
    {
        words.remove(0);
    }
    let [minute, hour, day, month, weekdays] = words.as_slice() else {
        return refuse("must have five fields: minute, hour, *, *, days of the week");
    };
    if *day != "*" || *month != "*" {
        return refuse("must have * for the day of the month and the month");
    }
    let word = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || "*,-/".contains(c))
    };
    if [minute, hour, weekdays].iter().any(|field| !word(field)) {
        return refuse("must hold only digits, weekday names and * , - /");
    }
    Ok(())
}

impl Workspaces {
    /// Renames a workspace.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound); [`Forbidden`](ErrorKind::Forbidden);
    /// [`InvalidInput`](ErrorKind::InvalidInput) or [`Conflict`](ErrorKind::Conflict) naming `name`.
    pub async fn rename(&self, subject: &Subject, id: WorkspaceId, name: &str) -> Result<()> {
        check_name("name", name)?;
        self.change(subject, id, |workspace| {
            name.clone_into(&mut workspace.name);
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Sets or clears the start schedule.
    ///
    /// # Errors
    /// As [`rename`](Self::rename), naming `schedule`.
    pub async fn set_autostart(
        &self,
        subject: &Subject,
        id: WorkspaceId,
        schedule: Option<&str>,
    ) -> Result<()> {
        let schedule = schedule.filter(|text| !text.is_empty());
        check_autostart("schedule", schedule.unwrap_or_default())?;
        self.change(subject, id, |workspace| {
            workspace.autostart_schedule = schedule.map(str::to_owned);
            workspace.next_start_at = None;
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Sets or clears the time until a stop. It holds from the next start on.
    ///
    /// # Errors
    /// As [`rename`](Self::rename), naming `ttl_ms`.
    pub async fn set_ttl(
        &self,
        subject: &Subject,
        id: WorkspaceId,
        ttl_ms: Option<i64>,
    ) -> Result<()> {
        check_ttl("ttl_ms", ttl_ms)?;
        self.change(subject, id, |workspace| {
            workspace.ttl_ms = ttl_ms.filter(|&ttl| ttl > 0);
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Sets whether a start updates the workspace.
    ///
    /// # Errors
    /// As [`rename`](Self::rename).
    pub async fn set_automatic_updates(
        &self,
        subject: &Subject,
        id: WorkspaceId,
        updates: AutomaticUpdates,
    ) -> Result<()> {
        self.change(subject, id, |workspace| {
            workspace.automatic_updates = updates;
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Pins or unpins a workspace; only its owner can.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound); [`Forbidden`](ErrorKind::Forbidden) for others than the owner.
    pub async fn set_favorite(
        &self,
        subject: &Subject,
        id: WorkspaceId,
        favorite: bool,
    ) -> Result<()> {
        self.change(subject, id, |workspace| {
            if workspace.owner_id != subject.user_id {
                let message = "Only the owner can pin a workspace.";
                return Err(Error::new(ErrorKind::Forbidden, message));
            }
            workspace.favorite = favorite;
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Makes a workspace dormant, or wakes it up.
    ///
    /// # Errors
    /// As [`rename`](Self::rename).
    pub async fn set_dormant(
        &self,
        subject: &Subject,
        id: WorkspaceId,
        dormant: bool,
    ) -> Result<()> {
        let now = self.deps.now();
        self.change(subject, id, |workspace| {
            match (dormant, workspace.dormant_at) {
                (true, None) => workspace.dormant_at = Some(now),
                (false, Some(_)) => {
                    workspace.dormant_at = None;
                    workspace.deleting_at = None;
                    workspace.last_used_at = now;
                }
                (true, Some(_)) | (false, None) => {}
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Moves the deadline of a running workspace.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) naming `deadline` when it is less than 30 minutes ahead
    /// or later than the latest one permitted; [`Conflict`](ErrorKind::Conflict) when the workspace does
    /// not run or has no deadline.
    pub async fn extend(
        &self,
        subject: &Subject,
        id: WorkspaceId,
        deadline: Timestamp,
    ) -> Result<()> {
        let mut tx = self.deps.begin().await?;
        let extended = self.extend_in(tx.as_mut(), subject, id, deadline).await;
        settle(tx, extended).await
    }

    /// Notes that somebody uses the workspace through `agent`, which may move its deadline.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound), also for an agent of another workspace.
    pub async fn note_usage(
        &self,
        subject: &Subject,
        id: WorkspaceId,
        agent: Option<WorkspaceAgentId>,
    ) -> Result<()> {
        let mut tx = self.deps.begin().await?;
        let noted = async {
            let found = tx
                .workspaces()
                .get(id)
                .await?
                .filter(|workspace| !workspace.deleted);
            let workspace = self.deps.permitted(subject, Action::Update, found)?;
            if let Some(agent) = agent {
                let owner = tx.workspace_agents().with_owner(agent).await?;
                if owner.is_none_or(|owner| owner.workspace.id != workspace.id) {
                    return Err(Error::not_found());
                }
            }
            note_use(tx.as_mut(), &[workspace.id], self.deps.now()).await
        };
        let noted = noted.await;
        settle(tx, noted).await
    }

    async fn extend_in(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        id: WorkspaceId,
        deadline: Timestamp,
    ) -> Result<()> {
        let workspace = self.locked(tx, subject, id).await?;
        let build = tx.workspace_builds().latest(id).await?;
        let build = build.filter(|build| build.transition == WorkspaceTransition::Start);
        let mut build = build.ok_or_else(|| Error::conflict("The workspace does not run."))?;
        let job = tx.provisioner_jobs().get(build.job_id).await?;
        if job.is_none_or(|job| job.completed_at.is_none()) {
            return Err(Error::conflict("The workspace does not run."));
        }
        if build.deadline.is_none() {
            return Err(Error::conflict("The workspace has no deadline."));
        }
        let now = self.deps.now();
        if deadline < now + chrono::TimeDelta::minutes(MIN_EXTENSION_MINUTES) {
            return Err(Error::invalid_field(
                "deadline",
                "must be at least 30 minutes ahead",
            ));
        }
        if build.max_deadline.is_some_and(|latest| deadline > latest) {
            return Err(Error::invalid_field(
                "deadline",
                "must not be after max_deadline",
            ));
        }
        build.deadline = Some(deadline);
        build.updated_at = now;
        tx.workspace_builds().update(&build).await?;
        self.announce(tx, &workspace).await
    }

    async fn change(
        &self,
        subject: &Subject,
        id: WorkspaceId,
        change: impl FnOnce(&mut Workspace) -> Result<()> + Send,
    ) -> Result<Workspace> {
        let mut tx = self.deps.begin().await?;
        let changed = async {
            let tx = tx.as_mut();
            let mut workspace = self.locked(tx, subject, id).await?;
            change(&mut workspace)?;
            workspace.updated_at = self.deps.now();
            tx.workspaces()
                .update(&workspace)
                .await
                .map_err(name_taken)?;
            self.announce(tx, &workspace).await?;
            Ok(workspace)
        };
        let changed = changed.await;
        settle(tx, changed).await
    }

    async fn locked(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        id: WorkspaceId,
    ) -> Result<Workspace> {
        let found = tx.workspaces().get_for_update(id).await?;
        let found = found.filter(|workspace| !workspace.deleted);
        permitted_visibly(&self.deps, subject, Action::Update, found)
    }

    async fn announce(&self, tx: &mut dyn Transaction, workspace: &Workspace) -> Result<()> {
        let event = Event::WorkspaceUpdated {
            workspace_id: workspace.id,
            owner_id: workspace.owner_id,
        };
        Ok(tx.publish(event).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_and_times_have_bounds() {
        for good in [
            "",
            "30 9 * * 1-5",
            "CRON_TZ=Europe/Berlin 0 8 * * MON,TUE",
            "0 9 * * *",
        ] {
            assert!(check_autostart("schedule", good).is_ok(), "{good}");
        }
        for bad in [
            "@daily",
            "30 9 * *",
            "30 9 1 * *",
            "30 9 * 2 1",
            "a; b * * 1",
            "CRON_TZ= 1 1 * * 1 1",
        ] {
            assert!(check_autostart("schedule", bad).is_err(), "{bad}");
        }
        for good in [None, Some(0), Some(MIN_TTL_MS), Some(MAX_TTL_MS)] {
            assert!(check_ttl("ttl_ms", good).is_ok());
        }
        for bad in [Some(-1), Some(59_999), Some(MAX_TTL_MS + 1), Some(i64::MAX)] {
            assert!(check_ttl("ttl_ms", bad).is_err());
        }
    }
}
