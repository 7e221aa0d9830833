locals {
  day = 86400

  # A notification of S3 fills up to 256 KiB; a parked one carries its reason on top. 1 MiB is the most that SQS takes.
  max_message_size = 1048576
}

# --- events: S3's notifications -------------------------------------------------------------------------------------

resource "aws_sqs_queue" "events" {
  name                       = "${var.name}-events"
  visibility_timeout_seconds = var.events_queue.visibility_seconds
  receive_wait_time_seconds  = 20
  max_message_size           = local.max_message_size
  kms_master_key_id          = aws_kms_key.this.arn

  # A message that SQS moves from a standard queue keeps its age: seven days here leave seven in the dead-letter queue.
  message_retention_seconds = 7 * local.day

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.events_dlq.arn
    maxReceiveCount     = var.events_queue.max_receive_count
  })
}

resource "aws_sqs_queue" "events_dlq" {
  name                      = "${var.name}-events-dlq"
  message_retention_seconds = 14 * local.day
  max_message_size          = local.max_message_size
  kms_master_key_id         = aws_kms_key.this.arn
}

resource "aws_sqs_queue_redrive_allow_policy" "events_dlq" {
  queue_url = aws_sqs_queue.events_dlq.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.events.arn]
  })
}

# --- loads: staged batches, in order by pipeline --------------------------------------------------------------------

resource "aws_sqs_queue" "loads" {
  name                        = "${var.name}-loads.fifo"
  fifo_queue                  = true
  content_based_deduplication = false # the daemon gives each batch its own deduplication id
  visibility_timeout_seconds  = var.loads_queue.visibility_seconds
  receive_wait_time_seconds   = 20
  max_message_size            = local.max_message_size
  message_retention_seconds   = 14 * local.day
  kms_master_key_id           = aws_kms_key.this.arn

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.loads_dlq.arn
    maxReceiveCount     = var.loads_queue.max_receive_count
  })
}

resource "aws_sqs_queue" "loads_dlq" {
  name                        = "${var.name}-loads-dlq.fifo"
  fifo_queue                  = true
  content_based_deduplication = false
  message_retention_seconds   = 14 * local.day
  max_message_size            = local.max_message_size
  kms_master_key_id           = aws_kms_key.this.arn
}

resource "aws_sqs_queue_redrive_allow_policy" "loads_dlq" {
  queue_url = aws_sqs_queue.loads_dlq.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.loads.arn]
  })
}
