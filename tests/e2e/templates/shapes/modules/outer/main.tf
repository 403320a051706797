# A module in which there is another.

variable "needed" {
  type = string
}

module "inner" {
  source = "./inner"
  name   = "inner ${var.needed}"
}

output "agent_id" {
  value = module.inner.agent_id
}
