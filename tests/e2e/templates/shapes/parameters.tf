# Each type with each control that fits it.

data "coder_parameter" "text" {
  name         = "text"
  display_name = "Text"
  description  = "Some *text*."
  icon         = "/icon/text.svg"
  default      = "default"
  mutable      = true
  order        = 1
  styling      = jsonencode({ placeholder = "Write" })

  validation {
    regex = "^[a-z ]+$"
    error = "Lower-case letters only."
  }
}

data "coder_parameter" "prose" {
  name      = "prose"
  form_type = "textarea"
  default   = "one\ntwo"
  mutable   = true
}

data "coder_parameter" "size" {
  name    = "size"
  default = "small"
  mutable = true

  dynamic "option" {
    for_each = ["small", "large"]
    content {
      name        = title(option.value)
      value       = option.value
      description = "The ${option.value} one."
      icon        = "/icon/${option.value}.svg"
    }
  }
}

data "coder_parameter" "region" {
  name      = "region"
  form_type = "dropdown"
  default   = "eu"

  option {
    name  = "Europe"
    value = "eu"
  }
  option {
    name  = "Asia"
    value = "as"
  }
}

data "coder_parameter" "count" {
  name    = "count"
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

data "coder_parameter" "slider" {
  name      = "slider"
  type      = "number"
  form_type = "slider"
  default   = 5
  mutable   = true

  validation {
    min = 0
    max = 10
  }
}

data "coder_parameter" "ports" {
  name      = "ports"
  type      = "number"
  form_type = "dropdown"
  default   = 80

  option {
    name  = "HTTP"
    value = 80
  }
  option {
    name  = "HTTPS"
    value = 443
  }
}

data "coder_parameter" "flags" {
  for_each = { checkbox = "true", switch = "false" }

  name      = each.key
  type      = "bool"
  form_type = each.key
  default   = each.value
  mutable   = true
}

data "coder_parameter" "choice" {
  name    = "choice"
  type    = "bool"
  default = true

  option {
    name  = "Yes"
    value = true
  }
  option {
    name  = "No"
    value = false
  }
}

data "coder_parameter" "tags" {
  name    = "tags"
  type    = "list(string)"
  default = jsonencode(["a", "b"])
  mutable = true
}

data "coder_parameter" "several" {
  name      = "several"
  type      = "list(string)"
  form_type = "multi-select"
  default   = jsonencode(["x"])
  mutable   = true

  option {
    name  = "X"
    value = "x"
  }
  option {
    name  = "Y"
    value = "y"
  }
}

data "coder_parameter" "lists" {
  name    = "lists"
  type    = "list(string)"
  default = jsonencode(["x", "y"])

  option {
    name  = "Both"
    value = jsonencode(["x", "y"])
  }
  option {
    name  = "One"
    value = jsonencode(["x"])
  }
}

data "coder_parameter" "once" {
  name      = "once"
  default   = "no"
  mutable   = true
  ephemeral = true
}

data "coder_parameter" "required" {
  name        = "required"
  description = "Has no default."
}
