//! `data.coder_workspace`.

use super::schema::computed;

attributes! {
    /// The workspace that is being built.
    Workspace = "coder_workspace" {
        /// The id of the workspace.
        id: String = computed();
        /// The name of the workspace.
        name: String = computed();
        /// The URL of the deployment.
        access_url: String = computed();
        /// The port of that URL.
        access_port: i64 = computed();
        /// What the build does: `start`, `stop` or `destroy`.
        transition: String = computed();
        /// 1 when the build starts the workspace, 0 otherwise: the `count` of whatever shall exist
        /// only while the workspace runs.
        start_count: i64 = computed();
        /// Whether nobody owns the workspace yet.
        is_prebuild: bool = computed();
        /// 1 when nobody owns the workspace yet, 0 otherwise.
        prebuild_count: i64 = computed();
        /// Whether the build hands a prebuilt workspace to its first owner.
        is_prebuild_claim: bool = computed();
        /// The id of the template.
        template_id: String = computed();
        /// The name of the template.
        template_name: String = computed();
        /// The name of the template's version.
        template_version: String = computed();
    }
}
