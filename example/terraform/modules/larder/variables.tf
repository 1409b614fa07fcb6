variable "layer_zip" {
  description = "The layer's zip, as `make layer` writes it: dist/larder-layer-arm64.zip or dist/larder-layer-amd64.zip."
  type        = string

  validation {
    condition     = fileexists(var.layer_zip)
    error_message = "There is no file ${var.layer_zip}: `make layer` writes dist/larder-layer-arm64.zip and dist/larder-layer-amd64.zip."
  }
}

# One, not a list: a zip holds the binary of one architecture.
variable "architecture" {
  description = "The architecture that the zip was built for, in Lambda's words: arm64, or x86_64 for the zip whose name says amd64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is \"${var.architecture}\": use arm64, or x86_64 for the zip whose name says amd64."
  }
}

variable "layer_name" {
  description = "The layer's name."
  type        = string
  default     = "larder"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.layer_name))
    error_message = "The layer's name is \"${var.layer_name}\": use 1 to 64 letters, digits, - and _."
  }
}

variable "skip_destroy" {
  description = "Whether the versions of the layer that this one replaces, and this one at the end, stay in AWS. Functions that use a deleted version go on running, but it cannot be given to others."
  type        = bool
  default     = false
}

variable "secret_arns" {
  description = "The secrets that the function reads: their whole ARNs. They are prefetched, and the function may read them by name too."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.secret_arns) > 0
    error_message = "There is no secret: list the ARN of at least one."
  }

  # Without its ending an ARN allows nothing, and a pattern allows more than one
  # secret.
  validation {
    condition     = alltrue([for arn in var.secret_arns : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$", arn))])
    error_message = "A secret's ARN is whole, with the six characters at its end, and no pattern: arn:aws:secretsmanager:REGION:ACCOUNT:secret:my-api-key-AbCdEf."
  }
}

variable "kms_key_arns" {
  description = "The keys of those secrets that have one of their own. None for the account's default key, aws/secretsmanager."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.kms_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = "A key's ARN is that of the key and not of an alias: arn:aws:kms:REGION:ACCOUNT:key/ID."
  }
}

variable "allow_batch" {
  description = "Whether the function may call BatchGetSecretValue, which saves calls with more than ten secrets. It can only be allowed on all secrets; it returns those alone that GetSecretValue is allowed on."
  type        = bool
  default     = false
}

variable "settings" {
  description = "Variables of Larder's, such as { LARDER_TTL = \"1m\" }. LARDER_SECRETS is secret_arns unless it is here."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.settings) : startswith(name, "LARDER_")])
    error_message = "A setting's name begins with LARDER_: other variables are the function's own."
  }
}
