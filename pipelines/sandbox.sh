#!/bin/sh
# Buckets, queues and the notification of a running `tidegate sandbox`, as the folders beside this file expect them.
# It needs the AWS CLI, and the variables that pipelines/README.md names. The CLI's first version looks for SQS elsewhere unless told.
set -eu
export AWS_PAGER=""
account="arn:aws:sqs:us-east-1:000000000000"
redrive() { printf '"RedrivePolicy":"{\\"deadLetterTargetArn\\":\\"%s:%s\\",\\"maxReceiveCount\\":\\"5\\"}"' "$account" "$1"; }
queue() { aws --endpoint-url "$AWS_ENDPOINT_URL" sqs create-queue --queue-name "$1" --attributes "$2" >/dev/null; }

queue tidegate-events-dlq '{}'
queue tidegate-events "{$(redrive tidegate-events-dlq)}"
queue tidegate-loads-dlq.fifo '{"FifoQueue":"true"}'
queue tidegate-loads.fifo "{\"FifoQueue\":\"true\",$(redrive tidegate-loads-dlq.fifo)}"
for bucket in landing staging; do aws s3api create-bucket --bucket "$bucket" >/dev/null; done
aws s3api put-bucket-notification-configuration --bucket landing --notification-configuration \
    "{\"QueueConfigurations\":[{\"QueueArn\":\"$account:tidegate-events\",\"Events\":[\"s3:ObjectCreated:*\"]}]}"
