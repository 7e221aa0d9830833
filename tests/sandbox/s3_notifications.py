"""Puts objects and receives what the sandbox's S3 tells SQS of them, through boto3: s3_notifications.py ENDPOINT SHAPE."""

import json
import sys
import urllib.parse

import boto3
from botocore.exceptions import ClientError

ENDPOINT, SHAPE = sys.argv[1:]
SETTINGS = dict(endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="thing")
S3 = boto3.client("s3", **SETTINGS)
SQS = boto3.client("sqs", **SETTINGS)
BUCKET = "told"


def receive(url, count):
    """Exactly `count` messages: one receive more must find none."""
    bodies = []
    for wait in [5] * count + [0]:
        reply = SQS.receive_message(QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=wait)
        for message in reply.get("Messages", []):
            bodies.append(json.loads(message["Body"]))
            SQS.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert len(bodies) == count, bodies
    return bodies


def unwrap(body):
    if SHAPE != "sns":
        return body
    assert body["Type"] == "Notification" and body["Subject"] == "Amazon S3 Notification", body
    return json.loads(body["Message"])


def told(url, count):
    """(event, key, size, version, sequencer) of each message."""
    events = []
    for body in receive(url, count):
        if SHAPE == "eventbridge":
            assert body["source"] == "aws.s3" and body["resources"] == [f"arn:aws:s3:::{BUCKET}"], body
            object = body["detail"]["object"]
            assert body["detail"]["bucket"]["name"] == BUCKET
            event = (body["detail-type"], body["detail"]["reason"])
            events.append((event, object["key"], object.get("size"), object.get("version-id"), object["sequencer"]))
            continue
        (record,) = unwrap(body)["Records"]
        assert record["eventSource"] == "aws:s3" and record["s3"]["bucket"]["name"] == BUCKET, record
        object = record["s3"]["object"]
        assert '"' not in object.get("eTag", "")
        key = urllib.parse.unquote_plus(object["key"])
        events.append((record["eventName"], key, object.get("size"), object.get("versionId"), object["sequencer"]))
    return events


def name(event, reason):
    """An event as this shape names it."""
    if SHAPE != "eventbridge":
        return event
    return ("Object Created" if event.startswith("ObjectCreated") else "Object Deleted", reason)


S3.create_bucket(Bucket=BUCKET)
url = SQS.create_queue(QueueName="events")["QueueUrl"]
arn = SQS.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def configure(queue, events=("s3:ObjectCreated:*", "s3:ObjectRemoved:*")):
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".json"}]
    configuration = {"Id": "rule", "QueueArn": queue, "Events": list(events), "Filter": {"Key": {"FilterRules": rules}}}
    S3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [configuration]})


configure(arn)
if SHAPE != "eventbridge":
    (test,) = [unwrap(body) for body in receive(url, 1)]
    assert test["Event"] == "s3:TestEvent" and test["Bucket"] == BUCKET and test["Service"] == "Amazon S3", test
    try:
        configure(arn + "-that-is-not-there")
        raise AssertionError("a configuration with an absent queue was taken")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidArgument", error
    receive(url, 0)
shown = S3.get_bucket_notification_configuration(Bucket=BUCKET)["QueueConfigurations"]
assert [(c["Id"], c["QueueArn"], len(c["Filter"]["Key"]["FilterRules"])) for c in shown] == [("rule", arn, 2)], shown

KEY = "in/a b+ü=1/x.json"
S3.put_object(Bucket=BUCKET, Key=KEY, Body=b"12345")
S3.put_object(Bucket=BUCKET, Key="out/x.json", Body=b"1")
S3.put_object(Bucket=BUCKET, Key="in/x.csv", Body=b"1")
((event, key, size, version, first),) = told(url, 1)
assert (event, key, size, version) == (name("ObjectCreated:Put", "PutObject"), KEY, 5, None)

upload = S3.create_multipart_upload(Bucket=BUCKET, Key=KEY)["UploadId"]
part = S3.upload_part(Bucket=BUCKET, Key=KEY, UploadId=upload, PartNumber=1, Body=b"1234567")["ETag"]
S3.complete_multipart_upload(
    Bucket=BUCKET, Key=KEY, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
((event, key, size, _, second),) = told(url, 1)
complete = name("ObjectCreated:CompleteMultipartUpload", "CompleteMultipartUpload")
assert (event, key, size) == (complete, KEY, 7)
assert first < second, "sequencers grow"

S3.copy_object(Bucket=BUCKET, Key="in/copy.json", CopySource={"Bucket": BUCKET, "Key": KEY})
((event, key, size, _, _),) = told(url, 1)
assert (event, key, size) == (name("ObjectCreated:Copy", "CopyObject"), "in/copy.json", 7)

S3.delete_object(Bucket=BUCKET, Key="in/copy.json")
S3.delete_object(Bucket=BUCKET, Key="in/copy.json")
((event, key, size, _, _),) = told(url, 1)
assert (event, key, size) == (name("ObjectRemoved:Delete", "DeleteObject"), "in/copy.json", None)

S3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
put = S3.put_object(Bucket=BUCKET, Key=KEY, Body=b"1")["VersionId"]
((_, _, _, version, _),) = told(url, 1)
assert version == put
marker = S3.delete_object(Bucket=BUCKET, Key=KEY)["VersionId"]
((event, _, _, version, _),) = told(url, 1)
assert (event, version) == (name("ObjectRemoved:DeleteMarkerCreated", "DeleteObject"), marker)

S3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
S3.put_object(Bucket=BUCKET, Key=KEY, Body=b"1")
receive(url, 0)
print("ok")
