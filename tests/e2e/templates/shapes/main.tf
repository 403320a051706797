# Every shape of template in one, for tests/e2e/shapes.rs.

terraform {
  required_providers {
    coder = {
      source = "coder/coder"
    }
  }
}

variable "needed" {
  description = "Has no default."
  type        = string
}

variable "optional" {
  type    = string
  default = "a default"
}

variable "hidden" {
  type      = string
  default   = "hush"
  sensitive = true
}

variable "list" {
  type    = list(number)
  default = [1, 2]
}

data "coder_provisioner" "here" {}
data "coder_workspace" "me" {}
data "coder_workspace_owner" "me" {}
data "coder_task" "task" {}

data "coder_external_auth" "git" {
  id       = "primary-git"
  optional = true
}

data "coder_workspace_tags" "none" {
  tags = {}
}

data "coder_workspace_preset" "large" {
  name        = "Large"
  description = "More of everything."
  icon        = "/icon/memory.svg"
  default     = true
  parameters = {
    text  = "large"
    count = "8"
  }
  prebuilds {
    instances = 0

    expiration_policy {
      ttl = 3600
    }
    scheduling {
      timezone = "Europe/Zurich"

      schedule {
        cron      = "* 8-18 * * 1-5"
        instances = 0
      }
    }
  }
}

locals {
  home  = "${pathexpand("~")}/shapes/${data.coder_workspace.me.name}"
  ports = { web = 8080, api = 8081 }
}

# Agents: one that runs, one without a process, two in modules and one outside of Terraform.

resource "coder_agent" "main" {
  os                      = data.coder_provisioner.here.os
  arch                    = data.coder_provisioner.here.arch
  count                   = data.coder_workspace.me.start_count
  dir                     = "~"
  order                   = 1
  api_key_scope           = "no_user_data"
  connection_timeout      = 30
  troubleshooting_url     = "https://example.com/help"
  motd_file               = "/etc/motd"
  startup_script_behavior = "blocking"
  startup_script          = "echo started; mkdir -p ${local.home}"
  shutdown_script         = "touch ${local.home}/said-goodbye"
  env                     = { OWN = "agent" }

  dynamic "metadata" {
    for_each = ["cpu", "mem"]
    content {
      key          = metadata.value
      display_name = upper(metadata.value)
      script       = "coder stat ${metadata.value}"
      interval     = 10
      timeout      = 1
      order        = metadata.key
    }
  }

  display_apps {
    vscode       = false
    web_terminal = true
  }

  resources_monitoring {
    memory {
      enabled   = true
      threshold = 80
    }
    volume {
      path      = "/"
      enabled   = true
      threshold = 90
    }
    volume {
      path      = "/tmp"
      enabled   = false
      threshold = 95
    }
  }
}

resource "coder_agent" "side" {
  os    = "linux"
  arch  = "arm64"
  order = 2

  display_apps {
    vscode                 = false
    vscode_insiders        = false
    web_terminal           = false
    port_forwarding_helper = false
    ssh_helper             = false
  }
}

# Counts for agents that prove who they are by their machine only.
resource "coder_agent_instance" "side" {
  agent_id    = coder_agent.side.id
  instance_id = "i-1"
}

resource "coder_agent" "elsewhere" {
  os   = "windows"
  arch = "amd64"
}

resource "coder_external_agent" "elsewhere" {
  agent_id = coder_agent.elsewhere.id
}

module "outer" {
  source = "./modules/outer"
  needed = var.needed
}

module "counted" {
  count  = data.coder_workspace.me.start_count
  source = "./modules/counted"
  name   = "counted"
}

# Apps: for_each, health checks, links, commands, attached through a module's output.

resource "coder_app" "ports" {
  for_each     = data.coder_workspace.me.start_count == 1 ? local.ports : {}
  agent_id     = coder_agent.main[0].id
  slug         = each.key
  display_name = "Port ${each.value}"
  icon         = "/icon/${each.key}.svg"
  url          = "http://localhost:${each.value}"
  subdomain    = each.key == "web"
  share        = each.key == "web" ? "authenticated" : "public"
  order        = each.value
  group        = "Ports"
  tooltip      = "Port **${each.value}**"
  open_in      = "tab"

  dynamic "healthcheck" {
    for_each = each.key == "web" ? ["${data.coder_workspace.me.access_url}/healthz"] : ["http://127.0.0.1:1/"]
    content {
      url       = healthcheck.value
      interval  = 1
      threshold = 2
    }
  }
}

resource "coder_app" "docs" {
  agent_id = coder_agent.side.id
  slug     = "docs"
  url      = "https://example.com/docs"
  external = true
}

resource "coder_app" "top" {
  agent_id = module.outer.agent_id
  slug     = "top"
  command  = "top"
  hidden   = true
}

# Variables, scripts and a dev container of the running agent.

resource "coder_env" "path_1" {
  count    = data.coder_workspace.me.start_count
  agent_id = coder_agent.main[0].id
  name     = "SEARCH"
  value    = "/one"
}

resource "coder_env" "path_2" {
  count          = data.coder_workspace.me.start_count
  agent_id       = coder_agent.main[0].id
  name           = "SEARCH"
  value          = "/two"
  merge_strategy = "append"
}

resource "coder_env" "values" {
  for_each = data.coder_workspace.me.start_count == 1 ? {
    NEEDED = var.needed
    LIST   = jsonencode(var.list)
    TEXT   = data.coder_parameter.text.value
    OWN    = "the agent's own wins"
  } : {}
  agent_id = coder_agent.main[0].id
  name     = each.key
  value    = each.value
}

resource "coder_script" "nightly" {
  count        = data.coder_workspace.me.start_count
  agent_id     = coder_agent.main[0].id
  display_name = "Nightly"
  icon         = "/icon/moon.svg"
  script       = "true"
  cron         = "0 0 3 * * *"
  timeout      = 60
  log_path     = "nightly.log"
}

resource "coder_script" "welcome" {
  count              = data.coder_workspace.me.start_count
  agent_id           = coder_agent.main[0].id
  display_name       = "Welcome"
  script             = "echo welcome $NEEDED"
  run_on_start       = true
  start_blocks_login = true
}

resource "coder_devcontainer" "project" {
  count            = data.coder_workspace.me.start_count
  agent_id         = coder_agent.main[0].id
  workspace_folder = "${local.home}/project"
  config_path      = "${local.home}/project/devcontainer.json"
}

resource "coder_app" "inside" {
  count    = data.coder_workspace.me.start_count
  agent_id = coder_devcontainer.project[0].subagent_id
  slug     = "inside"
  url      = "http://localhost:3000"
}

resource "coder_ai_task" "task" {
  count  = data.coder_workspace.me.start_count
  app_id = coder_app.ports["web"].id
}

# Peripheral and persistent.

resource "terraform_data" "volume" {
  input = "${local.home}:${data.coder_parameter.size.value}"
}

resource "coder_metadata" "volume" {
  resource_id = terraform_data.volume.id
  icon        = "/icon/database.svg"
  daily_cost  = 5

  item {
    key   = "size"
    value = data.coder_parameter.size.value
  }
  item {
    key       = "secret"
    value     = var.hidden
    sensitive = true
  }
  item {
    key   = "unknown"
    value = null
  }
}

# Computational and ephemeral: destroyed by a stop, made anew by a start.

resource "terraform_data" "machine" {
  count            = data.coder_workspace.me.start_count
  triggers_replace = [coder_agent.main[0].token]
  input            = { pid_file = "${local.home}.pid", tmp = "${local.home}.agent" }

  provisioner "local-exec" {
    command = <<-EOT
      set -eu
      mkdir -p "$(dirname "$PID_FILE")"
      printf '%s' "$INIT_SCRIPT" > "$PID_FILE.sh"
      setsid sh "$PID_FILE.sh" > "$PID_FILE.log" 2>&1 < /dev/null &
      echo $! > "$PID_FILE"
    EOT
    environment = {
      PID_FILE          = self.input.pid_file
      INIT_SCRIPT       = coder_agent.main[0].init_script
      CODER_AGENT_TOKEN = coder_agent.main[0].token
    }
  }

  provisioner "local-exec" {
    when        = destroy
    command     = "pid=$(cat \"$PID_FILE\") && kill -TERM \"-$pid\" || true; rm -f \"$PID_FILE\""
    environment = { PID_FILE = self.input.pid_file }
  }
}

resource "coder_metadata" "machine" {
  count       = data.coder_workspace.me.start_count
  resource_id = terraform_data.machine[0].id
  daily_cost  = 20
  hide        = false
}

# Hidden, and with two instances of one block.

resource "terraform_data" "pair" {
  count = 2
  input = "${count.index}-${coder_agent.side.id}"
}

resource "coder_metadata" "pair" {
  resource_id = terraform_data.pair[1].id
  hide        = true
  daily_cost  = 1
}
