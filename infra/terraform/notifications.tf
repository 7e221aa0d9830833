# How the source buckets announce an object to the events queue.

locals {
  direct_sources      = { for bucket, source in var.sources : bucket => source if source.notification != "eventbridge" }
  notified_sources    = { for bucket, source in var.sources : bucket => source if source.notification == "s3" }
  eventbridge_sources = { for bucket, source in var.sources : bucket => source if source.notification == "eventbridge" }
}

data "aws_iam_policy_document" "events_queue" {
  dynamic "statement" {
    for_each = length(local.direct_sources) > 0 ? [keys(local.direct_sources)] : []

    content {
      sid       = "SourceBucketsAnnounce"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.events.arn]

      principals {
        type        = "Service"
        identifiers = ["s3.amazonaws.com"]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = [for bucket in statement.value : "arn:${local.partition}:s3:::${bucket}"]
      }

      # A bucket's ARN names no account: should the bucket be deleted, and its name taken by somebody else, this shuts them out.
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.eventbridge_sources) > 0 ? [true] : []

    content {
      sid       = "RulesAnnounce"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.events.arn]

      principals {
        type        = "Service"
        identifiers = ["events.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [for rule in aws_cloudwatch_event_rule.source : rule.arn]
      }
    }
  }
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.id
  policy    = data.aws_iam_policy_document.events_queue.json
}

# --- straight from S3 -----------------------------------------------------------------------------------------------

resource "aws_s3_bucket_notification" "source" {
  for_each = local.notified_sources
  bucket   = each.key

  dynamic "queue" {
    for_each = setproduct(each.value.prefixes, each.value.suffixes)

    content {
      queue_arn     = aws_sqs_queue.events.arn
      events        = ["s3:ObjectCreated:*"]
      filter_prefix = queue.value[0]
      filter_suffix = queue.value[1]
    }
  }

  # S3 sends a test message when it is told of the queue, and refuses a queue that does not let it in.
  depends_on = [aws_sqs_queue_policy.events]
}

# --- by EventBridge -------------------------------------------------------------------------------------------------

resource "aws_cloudwatch_event_rule" "source" {
  for_each    = local.eventbridge_sources
  name        = "${var.name}-${substr(sha256(each.key), 0, 12)}"
  description = "${var.name}: new objects in ${each.key}"

  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [each.key] }
      object = {
        key = [
          for pair in setproduct(each.value.prefixes, each.value.suffixes) :
          { wildcard = "${replace(pair[0], "/([*\\\\])/", "\\$1")}*${replace(pair[1], "/([*\\\\])/", "\\$1")}" }
        ]
      }
    }
  })
}

resource "aws_cloudwatch_event_target" "source" {
  for_each = local.eventbridge_sources
  rule     = aws_cloudwatch_event_rule.source[each.key].name
  arn      = aws_sqs_queue.events.arn
}
