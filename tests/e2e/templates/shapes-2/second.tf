# Added by the second version of the template.

data "coder_parameter" "fresh" {
  name    = "fresh"
  default = "new in this version"
}

resource "coder_agent" "added" {
  os   = "linux"
  arch = "amd64"
}

resource "terraform_data" "added" {
  input = coder_agent.added.id
}

resource "coder_env" "fresh" {
  count    = data.coder_workspace.me.start_count
  agent_id = coder_agent.main[0].id
  name     = "FRESH"
  value    = data.coder_parameter.fresh.value
}
