# A workspace that is a plain process on the machine where the provisioner runs: enough to try everything
# without a cloud or a container engine.

terraform {
  required_providers {
    coder = {
      source = "coder/coder"
    }
  }
}

data "coder_provisioner" "me" {}
data "coder_workspace" "me" {}
data "coder_workspace_owner" "me" {}

data "coder_parameter" "greeting" {
  name         = "greeting"
  display_name = "Greeting"
  description  = "What the workspace says when it starts."
  type         = "string"
  default      = "Hello"
  mutable      = true
  order        = 1

  validation {
    regex = "^[^\\x00-\\x1f]{1,64}$"
    error = "Between 1 and 64 printable characters."
  }
}

locals {
  # One folder per workspace; what is in it survives a stop.
  home = "${pathexpand("~")}/.coder-local/${data.coder_workspace_owner.me.name}/${data.coder_workspace.me.name}"
}

resource "coder_agent" "main" {
  os   = data.coder_provisioner.me.os
  arch = data.coder_provisioner.me.arch

  startup_script_behavior = "non-blocking"
  startup_script          = <<-EOT
    echo "$GREETING from ${data.coder_workspace.me.name}"
  EOT

  metadata {
    key          = "cpu"
    display_name = "CPU"
    script       = "coder stat cpu"
    interval     = 10
    timeout      = 5
    order        = 1
  }

  metadata {
    key          = "memory"
    display_name = "Memory"
    script       = "coder stat mem"
    interval     = 10
    timeout      = 5
    order        = 2
  }

  metadata {
    key          = "home"
    display_name = "Home"
    script       = "coder stat disk --path $HOME"
    interval     = 60
    timeout      = 5
    order        = 3
  }
}

resource "coder_env" "greeting" {
  agent_id = coder_agent.main.id
  name     = "GREETING"
  value    = data.coder_parameter.greeting.value
}

resource "coder_script" "readme" {
  agent_id     = coder_agent.main.id
  display_name = "Write README"
  icon         = "/icon/memory.svg"
  run_on_start = true
  script       = <<-EOT
    set -eu
    file='${local.home}/README.md'
    [ -e "$file" ] || echo '# ${data.coder_workspace.me.name}' > "$file"
  EOT
}

resource "coder_app" "files" {
  agent_id     = coder_agent.main.id
  slug         = "files"
  display_name = "Files"
  icon         = "/icon/folder.svg"
  url          = "http://localhost:13337"
  share        = "owner"
  subdomain    = true
}

# Peripheral and persistent: no agent runs here, and it stays until the workspace is deleted.
resource "terraform_data" "home" {
  input = local.home

  provisioner "local-exec" {
    command     = "umask 077 && mkdir -p \"$WORKSPACE_HOME\""
    environment = { WORKSPACE_HOME = self.input }
  }

  provisioner "local-exec" {
    when        = destroy
    command     = "case \"$WORKSPACE_HOME\" in */.coder-local/*/*) rm -rf -- \"$WORKSPACE_HOME\" ;; esac"
    environment = { WORKSPACE_HOME = self.input }
  }
}

# Computational and ephemeral: runs the agent, exists only while the workspace is started.
resource "terraform_data" "compute" {
  count = data.coder_workspace.me.start_count

  # The token is part of what identifies this machine: a new one needs a new process.
  triggers_replace = [coder_agent.main.token]
  input            = { home = terraform_data.home.output, pid_file = "${terraform_data.home.output}/.agent.pid" }

  provisioner "local-exec" {
    command = <<-EOT
      set -eu
      cd "$WORKSPACE_HOME"
      printf '%s' "$INIT_SCRIPT" > .agent.sh
      # A session of its own, so that the agent outlives Terraform and can be ended with all its children.
      setsid sh .agent.sh > .agent.log 2>&1 < /dev/null &
      echo $! > "$PID_FILE"
    EOT
    environment = {
      WORKSPACE_HOME    = self.input.home
      PID_FILE          = self.input.pid_file
      INIT_SCRIPT       = coder_agent.main.init_script
      CODER_AGENT_TOKEN = coder_agent.main.token
    }
  }

  provisioner "local-exec" {
    when        = destroy
    command     = <<-EOT
      pid=$(cat "$PID_FILE" 2>/dev/null) || exit 0
      kill -TERM "-$pid" 2>/dev/null || exit 0
      i=0
      while kill -0 "-$pid" 2>/dev/null && [ "$i" -lt 100 ]; do i=$((i + 1)); sleep 0.1; done
      kill -KILL "-$pid" 2>/dev/null
      rm -f "$PID_FILE"
    EOT
    environment = { PID_FILE = self.input.pid_file }
  }
}
