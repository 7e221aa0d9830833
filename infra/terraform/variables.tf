variable "name" {
  description = "The name that every resource of this installation starts with."
  type        = string
  default     = "tidegate"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "The name is a lower-case letter, then at most 30 lower-case letters, digits and hyphens."
  }
}

variable "sources" {
  description = <<-EOT
    The buckets that objects are loaded from, by name; they exist already and are in this Region.
    - prefixes, suffixes: the keys that are announced, and the prefixes are all that the daemon may read. S3 refuses
      overlapping ones: no prefix may begin with another one, nor a suffix end in another one.
    - notification: how the bucket announces an object.
      `s3`: this module writes the bucket's notification configuration. A bucket has only one: whatever another tool wrote there is replaced.
      `eventbridge`: a rule on the default event bus; the bucket already sends its events there.
      `none`: the bucket may send to the events queue, and its notification configuration is left to you.
    - kms_key_arn: the key that the objects are encrypted with, where it is a customer-managed one.
  EOT

  type = map(object({
    prefixes     = optional(set(string), [""])
    suffixes     = optional(set(string), [""])
    notification = optional(string, "s3")
    kms_key_arn  = optional(string)
  }))

  validation {
    condition     = length(var.sources) > 0
    error_message = "Name at least one source bucket."
  }

  validation {
    condition     = alltrue([for source in values(var.sources) : contains(["s3", "eventbridge", "none"], source.notification)])
    error_message = "A source's notification is s3, eventbridge or none."
  }

  validation {
    condition     = alltrue([for source in values(var.sources) : length(source.prefixes) > 0 && length(source.suffixes) > 0])
    error_message = "A source has at least one prefix and one suffix; [\"\"] stands for all keys."
  }
}

variable "staging_bucket" {
  description = "The name of the staging bucket. Null: the installation's name, the account and the Region."
  type        = string
  default     = null
}

variable "staging_retention_days" {
  description = "Days after which staged files, manifests and quarantined records are deleted. A batch may wait 14 days in its queue and 14 more in the dead-letter queue, so at least 29."
  type        = number
  default     = 45

  validation {
    condition     = var.staging_retention_days >= 29
    error_message = "A parked batch may be redriven up to 28 days after it was staged: keep staged files at least 29 days."
  }
}

variable "events_queue" {
  description = "The events queue: how long a received message stays hidden, and how often it may be received before SQS itself moves it to the dead-letter queue. The daemon parks what cannot succeed at once, so the count only catches what kills the daemon."
  type = object({
    visibility_seconds = optional(number, 120)
    max_receive_count  = optional(number, 10)
  })
  default = {}
}

variable "loads_queue" {
  description = "The loads queue, likewise. A load that meets a paused or resizing warehouse is received again and again: keep the count high."
  type = object({
    visibility_seconds = optional(number, 300)
    max_receive_count  = optional(number, 100)
  })
  default = {}
}

variable "warehouse" {
  description = <<-EOT
    The warehouse: a serverless workgroup or a provisioned cluster, in this account and Region.
    - Without db_user and secret_arn the daemon connects as the database user `IAMR:<task role>`.
    - db_user: an existing database user, by temporary credentials; clusters only.
    - secret_arn: a secret with a database user's name and password; secret_kms_key_arn if a customer-managed key encrypts it.
  EOT

  type = object({
    workgroup          = optional(string)
    cluster            = optional(string)
    database           = string
    db_user            = optional(string)
    secret_arn         = optional(string)
    secret_kms_key_arn = optional(string)
    ledger_schema      = optional(string, "tidegate")
    statement_timeout  = optional(string, "15m")
  })

  validation {
    condition     = (var.warehouse.workgroup == null) != (var.warehouse.cluster == null)
    error_message = "Name either a workgroup or a cluster."
  }

  validation {
    condition     = var.warehouse.db_user == null || (var.warehouse.cluster != null && var.warehouse.secret_arn == null)
    error_message = "db_user goes with a cluster, and not with secret_arn."
  }
}

variable "image" {
  description = "The image with your configuration in it (see README.md). Null: everything but the service, which is the first of the two applies."
  type        = string
  default     = null
}

variable "image_repository_arn" {
  description = "The ARN of the ECR repository that the image is pulled from. Null: the image is public."
  type        = string
  default     = null
}

variable "network" {
  description = <<-EOT
    Where the tasks run. They need a way to the endpoints of S3, SQS, KMS, the Redshift Data API, CloudWatch Logs and ECR: a NAT
    gateway, VPC endpoints, or a public address. They need none to the warehouse itself.
    scrape_security_group_ids: who may read the metrics on port 9464.
  EOT

  type = object({
    vpc_id                    = string
    subnet_ids                = list(string)
    assign_public_ip          = optional(bool, false)
    scrape_security_group_ids = optional(set(string), [])
  })
}

variable "task" {
  description = "The size of a task, as Fargate offers them; the architecture is that of the image."
  type = object({
    cpu          = optional(number, 1024)
    memory       = optional(number, 2048)
    architecture = optional(string, "X86_64")
    environment  = optional(map(string), {})
  })
  default = {}

  validation {
    condition     = contains(["X86_64", "ARM64"], var.task.architecture)
    error_message = "The architecture is X86_64 or ARM64."
  }
}

variable "firehose_stream_arns" {
  description = "The ARNs of the Firehose streams that pipelines name in their [firehose]; none by default."
  type        = list(string)
  default     = []
}

variable "desired_count" {
  description = "The number of tasks when the service is created. Later it is changed by autoscaling, or by `aws ecs update-service --desired-count`; Terraform leaves it alone."
  type        = number
  default     = 1
}

variable "autoscaling" {
  description = "Between how many tasks the service scales, and how many visible events one task should have before it. Null: it does not."
  type = object({
    min_tasks        = number
    max_tasks        = number
    backlog_per_task = optional(number, 1000)
  })
  default = null

  validation {
    condition     = var.autoscaling == null ? true : var.autoscaling.min_tasks >= 1 && var.autoscaling.max_tasks > var.autoscaling.min_tasks
    error_message = "At least one task, and max_tasks above min_tasks."
  }
}

variable "alarms" {
  description = "The age of the oldest message, in seconds, at which a queue's alarm goes off, and the ARNs (SNS topics, say) that an alarm tells."
  type = object({
    oldest_event_seconds = optional(number, 900)
    oldest_load_seconds  = optional(number, 1800)
    actions              = optional(list(string), [])
  })
  default = {}
}

variable "log_retention_days" {
  description = "Days after which logs are deleted, as CloudWatch Logs offers them."
  type        = number
  default     = 30
}
