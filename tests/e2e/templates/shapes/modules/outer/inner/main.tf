# An agent with its machine. Agents have the names of their resources, unique over the whole template.

terraform {
  required_providers {
    coder = {
      source = "coder/coder"
    }
  }
}

variable "name" {
  type = string
}

resource "coder_agent" "nested" {
  os   = "linux"
  arch = "amd64"
}

resource "coder_app" "web" {
  agent_id     = coder_agent.nested.id
  slug         = "nested-web"
  display_name = var.name
  url          = "http://localhost:1"
}

resource "terraform_data" "box" {
  input = coder_agent.nested.init_script
}

resource "coder_metadata" "box" {
  resource_id = terraform_data.box.id
  daily_cost  = 10
}

output "agent_id" {
  value = coder_agent.nested.id
}
