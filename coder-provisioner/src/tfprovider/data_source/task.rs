//! `coder_task`.

use crate::attributes::Task;
use crate::tfprovider::kind::DataSource;
use crate::tfprovider::task::{task_id, task_prompt};
use crate::tfprovider::value::set;

pub(super) const DATA_SOURCE: DataSource = DataSource {
    read: |context, task| {
        let id = task_id(context.environment);
        set(task, "enabled", id.is_some());
        set(task, "prompt", task_prompt(context.environment));
        if let Some(id) = id {
            set(task, "id", id);
        }
        Ok(())
    },
    ..DataSource::new::<Task>(Task::TYPE_NAME)
};
