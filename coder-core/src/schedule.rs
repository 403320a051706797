//! When workspaces stop.

use crate::{
    Timestamp,
    job_queue::PREBUILDS,
    provisioner_job::JobStatus,
    template::TemplatePolicy,
    workspace::Workspace,
    workspace_build::{WorkspaceBuild, WorkspaceTransition},
};
use chrono::TimeDelta;

/// The part of the bump, in percent, that must have gone by before activity moves the deadline again: a deadline is
/// not written anew with every key that is pressed.
const BUMP_STEP_PERCENT: i32 = 5;

/// The time after its start at which a workspace stops: its own, or the template's where users have no say. `None`
/// for never.
#[must_use]
pub fn time_to_live(policy: &TemplatePolicy, workspace: &Workspace) -> Option<TimeDelta> {
    let ttl = if policy.allow_user_autostop {
        workspace.ttl_ms
    } else {
        Some(policy.default_ttl_ms)
    };
    TimeDelta::try_milliseconds(ttl.filter(|&ttl| ttl > 0)?)
}

/// The deadline that activity at `now` moves `build`'s to, the newest of `workspace`, whose job is in the state `job`.
/// `None` when it stays: the workspace does not run, never stops, belongs to the pool of prebuilds, or its template
/// does not have it; or hardly any time has gone by.
#[must_use]
pub fn bumped_deadline(
    policy: &TemplatePolicy,
    workspace: &Workspace,
    build: &WorkspaceBuild,
    job: JobStatus,
    now: Timestamp,
) -> Option<Timestamp> {
    let deadline = build.deadline?;
    let runs = build.transition == WorkspaceTransition::Start && job == JobStatus::Succeeded;
    if !runs || policy.activity_bump_ms <= 0 || workspace.owner_id == PREBUILDS {
        return None;
    }
    let mut bump = TimeDelta::try_milliseconds(policy.activity_bump_ms)?;
    // Whoever works into the time of the next autostart gets what that would have given.
    if let Some(start) = workspace.next_start_at.filter(|&start| start > now)
        && let Some(ttl) = time_to_live(policy, workspace)
        && start < now.checked_add_signed(bump)?
    {
        bump = (start - now).checked_add(&ttl)?;
    }
    let step = bump / 100 * BUMP_STEP_PERCENT;
    if deadline.checked_sub_signed(bump - step)? >= now {
        return None;
    }
    let moved = now.checked_add_signed(bump)?;
    let latest = build.max_deadline.unwrap_or(Timestamp::MAX_UTC);
    let moved = moved.min(latest);
    (moved > deadline).then_some(moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{
            OrganizationId, ProvisionerJobId, TemplateId, TemplateVersionId, UserId,
            WorkspaceBuildId, WorkspaceId,
        },
        workspace::AutomaticUpdates,
        workspace_build::BuildReason,
    };
    use uuid::Uuid;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_timestamp(1_790_000_000 + minute * 60, 0).unwrap()
    }

    fn workspace() -> Workspace {
        Workspace {
            id: WorkspaceId(Uuid::from_u128(1)),
            owner_id: UserId(Uuid::from_u128(2)),
            organization_id: OrganizationId(Uuid::from_u128(3)),
            template_id: TemplateId(Uuid::from_u128(4)),
            name: "dev".to_owned(),
            autostart_schedule: None,
            ttl_ms: Some(8 * 3_600_000),
            last_used_at: at(0),
            created_at: at(0),
            updated_at: at(0),
            deleted: false,
            dormant_at: None,
            deleting_at: None,
            automatic_updates: AutomaticUpdates::Never,
            favorite: false,
            next_start_at: None,
        }
    }

    fn build(deadline: Option<i64>) -> WorkspaceBuild {
        WorkspaceBuild {
            id: WorkspaceBuildId(Uuid::from_u128(5)),
            workspace_id: WorkspaceId(Uuid::from_u128(1)),
            template_version_id: TemplateVersionId(Uuid::from_u128(6)),
            template_version_preset_id: None,
            build_number: 1,
            transition: WorkspaceTransition::Start,
            initiator_id: UserId(Uuid::from_u128(2)),
            job_id: ProvisionerJobId(Uuid::from_u128(7)),
            deadline: deadline.map(at),
            max_deadline: None,
            reason: BuildReason::Initiator,
            daily_cost: 0,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    fn bumped(workspace: &Workspace, build: &WorkspaceBuild, now: i64) -> Option<Timestamp> {
        let policy = TemplatePolicy::default();
        bumped_deadline(&policy, workspace, build, JobStatus::Succeeded, at(now))
    }

    #[test]
    fn activity_keeps_an_hour_ahead() {
        let workspace = workspace();
        for (deadline, now, expected) in [
            // Far away: nothing to do.
            (120, 10, None),
            (60, 3, None),
            // A twentieth of the hour has gone by.
            (60, 4, Some(64)),
            (60, 59, Some(119)),
            (60, 70, Some(130)),
        ] {
            let found = bumped(&workspace, &build(Some(deadline)), now);
            assert_eq!(found, expected.map(at), "{deadline} at {now}");
        }
    }

    #[test]
    fn what_does_not_run_or_never_stops_stays() {
        let workspace = workspace();
        assert_eq!(bumped(&workspace, &build(None), 50), None);
        let stop = WorkspaceBuild {
            transition: WorkspaceTransition::Stop,
            ..build(Some(60))
        };
        assert_eq!(bumped(&workspace, &stop, 50), None);
        let pool = Workspace {
            owner_id: PREBUILDS,
            ..workspace.clone()
        };
        assert_eq!(bumped(&pool, &build(Some(60)), 50), None);
        let build = build(Some(60));
        let policy = TemplatePolicy::default();
        let failed = bumped_deadline(&policy, &workspace, &build, JobStatus::Failed, at(50));
        assert_eq!(failed, None);
        let policy = TemplatePolicy {
            activity_bump_ms: 0,
            ..policy
        };
        let off = bumped_deadline(&policy, &workspace, &build, JobStatus::Succeeded, at(50));
        assert_eq!(off, None);
    }

    #[test]
    fn the_latest_deadline_is_kept() {
        let mut build = build(Some(60));
        build.max_deadline = Some(at(100));
        assert_eq!(bumped(&workspace(), &build, 30), Some(at(90)));
        assert_eq!(bumped(&workspace(), &build, 50), Some(at(100)));
        build.deadline = build.max_deadline;
        assert_eq!(bumped(&workspace(), &build, 90), None);
    }

    #[test]
    fn work_into_an_autostart_lasts_as_long_as_one() {
        let workspace = Workspace {
            next_start_at: Some(at(80)),
            ..workspace()
        };
        // At 50 the next start is 30 minutes away, and a start gives eight hours.
        assert_eq!(
            bumped(&workspace, &build(Some(60)), 50),
            Some(at(80 + 8 * 60))
        );
        assert_eq!(
            bumped(&workspace, &build(Some(60)), 10),
            Some(at(70)),
            "it is not reached"
        );
    }

    #[test]
    fn who_decides_on_the_time_to_live() {
        let mut policy = TemplatePolicy {
            default_ttl_ms: 3_600_000,
            ..TemplatePolicy::default()
        };
        let mut workspace = workspace();
        assert_eq!(time_to_live(&policy, &workspace), Some(TimeDelta::hours(8)));
        workspace.ttl_ms = None;
        assert_eq!(time_to_live(&policy, &workspace), None);
        policy.allow_user_autostop = false;
        assert_eq!(time_to_live(&policy, &workspace), Some(TimeDelta::hours(1)));
    }
}
