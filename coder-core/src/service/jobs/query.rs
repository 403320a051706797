use super::Jobs;
use crate::{
    Result,
    id::{OrganizationId, ProvisionerJobId},
    provisioner_job::JobFilter,
    rbac::{Action, Object, ResourceType, Subject},
    service::{
        details::{self, JobDetails},
        unit::settle,
    },
    store::Page,
};

impl Jobs {
    /// A part of an organization's jobs, newest first.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when the caller may not read jobs of the organization.
    pub async fn list(
        &self,
        subject: &Subject,
        organization: OrganizationId,
        filter: &JobFilter,
        page: Page,
    ) -> Result<Vec<JobDetails>> {
        let object = Object::of(ResourceType::ProvisionerJobs).in_organization(organization);
        self.deps.require(subject, Action::Read, &object)?;
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let found = tx
                .provisioner_jobs()
                .list(organization, filter, page)
                .await?;
            details::jobs(tx, self.deps.now(), found).await
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// A job of an organization.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn get(
        &self,
        subject: &Subject,
        organization: OrganizationId,
        id: ProvisionerJobId,
    ) -> Result<JobDetails> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let found = tx.provisioner_jobs().get(id).await?;
            let found = found.filter(|job| job.organization_id == organization);
            let job = self.deps.permitted(subject, Action::Read, found)?;
            details::job(tx, self.deps.now(), job).await
        };
        let found = found.await;
        settle(tx, found).await
    }
}
