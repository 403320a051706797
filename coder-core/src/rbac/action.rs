//! The words of permissions.

use crate::enums::string_enum;

string_enum! {
    /// What is done to an object.
    pub enum Action {
        /// Bring into being.
        Create => "create",
        /// Look at.
        Read => "read",
        /// Change.
        Update => "update",
        /// Remove.
        Delete => "delete",
        /// Build workspaces from a template.
        Use => "use",
        /// Start a workspace.
        Start => "start",
        /// Stop a workspace.
        Stop => "stop",
        /// Open a shell or tunnel into a workspace.
        Ssh => "ssh",
        /// Open an app of a workspace.
        ApplicationConnect => "application_connect",
        /// Look at a user's private facts.
        ReadPersonal => "read_personal",
        /// Change a user's private facts, such as the password.
        UpdatePersonal => "update_personal",
        /// Give a role.
        Assign => "assign",
        /// Take a role.
        Unassign => "unassign",
        /// Give others access.
        Share => "share",
        /// See usage reports.
        ViewInsights => "view_insights",
        /// Add a sub-agent.
        CreateAgent => "create_agent",
        /// Remove a sub-agent.
        DeleteAgent => "delete_agent",
        /// Change an agent.
        UpdateAgent => "update_agent",
    }
}

string_enum! {
    /// A kind of object.
    pub enum ResourceType {
        /// A workspace with its builds and agents.
        Workspace => "workspace",
        /// A template with its versions.
        Template => "template",
        /// An account.
        User => "user",
        /// A session key or token.
        ApiKey => "api_key",
        /// An organization.
        Organization => "organization",
        /// Membership in an organization.
        OrganizationMember => "organization_member",
        /// A site role.
        AssignRole => "assign_role",
        /// An organization role.
        AssignOrgRole => "assign_org_role",
        /// An uploaded archive.
        File => "file",
        /// A daemon.
        ProvisionerDaemon => "provisioner_daemon",
        /// A job.
        ProvisionerJobs => "provisioner_jobs",
        /// The configuration of the deployment.
        DeploymentConfig => "deployment_config",
        /// Figures of the deployment.
        DeploymentStats => "deployment_stats",
        /// Who was connected to workspaces, and when.
        ConnectionLog => "connection_log",
        /// Debugging facts.
        DebugInfo => "debug_info",
        /// Everything internal.
        System => "system",
    }
}
