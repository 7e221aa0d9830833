output "tidegate_toml" {
  description = "The service's configuration for this installation: `terraform output -raw tidegate_toml > tidegate.toml`."
  value = templatefile("${path.module}/tidegate.toml.tftpl", {
    events            = aws_sqs_queue.events.url
    events_dlq        = aws_sqs_queue.events_dlq.url
    events_visibility = var.events_queue.visibility_seconds
    loads             = aws_sqs_queue.loads.url
    loads_dlq         = aws_sqs_queue.loads_dlq.url
    loads_visibility  = var.loads_queue.visibility_seconds
    staging           = "s3://${aws_s3_bucket.staging.bucket}/"
    kms_key           = aws_kms_key.this.arn
    warehouse         = var.warehouse
    copy_role         = aws_iam_role.copy.arn
    port              = local.metrics_port
  })
}

output "database_user" {
  description = "The database user that the daemon connects as, for grants.sql. Null: the user in the secret."
  value       = local.by_iam ? "IAMR:${aws_iam_role.daemon.name}" : var.warehouse.db_user
}

output "copy_role_arn" {
  description = "The role that COPY uses: attach it to the cluster, or to the workgroup's namespace."
  value       = aws_iam_role.copy.arn
}

output "daemon_role_arn" {
  description = "The daemon's role."
  value       = aws_iam_role.daemon.arn
}

output "operator_policy_arn" {
  description = "The policy for people who look at parked messages and move them back."
  value       = aws_iam_policy.operator.arn
}

output "backfill_policy_arn" {
  description = "The policy for who runs `tidegate backfill`."
  value       = aws_iam_policy.backfill.arn
}

output "land_policy_arn" {
  description = "The policy for who runs `tidegate land`."
  value       = aws_iam_policy.land.arn
}

output "queue_arns" {
  description = "The queues: events, events_dlq, loads, loads_dlq."
  value = {
    events     = aws_sqs_queue.events.arn
    events_dlq = aws_sqs_queue.events_dlq.arn
    loads      = aws_sqs_queue.loads.arn
    loads_dlq  = aws_sqs_queue.loads_dlq.arn
  }
}

output "staging_bucket" {
  description = "The staging bucket's name."
  value       = aws_s3_bucket.staging.bucket
}

output "kms_key_arn" {
  description = "The key of the staging bucket and the queues."
  value       = aws_kms_key.this.arn
}

output "task_security_group_id" {
  description = "The tasks' security group, to let it in to VPC endpoints."
  value       = aws_security_group.tasks.id
}
