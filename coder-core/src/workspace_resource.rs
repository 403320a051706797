//! What a build created: resources with their displayed facts.

use crate::{
    Timestamp,
    id::{ProvisionerJobId, WorkspaceResourceId},
    workspace_build::WorkspaceTransition,
};

/// Type of the resource that marks an agent outside of what a template creates.
pub const EXTERNAL_AGENT: &str = "coder_external_agent";
/// Type of the resource that makes a workspace one that works on a task.
pub const AI_TASK: &str = "coder_ai_task";

/// A resource, of a build or of a template import (there with the transition it was planned for).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceResource {
    /// Identifier.
    pub id: WorkspaceResourceId,
    /// The job that found it.
    pub job_id: ProvisionerJobId,
    /// When.
    pub created_at: Timestamp,
    /// The transition under which it exists.
    pub transition: WorkspaceTransition,
    /// Terraform type, such as `docker_container`.
    pub kind: String,
    /// Terraform name.
    pub name: String,
    /// Whether clients leave it out.
    pub hide: bool,
    /// URL or path of an icon.
    pub icon: String,
    /// Cost per day, smallest unit.
    pub daily_cost: i32,
    /// Size of the machine, may be empty.
    pub instance_type: String,
    /// Address of the module it is in, empty for the root.
    pub module_path: String,
    /// Displayed facts, in order.
    pub metadata: Vec<ResourceMetadatum>,
}

/// One displayed fact of a resource.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ResourceMetadatum {
    /// Name, unique per resource.
    pub key: String,
    /// Markdown; `None` when unknown.
    pub value: Option<String>,
    /// Whether clients hide it until asked.
    pub sensitive: bool,
}
