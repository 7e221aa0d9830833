# One key for the staging bucket and the queues: customer-managed, because no service may be let in to an AWS-managed one.

data "aws_iam_policy_document" "key" {
  # As in every key's default policy: without it nobody could administer the key. It lets IAM policies of this account grant
  # the key's use; the roles below are granted just what they need. In a key's policy "*" is the key itself.
  statement {
    sid       = "AccountAdministersByIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  # S3, and EventBridge where a source uses it, encrypt what they send to the events queue. IfExists: AWS does not document
  # whether SQS hands the source account on to KMS; where it does, another account is refused.
  statement {
    sid       = "AnnouncersEncryptEvents"
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = concat(["s3.amazonaws.com"], length(local.eventbridge_sources) > 0 ? ["events.amazonaws.com"] : [])
    }

    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_kms_key" "this" {
  description         = "${var.name}: staged files, quarantine and queues"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
