# What `terraform_resources` is run on. The files beside it were made by:
#   terraform init && terraform plan -out plan && terraform show -json plan > plan.json
#   terraform graph -type=plan > graph.dot && terraform apply plan && terraform show -json > state.json

terraform {
  required_providers {
    coder = {
      source = "coder/coder"
    }
  }
}

data "coder_workspace" "me" {}

data "coder_parameter" "size" {
  name    = "size"
  type    = "number"
  default = 2
  mutable = true
}

resource "coder_agent" "main" {
  os   = "linux"
  arch = "amd64"
}

resource "coder_app" "web" {
  agent_id = coder_agent.main.id
  slug     = "web"
  url      = "http://localhost:8080"
}

resource "terraform_data" "home" {}

resource "terraform_data" "machine" {
  count = data.coder_workspace.me.start_count
  input = coder_agent.main.id
}

resource "coder_metadata" "machine" {
  count       = data.coder_workspace.me.start_count
  resource_id = terraform_data.machine[0].id
  daily_cost  = 3
  item {
    key   = "size"
    value = data.coder_parameter.size.value
  }
}
