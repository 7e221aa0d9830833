# Who may do what: the daemon, ECS while it starts a task, Redshift while it copies, an operator, and a backfill.

data "aws_iam_policy_document" "tasks_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:ecs:${local.region}:${local.account}:*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

# --- the daemon: intake and load ------------------------------------------------------------------------------------

data "aws_redshiftserverless_workgroup" "this" {
  count          = var.warehouse.workgroup == null ? 0 : 1
  workgroup_name = var.warehouse.workgroup
}

locals {
  by_db_user = var.warehouse.db_user != null
  by_secret  = var.warehouse.secret_arn != null
  by_iam     = !local.by_db_user && !local.by_secret

  redshift = "arn:${local.partition}:redshift:${local.region}:${local.account}"

  # A workgroup's ARN ends in an id that its name does not tell.
  warehouse_arn = (
    var.warehouse.workgroup == null
    ? "${local.redshift}:cluster:${var.warehouse.cluster}"
    : data.aws_redshiftserverless_workgroup.this[0].arn
  )

  database_arn = "${local.redshift}:dbname:${coalesce(var.warehouse.cluster, "-")}/${var.warehouse.database}"

  # What the daemon asks for when it connects: one action, on one thing.
  connect = (
    local.by_secret
    ? { action = "secretsmanager:GetSecretValue", resources = [var.warehouse.secret_arn] }
    : local.by_db_user
    ? {
      action    = "redshift:GetClusterCredentials"
      resources = ["${local.redshift}:dbuser:${var.warehouse.cluster}/${var.warehouse.db_user}", local.database_arn]
    }
    : var.warehouse.cluster != null
    ? { action = "redshift:GetClusterCredentialsWithIAM", resources = [local.database_arn] }
    : { action = "redshift-serverless:GetCredentials", resources = [local.warehouse_arn] }
  )

  foreign_keys = distinct(compact([for source in values(var.sources) : source.kms_key_arn]))
}

data "aws_iam_policy_document" "daemon" {
  statement {
    sid = "TakeMessages"
    actions = [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
      "sqs:GetQueueAttributes",
    ]
    resources = [aws_sqs_queue.events.arn, aws_sqs_queue.loads.arn]
  }

  statement {
    sid       = "QueueLoadsAndPark"
    actions   = ["sqs:SendMessage", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.loads.arn, aws_sqs_queue.events_dlq.arn, aws_sqs_queue.loads_dlq.arn]
  }

  statement {
    sid     = "ReadObjects"
    actions = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = flatten([
      for bucket, source in var.sources : [for prefix in source.prefixes : "arn:${local.partition}:s3:::${bucket}/${prefix}*"]
    ])
  }

  # Who may not list a bucket is told 403 for an object that is gone, not 404: one deleted object would look like a missing
  # permission, which stops the daemon, instead of being parked.
  statement {
    sid       = "TellGoneFromForbidden"
    actions   = ["s3:ListBucket"]
    resources = [for bucket in keys(var.sources) : "arn:${local.partition}:s3:::${bucket}"]
  }

  dynamic "statement" {
    for_each = length(local.foreign_keys) > 0 ? [local.foreign_keys] : []

    content {
      sid       = "DecryptObjects"
      actions   = ["kms:Decrypt"]
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${local.region}.amazonaws.com"]
      }
    }
  }

  statement {
    sid       = "WriteStaging"
    actions   = ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"]
    resources = ["${aws_s3_bucket.staging.arn}/*"]
  }

  statement {
    sid       = "ListStaging"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.staging.arn]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.amazonaws.com", "sqs.${local.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "RunStatements"
    actions   = ["redshift-data:ExecuteStatement", "redshift-data:BatchExecuteStatement"]
    resources = [local.warehouse_arn]
  }

  # These four know no resource. The Data API shows a statement to the role that submitted it and to no other, and there is no
  # condition on the session: a task must learn how the statement ended that another task submitted before it died.
  statement {
    sid = "FollowOwnStatements"
    actions = [
      "redshift-data:DescribeStatement",
      "redshift-data:GetStatementResult",
      "redshift-data:CancelStatement",
      "redshift-data:ListStatements",
    ]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = length(var.firehose_stream_arns) > 0 ? [var.firehose_stream_arns] : []

    content {
      sid       = "CopyToFirehose"
      actions   = ["firehose:PutRecordBatch"]
      resources = statement.value
    }
  }

  statement {
    sid       = "Connect"
    actions   = [local.connect.action]
    resources = local.connect.resources
  }

  dynamic "statement" {
    for_each = var.warehouse.secret_kms_key_arn == null ? [] : [var.warehouse.secret_kms_key_arn]

    content {
      sid       = "DecryptSecret"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${local.region}.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_role" "daemon" {
  name               = "${var.name}-daemon"
  description        = "What the Tidegate daemon does"
  assume_role_policy = data.aws_iam_policy_document.tasks_trust.json
}

resource "aws_iam_role_policy" "daemon" {
  name   = "daemon"
  role   = aws_iam_role.daemon.id
  policy = data.aws_iam_policy_document.daemon.json
}

# --- ECS, while it starts a task ------------------------------------------------------------------------------------

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  dynamic "statement" {
    for_each = var.image_repository_arn == null ? [] : [var.image_repository_arn]

    content {
      sid       = "PullImage"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = [statement.value]
    }
  }

  # A token for the registry as a whole: the action knows no resource.
  dynamic "statement" {
    for_each = var.image_repository_arn == null ? [] : [true]

    content {
      sid       = "LogInToRegistry"
      actions   = ["ecr:GetAuthorizationToken"]
      resources = ["*"]
    }
  }
}

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  description        = "What ECS does to start a Tidegate task"
  assume_role_policy = data.aws_iam_policy_document.tasks_trust.json
}

resource "aws_iam_role_policy" "execution" {
  name   = "execution"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

# --- Redshift, while it copies --------------------------------------------------------------------------------------

data "aws_iam_policy_document" "copy_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"]
    }

    # IfExists: AWS does not document that Redshift names its account when it takes on a role. Where it does, another account
    # is refused; where it does not, the role must be attached by somebody of this account all the same.
    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "copy" {
  statement {
    sid       = "ListStaging"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [aws_s3_bucket.staging.arn]
  }

  statement {
    sid       = "ReadStaging"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.staging.arn}/*"]
  }

  statement {
    sid       = "DecryptStaging"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.this.arn]
  }
}

resource "aws_iam_role" "copy" {
  name               = "${var.name}-copy"
  description        = "What Redshift does to copy Tidegate's batches"
  assume_role_policy = data.aws_iam_policy_document.copy_trust.json
}

resource "aws_iam_role_policy" "copy" {
  name   = "copy"
  role   = aws_iam_role.copy.id
  policy = data.aws_iam_policy_document.copy.json
}

# --- an operator, who looks at parked messages and moves them back --------------------------------------------------

data "aws_iam_policy_document" "operator" {
  statement {
    sid = "MoveParkedMessages"
    actions = [
      "sqs:StartMessageMoveTask",
      "sqs:ListMessageMoveTasks",
      "sqs:CancelMessageMoveTask",
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
      "sqs:GetQueueAttributes",
    ]
    resources = [aws_sqs_queue.events_dlq.arn, aws_sqs_queue.loads_dlq.arn]
  }

  statement {
    sid       = "ReturnThem"
    actions   = ["sqs:SendMessage", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.events.arn, aws_sqs_queue.loads.arn]
  }

  statement {
    sid       = "ReencryptThem"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sqs.${local.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_policy" "operator" {
  name        = "${var.name}-operator"
  description = "Look at Tidegate's parked messages and move them back"
  policy      = data.aws_iam_policy_document.operator.json
}

# --- a backfill, which announces what a bucket has already ----------------------------------------------------------

data "aws_iam_policy_document" "backfill" {
  # Versions are listed on every bucket: a plain listing does not tell them.
  statement {
    sid       = "ListSources"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions"]
    resources = [for bucket in keys(var.sources) : "arn:${local.partition}:s3:::${bucket}"]
  }

  statement {
    sid       = "Announce"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.events.arn]
  }

  statement {
    sid       = "EncryptEvents"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sqs.${local.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "AskTheLedger"
    actions   = ["redshift-data:ExecuteStatement"]
    resources = [local.warehouse_arn]
  }

  # These know no resource.
  statement {
    sid       = "FollowOwnStatements"
    actions   = ["redshift-data:DescribeStatement", "redshift-data:GetStatementResult", "redshift-data:CancelStatement"]
    resources = ["*"]
  }

  statement {
    sid       = "Connect"
    actions   = [local.connect.action]
    resources = local.connect.resources
  }

  dynamic "statement" {
    for_each = var.warehouse.secret_kms_key_arn == null ? [] : [var.warehouse.secret_kms_key_arn]

    content {
      sid       = "DecryptSecret"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${local.region}.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_policy" "backfill" {
  name        = "${var.name}-backfill"
  description = "List Tidegate's sources, ask its ledger and announce objects to it"
  policy      = data.aws_iam_policy_document.backfill.json
}
