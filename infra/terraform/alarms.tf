# What must be noticed even where no Prometheus runs: parked messages, and queues that nobody empties.
# dashboards/alerts.yml holds the finer ones.

locals {
  dead_letter_queues = {
    events = aws_sqs_queue.events_dlq.name
    loads  = aws_sqs_queue.loads_dlq.name
  }

  worked_queues = {
    events = { name = aws_sqs_queue.events.name, oldest_seconds = var.alarms.oldest_event_seconds }
    loads  = { name = aws_sqs_queue.loads.name, oldest_seconds = var.alarms.oldest_load_seconds }
  }
}

resource "aws_cloudwatch_metric_alarm" "parked" {
  for_each            = local.dead_letter_queues
  alarm_name          = "${var.name}-${each.key}-parked"
  alarm_description   = "Messages wait in ${each.value}. Read the attributes fault, stage and reason of one, mend the cause, then move them back (infra/README.md)."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # SQS stops reporting a queue that is long empty
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
}

resource "aws_cloudwatch_metric_alarm" "oldest" {
  for_each            = local.worked_queues
  alarm_name          = "${var.name}-${each.key}-oldest"
  alarm_description   = "The oldest message of ${each.value.name} is older than ${each.value.oldest_seconds} s. Look at the service's tasks and logs, then at the warehouse: paused, resizing or locked?"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.oldest_seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
}
