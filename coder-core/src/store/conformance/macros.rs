//! The macro that makes a test of every case.

/// Makes a test of each case in a module of this name, for one store.
///
/// The expression is awaited anew for each test. It gives an empty store, its events, and something that
/// is kept until the test is over (a database to drop, or `()`):
/// `(Arc<dyn Store>, Arc<dyn PubSub>, guard)`. The tests run on tokio, so the crate that uses the macro
/// needs it with `macros` and `rt`.
///
/// ```
/// # mod tests {
/// use coder_core::store::MemoryStore;
/// use std::sync::Arc;
///
/// coder_core::store_conformance!(memory, async {
///     let store = Arc::new(MemoryStore::new());
///     (Arc::clone(&store) as _, store as _, ())
/// });
/// # }
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($module:ident, $setup:expr $(,)?) => {
        mod $module {
            #[allow(
                unused_imports,
                reason = "the expression may need nothing from outside"
            )]
            use super::*;

            $crate::store_conformance_areas! { ($setup)
                agent_identities {
                    by_instance_id, uses, tokens,
                }
                agent_logs {
                    sources, append_and_read, overflow, metadata, scripts, script_timings, cron_timings,
                    old_logs, resource_monitors,
                }
                api_keys {
                    insert_and_find, conflicts, list_order, touch, delete,
                }
                devcontainers {
                    insert_and_list, sub_agents,
                }
                connection_logs {
                    upsert, filters, delete_before,
                }
                events {
                    only_on_commit, topics, after_the_data,
                }
                files {
                    insert_and_find, conflicts,
                }
                git_ssh_keys {
                    insert_and_update, delete, nul,
                }
                job_logs {
                    append_and_read, ranges, overflow,
                }
                job_queue {
                    oldest_first, organization_and_type, tags, only_pending, rollback_gives_back,
                    never_given_twice, users_take_turns, turns_of_other_queues,
                    people_before_prebuilds, positions, stale,
                }
                job_states {
                    heartbeat, cancel_pending, cancel_running, cancel_too_late, finish_is_fenced,
                    finish_by_the_platform, release,
                }
                organizations {
                    insert_and_find, list_order, conflicts, members, update_and_delete_member,
                }
                provisioner_daemons {
                    upsert, list_and_get_many, touch_and_delete_unseen,
                }
                provisioner_jobs {
                    insert_and_find, inputs, list_order_and_pages, list_filters, timings,
                    of_workers, error_code,
                }
                provisioner_keys {
                    insert_and_find, conflicts, retire, list_and_delete,
                }
                settings {
                    set_and_get,
                }
                template_versions {
                    insert_and_find, conflicts, update, list, parameters, variables, presets,
                    terraform_values,
                }
                templates {
                    insert_and_find, update, names, names_of_two_organizations,
                    list_order_and_pages, list_filters,
                }
                text {
                    nul_of_people, nul_of_builds, nul_of_daemons, nul_of_agents, nul_in_lookups,
                    odd_text_is_kept,
                }
                transactions {
                    ping, commit_keeps, rollback_undoes, drop_undoes,
                    rollback_undoes_changes_and_deletes, rollback_after_conflict,
                    one_of_many_gets_a_name, for_update_serializes, one_of_many_ends_a_job,
                }
                users {
                    insert_and_find, optional_columns, get_many, conflicts,
                    names_are_free_after_delete, update, touch, list_order_and_pages, list_filters,
                }
                workspace_agents {
                    insert_and_find, conflicts, with_owner, by_token, delete_of_earlier_builds,
                    setters, current_ones, many_are_connected,
                }
                workspace_agent_stats {
                    insert_and_delete,
                }
                workspace_apps {
                    insert_and_list, conflicts, health,
                }
                workspace_builds {
                    insert_and_find, conflicts, latest_and_list, update, parameters_and_state,
                    bump_deadline,
                }
                workspace_list {
                    order_and_pages, filters_by_identity, filters_by_use, filters_by_status,
                    filters_by_agent,
                }
                workspace_resources {
                    insert_and_find,
                }
                workspaces {
                    insert_and_find, conflicts, names_are_free_after_delete, update, touch,
                }
            }
        }
    };
}

/// The part of [`store_conformance!`](crate::store_conformance) that is repeated.
#[doc(hidden)]
#[macro_export]
macro_rules! store_conformance_areas {
    (($setup:expr) $($area:ident { $($case:ident,)* })*) => { $(
        mod $area {
            #[allow(unused_imports, reason = "the expression may need nothing from outside")]
            use super::*;

            $(
                #[tokio::test]
                async fn $case() -> ::std::result::Result<(), $crate::store::conformance::Failure> {
                    let (store, pubsub, guard) = $setup.await;
                    let backend = $crate::store::conformance::Backend { store, pubsub };
                    let outcome = $crate::store::conformance::$area::$case(backend).await;
                    ::std::mem::drop(guard);
                    outcome
                }
            )*
        }
    )* };
}
