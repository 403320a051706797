//! A small deployment that is stored, for cases about what hangs on it.

use super::{
    backend::{Backend, Failure, present},
    fixture::{self, at, id},
};
use crate::{
    file::File,
    id::{LeaseId, ProvisionerDaemonId, ProvisionerJobId},
    organization::Organization,
    provisioner_job::{JobInput, ProvisionerJob},
    store::{ClaimJob, JobEnd, StoreResult, Transaction},
    template::Template,
    template_version::TemplateVersion,
    user::User,
    workspace::Workspace,
    workspace_agent::WorkspaceAgent,
    workspace_build::{WorkspaceBuild, WorkspaceTransition},
    workspace_resource::WorkspaceResource,
};

/// An organization, a user, an archive and a template whose import succeeded.
#[derive(Clone, Debug)]
pub struct World {
    /// The default organization, `coder`.
    pub organization: Organization,
    /// `ann`, a member of it.
    pub user: User,
    /// The archive of every version.
    pub file: File,
    /// The active version of `template`.
    pub version: TemplateVersion,
    /// `docker`.
    pub template: Template,
}

impl World {
    /// Stores it in an empty store.
    ///
    /// # Errors
    /// As the store.
    pub async fn create(backend: &Backend) -> Result<Self, Failure> {
        let mut tx = backend.begin().await?;
        let mut organization = fixture::organization(1, "coder");
        organization.is_default = true;
        let user = fixture::user(1, "ann");
        let file = fixture::file(1, &user);
        tx.organizations().insert(&organization).await?;
        tx.users().insert(&user).await?;
        let member = fixture::member(&organization, &user);
        tx.organizations().insert_member(&member).await?;
        tx.files().insert(&file).await?;
        let import = imported(1, &file, &organization);
        let version = fixture::version(1, &import, "v1");
        tx.provisioner_jobs().insert(&import).await?;
        let (template, version) = add_template(&mut *tx, 1, version, "docker").await?;
        tx.commit().await?;
        Ok(Self {
            organization,
            user,
            file,
            version,
            template,
        })
    }

    /// Stores a pending job that imports the version with the same number.
    ///
    /// # Errors
    /// As the store.
    pub async fn add_job(
        &self,
        tx: &mut dyn Transaction,
        number: u128,
    ) -> StoreResult<ProvisionerJob> {
        let job = self.job(number);
        tx.provisioner_jobs().insert(&job).await?;
        Ok(job)
    }

    /// A pending job that imports the version with the same number, not stored.
    #[must_use]
    pub fn job(&self, number: u128) -> ProvisionerJob {
        let input = fixture::import(id(number));
        fixture::job(number, &self.file, self.organization.id, input)
    }

    /// Stores a version of no template with its job; both have this number.
    ///
    /// # Errors
    /// As the store.
    pub async fn add_version(
        &self,
        tx: &mut dyn Transaction,
        number: u128,
        name: &str,
    ) -> StoreResult<TemplateVersion> {
        let job = self.add_job(tx, number).await?;
        let version = fixture::version(number, &job, name);
        tx.template_versions().insert(&version).await?;
        Ok(version)
    }

    /// Stores a template with its version and job; all have this number.
    ///
    /// # Errors
    /// As the store.
    pub async fn add_template(
        &self,
        tx: &mut dyn Transaction,
        number: u128,
        name: &str,
    ) -> StoreResult<Template> {
        let job = imported(number, &self.file, &self.organization);
        tx.provisioner_jobs().insert(&job).await?;
        let version = fixture::version(number, &job, "v1");
        let (template, _) = add_template(tx, number, version, name).await?;
        Ok(template)
    }

    /// Stores a workspace of `user`.
    ///
    /// # Errors
    /// As the store.
    pub async fn add_workspace(
        &self,
        tx: &mut dyn Transaction,
        number: u128,
        name: &str,
    ) -> StoreResult<Workspace> {
        let workspace = fixture::workspace(number, &self.user, &self.template, name);
        tx.workspaces().insert(&workspace).await?;
        Ok(workspace)
    }

    /// Stores a build of the active version with a pending job; both have this number.
    ///
    /// # Errors
    /// As the store.
    pub async fn add_build(
        &self,
        tx: &mut dyn Transaction,
        number: u128,
        workspace: &Workspace,
        build_number: i32,
        transition: WorkspaceTransition,
    ) -> StoreResult<WorkspaceBuild> {
        let input = JobInput::WorkspaceBuild {
            workspace_build_id: id(number),
            debug_logs: false,
        };
        let mut job = fixture::job(number, &self.file, self.organization.id, input);
        job.created_at = at(200 + i64::from(build_number));
        job.updated_at = job.created_at;
        tx.provisioner_jobs().insert(&job).await?;
        let mut build = fixture::build(workspace, &job, self.version.id, build_number);
        build.transition = transition;
        tx.workspace_builds().insert(&build, &[], b"").await?;
        Ok(build)
    }

    /// Stores a resource with an agent of a build; both have this number.
    ///
    /// # Errors
    /// As the store.
    pub async fn add_agent(
        &self,
        tx: &mut dyn Transaction,
        number: u128,
        build: &WorkspaceBuild,
    ) -> StoreResult<(WorkspaceResource, WorkspaceAgent)> {
        let resource = fixture::resource(number, build.job_id, "main");
        let agent = fixture::agent(number, &resource, "main");
        let resources = std::slice::from_ref(&resource);
        tx.workspace_resources().insert(resources).await?;
        let agents = std::slice::from_ref(&agent);
        tx.workspace_agents().insert(agents).await?;
        Ok((resource, agent))
    }

    /// A claim of anything without tags, by daemon and lease number `number`.
    #[must_use]
    pub fn claim(&self, number: u128) -> ClaimJob {
        let daemon = fixture::daemon(number, self.organization.id, "");
        ClaimJob {
            organization_id: self.organization.id,
            provisioners: daemon.provisioners,
            tags: daemon.tags,
            worker_id: daemon.id,
            lease: id(number),
            now: at(300),
        }
    }
}

/// Makes a pending job run, as if daemon and lease number 1 had claimed it.
///
/// # Errors
/// As the store, or when the job is not the one that a claim gives.
pub async fn start(
    tx: &mut dyn Transaction,
    world: &World,
    job: ProvisionerJobId,
) -> Result<LeaseId, Failure> {
    let claim = world.claim(1);
    let claimed = present(tx.provisioner_jobs().claim(&claim).await?)?;
    assert_eq!(claimed.id, job, "another job waits longer");
    Ok(claim.lease)
}

/// Ends a job, well or with an error.
///
/// # Errors
/// As the store.
pub async fn finish(
    tx: &mut dyn Transaction,
    job: ProvisionerJobId,
    error: Option<&str>,
) -> StoreResult<bool> {
    let end = JobEnd {
        error: error.map(str::to_owned),
        ..JobEnd::default()
    };
    tx.provisioner_jobs().finish(job, None, &end, at(400)).await
}

/// An import job that has succeeded, so that it never waits in a queue.
fn imported(number: u128, file: &File, organization: &Organization) -> ProvisionerJob {
    let input = fixture::import(id(number));
    let worker: ProvisionerDaemonId = id(number);
    ProvisionerJob {
        started_at: Some(at(101)),
        completed_at: Some(at(102)),
        worker_id: Some(worker),
        lease: Some(id(number)),
        ..fixture::job(number, file, organization.id, input)
    }
}

/// In the order in which it really happens: the version first, then the template, then their link.
async fn add_template(
    tx: &mut dyn Transaction,
    number: u128,
    mut version: TemplateVersion,
    name: &str,
) -> StoreResult<(Template, TemplateVersion)> {
    tx.template_versions().insert(&version).await?;
    let template = fixture::template(number, &version, name);
    tx.templates().insert(&template).await?;
    version.template_id = Some(template.id);
    tx.template_versions().update(&version).await?;
    Ok((template, version))
}
