use super::{MemoryTransaction, text};
use crate::{
    id::{ProvisionerJobId, WorkspaceResourceId},
    store::{StoreResult, WorkspaceResourceStore},
    workspace_resource::WorkspaceResource,
};
use async_trait::async_trait;

#[async_trait]
impl WorkspaceResourceStore for MemoryTransaction {
    async fn insert(&mut self, resources: &[WorkspaceResource]) -> StoreResult<()> {
        for resource in resources {
            text::check([
                ("kind", resource.kind.as_str()),
                ("name", &resource.name),
                ("icon", &resource.icon),
                ("instance_type", &resource.instance_type),
                ("module_path", &resource.module_path),
            ])?;
            text::check(resource.metadata.iter().flat_map(|fact| {
                let value = fact.value.as_deref().unwrap_or_default();
                [("metadata", fact.key.as_str()), ("metadata", value)]
            }))?;
            let resources = &mut self.data.workspace_resources;
            resources.insert("workspace_resources_pkey", resource.id, resource.clone())?;
        }
        Ok(())
    }

    async fn get(&mut self, id: WorkspaceResourceId) -> StoreResult<Option<WorkspaceResource>> {
        Ok(self.data.workspace_resources.get(&id).cloned())
    }

    async fn by_jobs(&mut self, jobs: &[ProvisionerJobId]) -> StoreResult<Vec<WorkspaceResource>> {
        let resources = self.data.workspace_resources.values();
        let wanted = resources.filter(|row| jobs.contains(&row.job_id));
        let mut found: Vec<WorkspaceResource> = wanted.cloned().collect();
        found.sort_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name)));
        Ok(found)
    }
}
