"""Checks the sandbox's SQS with boto3, which verifies every MD5 that it returns.

Usage: sqs_semantics.py ENDPOINT
"""

import hashlib
import json
import struct
import sys
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

sqs = boto3.client(
    "sqs",
    endpoint_url=sys.argv[1],
    region_name="us-east-1",
    aws_access_key_id="any",
    aws_secret_access_key="key",
    config=Config(retries={"max_attempts": 1}, read_timeout=30),
)


def refused(code, call, **arguments):
    """The error of a call that must fail with this code."""
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error
    raise AssertionError(f"{call.__name__} should have been refused with {code}")


def receive(queue, **arguments):
    arguments = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"], **arguments}
    return sqs.receive_message(QueueUrl=queue, **arguments).get("Messages", [])


def bodies(messages):
    return [message["Body"] for message in messages]


def arn(queue):
    return attributes(queue)["QueueArn"]


def attributes(queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]


def md5_of_attributes(values):
    """The digest as the developer guide describes it, written anew."""
    field = lambda data: struct.pack(">I", len(data)) + data
    encoded = b""
    for name in sorted(values):
        value = values[name]
        encoded += field(name.encode()) + field(value["DataType"].encode())
        if "BinaryValue" in value:
            encoded += b"\x02" + field(value["BinaryValue"])
        else:
            encoded += b"\x01" + field(value["StringValue"].encode())
    return hashlib.md5(encoded).hexdigest()


def queues_and_attributes():
    created = sqs.create_queue(QueueName="plain", Attributes={"VisibilityTimeout": "40"}, tags={"team": "data"})
    url = created["QueueUrl"]
    assert url.endswith("/000000000000/plain"), url
    assert sqs.get_queue_url(QueueName="plain")["QueueUrl"] == url
    assert sqs.list_queues(QueueNamePrefix="pla")["QueueUrls"] == [url]
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="nothing")
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "data"}
    sqs.tag_queue(QueueUrl=url, Tags={"stage": "test"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"stage": "test"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy, "DelaySeconds": "0"})
    found = attributes(url)
    assert found["Policy"] == policy
    assert found["VisibilityTimeout"] == "40"
    assert found["QueueArn"] == "arn:aws:sqs:us-east-1:000000000000:plain"
    assert int(found["LastModifiedTimestamp"]) >= int(found["CreatedTimestamp"]) > 1_600_000_000
    error = refused("QueueAlreadyExists", sqs.create_queue, QueueName="plain", Attributes={"VisibilityTimeout": "41"})
    assert isinstance(error, sqs.exceptions.QueueNameExists), type(error)
    error = refused("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName="nothing")
    assert isinstance(error, sqs.exceptions.QueueDoesNotExist), type(error)
    refused("InvalidAttributeName", sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Nothing"])
    sqs.delete_queue(QueueUrl=url)
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.send_message, QueueUrl=url, MessageBody="x")


def messages():
    url = sqs.create_queue(QueueName="messages")["QueueUrl"]
    values = {
        "text": {"DataType": "String", "StringValue": "größer €"},
        "number": {"DataType": "Number.int", "StringValue": "-12"},
        "bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = sqs.send_message(
        QueueUrl=url, MessageBody="naïve 🦀\n", MessageAttributes=values, MessageSystemAttributes=trace
    )
    assert sent["MD5OfMessageBody"] == hashlib.md5("naïve 🦀\n".encode()).hexdigest()
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes(values)
    assert sent["MD5OfMessageSystemAttributes"] == md5_of_attributes(trace)
    (message,) = receive(url, MessageAttributeNames=["text", "by.*"])
    assert message["MessageId"] == sent["MessageId"]
    asked = {name: values[name] for name in ["text", "bytes"]}
    assert message["MessageAttributes"] == asked, message["MessageAttributes"]
    assert message["MD5OfMessageAttributes"] == md5_of_attributes(asked)
    found = message["Attributes"]
    assert found["ApproximateReceiveCount"] == "1"
    assert found["AWSTraceHeader"].startswith("Root=")
    assert int(found["ApproximateFirstReceiveTimestamp"]) >= int(found["SentTimestamp"])
    assert receive(url) == []
    assert attributes(url)["ApproximateNumberOfMessagesNotVisible"] == "1"

    first = message["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first, VisibilityTimeout=0)
    (message,) = receive(url, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == values
    assert message["ReceiptHandle"] != first
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first)
    assert attributes(url)["ApproximateNumberOfMessagesNotVisible"] == "1", "an outdated handle does nothing"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert attributes(url)["ApproximateNumberOfMessagesNotVisible"] == "0"
    refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle="garbage")

    refused("InvalidMessageContents", sqs.send_message, QueueUrl=url, MessageBody="\x07")
    refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="x" * (1024 * 1024 + 1))
    refused("InvalidParameterValue", sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11)
    refused("InvalidParameterValue", sqs.receive_message, QueueUrl=url, WaitTimeSeconds=21)
    sqs.send_message(QueueUrl=url, MessageBody="é" * (512 * 1024))
    assert len(receive(url)[0]["Body"]) == 512 * 1024
    sqs.purge_queue(QueueUrl=url)
    assert attributes(url)["ApproximateNumberOfMessagesNotVisible"] == "0"

    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=1)
    assert attributes(url)["ApproximateNumberOfMessagesDelayed"] == "1"
    assert receive(url) == []
    assert bodies(receive(url, WaitTimeSeconds=20)) == ["later"]


def batches():
    url = sqs.create_queue(QueueName="batches")["QueueUrl"]
    entries = [{"Id": str(index), "MessageBody": f"message {index}"} for index in range(9)]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=[*entries, {"Id": "bad", "MessageBody": "\x07"}])
    assert [entry["Id"] for entry in sent["Successful"]] == [str(index) for index in range(9)]
    (failed,) = sent["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("bad", "InvalidMessageContents", True)
    received = receive(url)
    assert bodies(received) == [entry["MessageBody"] for entry in entries]
    handles = [{"Id": str(index), "ReceiptHandle": each["ReceiptHandle"]} for index, each in enumerate(received)]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**handle, "VisibilityTimeout": 0} for handle in handles[:2]]
    )
    assert len(changed["Successful"]) == 2 and "Failed" not in changed
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**handle, "VisibilityTimeout": 5} for handle in handles[1:3]]
    )
    assert [entry["Id"] for entry in changed["Successful"]] == ["2"]
    assert changed["Failed"][0]["Code"] == "AWS.SimpleQueueService.MessageNotInflight"
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=handles)
    assert len(deleted["Successful"]) == 9
    twice = [{"Id": "same", "MessageBody": "x"}] * 2
    refused("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", sqs.send_message_batch, QueueUrl=url, Entries=twice)
    refused("AWS.SimpleQueueService.EmptyBatchRequest", sqs.send_message_batch, QueueUrl=url, Entries=[])
    many = [{"Id": str(index), "MessageBody": "x"} for index in range(11)]
    refused("AWS.SimpleQueueService.TooManyEntriesInBatchRequest", sqs.send_message_batch, QueueUrl=url, Entries=many)
    large = [{"Id": str(index), "MessageBody": "x" * 600_000} for index in range(2)]
    refused("AWS.SimpleQueueService.BatchRequestTooLong", sqs.send_message_batch, QueueUrl=url, Entries=large)


def fifo():
    refused("InvalidParameterValue", sqs.create_queue, QueueName="no-suffix", Attributes={"FifoQueue": "true"})
    settings = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "30"}
    url = sqs.create_queue(QueueName="groups.fifo", Attributes=settings)["QueueUrl"]
    refused("MissingParameter", sqs.send_message, QueueUrl=url, MessageBody="no group")
    send = lambda group, body: sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)
    first = send("a", "a1")
    numbers = [first["SequenceNumber"]] + [send(body[0], body)["SequenceNumber"] for body in ["a2", "b1", "a3"]]
    assert numbers == sorted(numbers)
    again = send("a", "a1")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    held = receive(url, MaxNumberOfMessages=2)
    assert bodies(held) == ["a1", "a2"]
    assert held[0]["Attributes"]["MessageDeduplicationId"] == hashlib.sha256(b"a1").hexdigest()
    assert bodies(receive(url)) == ["b1"]
    for message in held:
        assert receive(url) == []
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    (last,) = receive(url)
    assert last["Body"] == "a3"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=last["ReceiptHandle"], VisibilityTimeout=0)
    error = refused("InvalidParameterValue", sqs.delete_message, QueueUrl=url, ReceiptHandle=last["ReceiptHandle"])
    assert "The receipt handle has expired" in str(error)


def redrive():
    graveyard = sqs.create_queue(QueueName="graveyard")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn(graveyard), "maxReceiveCount": 1})
    url = sqs.create_queue(
        QueueName="redriven", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    )["QueueUrl"]
    assert sqs.list_dead_letter_source_queues(QueueUrl=graveyard)["queueUrls"] == [url]
    sent = [sqs.send_message(QueueUrl=url, MessageBody=f"poison {index}")["MessageId"] for index in range(3)]
    assert len(receive(url)) == 3
    assert receive(url) == []
    buried = receive(graveyard, VisibilityTimeout=0)
    assert [message["MessageId"] for message in buried] == sent
    assert {message["Attributes"]["DeadLetterQueueSourceArn"] for message in buried} == {arn(url)}
    source = arn(graveyard)
    refused("InvalidParameterValue", sqs.start_message_move_task, SourceArn=arn(url))
    refused("ResourceNotFoundException", sqs.start_message_move_task, SourceArn=source + "-not")
    started = sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=1)
    refused("InvalidParameterValue", sqs.start_message_move_task, SourceArn=source)
    cancelled = sqs.cancel_message_move_task(TaskHandle=started["TaskHandle"])
    moved = cancelled["ApproximateNumberOfMessagesMoved"]
    assert sqs.list_message_move_tasks(SourceArn=source)["Results"][0]["Status"] == "CANCELLED"
    sqs.start_message_move_task(SourceArn=source)
    for _ in range(200):
        latest, earlier = sqs.list_message_move_tasks(SourceArn=source, MaxResults=10)["Results"]
        if latest["Status"] != "RUNNING":
            break
        time.sleep(0.02)
    assert (latest["Status"], latest["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 3 - moved), latest
    assert attributes(graveyard)["ApproximateNumberOfMessages"] == "0"
    assert bodies(receive(url)) == ["poison 0", "poison 1", "poison 2"]


def long_poll():
    url = sqs.create_queue(QueueName="polled")["QueueUrl"]
    threading.Timer(0.2, lambda: sqs.send_message(QueueUrl=url, MessageBody="at last")).start()
    started = time.monotonic()
    assert bodies(receive(url, WaitTimeSeconds=20)) == ["at last"]
    assert time.monotonic() - started < 15
    assert receive(url, WaitTimeSeconds=1) == []


for check in [queues_and_attributes, messages, batches, fifo, redrive, long_poll]:
    check()
    print(f"{check.__name__}: ok")
print("all checks passed")
