# Every resource and data source with every attribute and nested block that a template can write. A test checks that
# nothing is left out. Where two exclude each other, there are two.

provider "coder" {
  url = "https://coder.example.com:8443/below"
}

variable "task_by_app" {
  type    = bool
  default = false
}

data "coder_provisioner" "this" {}
data "coder_workspace" "this" {}
data "coder_workspace_owner" "this" {}
data "coder_task" "this" {}

data "coder_external_auth" "this" {
  id       = "primary-git"
  optional = true
}

data "coder_secret" "variable" {
  env          = "API_KEY"
  help_message = "Add a key for the API."
}

data "coder_secret" "file" {
  file         = "~/.netrc"
  help_message = "Add a file with credentials."
}

data "coder_workspace_tags" "this" {
  tags = {
    zone = data.coder_parameter.text.value
  }
}

data "coder_parameter" "text" {
  name         = "text"
  display_name = "A text"
  description  = "Lower-case *letters*."
  type         = "string"
  form_type    = "textarea"
  styling      = jsonencode({ placeholder = "letters" })
  mutable      = true
  default      = "abc"
  icon         = "/icon/text.svg"
  order        = 3
  ephemeral    = true

  validation {
    regex = "^[\\w-]+$"
    error = "Letters, please."
  }
}

data "coder_parameter" "number" {
  name    = "number"
  type    = "number"
  default = 2
  mutable = true

  validation {
    min       = 1
    max       = 9
    monotonic = "increasing"
    error     = "{value} is not from {min} to {max}."
  }
}

data "coder_parameter" "choice" {
  name = "choice"

  option {
    name        = "First"
    description = "The *first* one."
    value       = "1"
    icon        = "/icon/1.svg"
  }
  option {
    name  = "Second"
    value = "2"
  }
}

data "coder_workspace_preset" "this" {
  name        = "Small"
  description = "Less of everything."
  icon        = "/icon/small.svg"
  default     = true
  parameters = {
    number = "1"
  }

  prebuilds {
    instances = 2
    expiration_policy {
      ttl = 86400
    }
    scheduling {
      timezone = "Europe/Zurich"
      schedule {
        cron      = "* 8-18 * * 1-5"
        instances = 5
      }
      schedule {
        cron      = "* 8-14 * * 6"
        instances = 1
      }
    }
  }
}

resource "coder_agent" "main" {
  os                      = "linux"
  arch                    = "arm64"
  auth                    = "token"
  api_key_scope           = "no_user_data"
  dir                     = "~"
  env                     = { EDITOR = "vi" }
  startup_script          = "echo start"
  startup_script_behavior = "blocking"
  shutdown_script         = "echo stop"
  connection_timeout      = 60
  troubleshooting_url     = "https://example.com/help"
  motd_file               = "/etc/motd"
  order                   = 7

  metadata {
    key          = "cpu"
    display_name = "CPU"
    script       = "coder stat cpu"
    timeout      = 5
    interval     = 10
    order        = 1
  }

  display_apps {
    vscode                 = false
    vscode_insiders        = true
    web_terminal           = false
    port_forwarding_helper = false
    ssh_helper             = false
  }

  resources_monitoring {
    memory {
      enabled   = true
      threshold = 80
    }
    volume {
      path      = "/home"
      enabled   = true
      threshold = 90
    }
  }
}

resource "coder_agent" "plain" {
  os   = "linux"
  arch = "amd64"
  auth = "aws-instance-identity"
}

resource "coder_agent_instance" "this" {
  agent_id    = coder_agent.plain.id
  instance_id = "i-0123456789"
}

resource "coder_external_agent" "this" {
  agent_id = coder_agent.plain.id
}

resource "coder_devcontainer" "this" {
  agent_id         = coder_agent.main.id
  workspace_folder = "/home/coder/project"
  config_path      = "/home/coder/project/.devcontainer.json"
}

resource "coder_app" "web" {
  agent_id     = coder_agent.main.id
  slug         = "web"
  display_name = "Web"
  icon         = "/icon/web.svg"
  url          = "http://localhost:8080"
  subdomain    = true
  share        = "authenticated"
  group        = "Servers"
  order        = 2
  open_in      = "tab"
  tooltip      = "The **web** server"

  healthcheck {
    url       = "http://localhost:8080/healthz"
    interval  = 5
    threshold = 3
  }
}

resource "coder_app" "command" {
  agent_id = coder_devcontainer.this.subagent_id
  slug     = "top"
  command  = "top"
  hidden   = true
}

resource "coder_app" "link" {
  agent_id = coder_agent.plain.id
  slug     = "docs"
  url      = "https://example.com/docs"
  external = true
}

resource "coder_script" "start" {
  agent_id           = coder_agent.main.id
  display_name       = "Start"
  icon               = "/icon/start.svg"
  script             = "echo hi"
  log_path           = "start.log"
  run_on_start       = true
  start_blocks_login = true
  timeout            = 30
}

resource "coder_script" "other" {
  agent_id     = coder_agent.main.id
  display_name = "Other"
  script       = "true"
  cron         = "0 30 3 * * *"
  run_on_stop  = true
}

resource "coder_env" "first" {
  agent_id = coder_agent.main.id
  name     = "SEARCH"
  value    = "/first"
}

resource "coder_env" "second" {
  agent_id       = coder_agent.main.id
  name           = "SEARCH"
  value          = "/second"
  merge_strategy = "append"
}

resource "coder_ai_task" "block" {
  count = var.task_by_app ? 0 : 1
  sidebar_app {
    id = coder_app.web.id
  }
}

resource "coder_ai_task" "attribute" {
  count  = var.task_by_app ? 1 : 0
  app_id = coder_app.web.id
}

# The machine of the agents.

resource "terraform_data" "machine" {
  count = data.coder_workspace.this.start_count
  input = {
    script  = coder_agent.main.init_script
    secrets = sha256("${data.coder_secret.variable.value}${data.coder_secret.file.value}")
  }
}

resource "coder_metadata" "machine" {
  count       = data.coder_workspace.this.start_count
  resource_id = terraform_data.machine[0].id
  hide        = true
  icon        = "/icon/machine.svg"
  daily_cost  = 12

  item {
    key       = "secret"
    value     = "hush"
    sensitive = true
  }
  item {
    key   = "unknown"
    value = null
  }
}
