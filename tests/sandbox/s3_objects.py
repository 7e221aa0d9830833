"""Asks the sandbox's S3 what its users ask S3, through boto3: s3_objects.py ENDPOINT THEME."""

import base64
import hashlib
import io
import sys
import urllib.error
import urllib.request

import boto3
import botocore.config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
MIB = 1 << 20
KEYS = [
    "../x",
    "a b+c",
    "a+b",
    "a/b",
    "a//b",
    "a%20b",
    "a&b=c?d#e",
    "k",
    "k/b",
    "k/b/",
    "naïve/ü/日本/🦀",
    "quote'\"<>&;",
    "x" * 1024,
]


def client(service="s3", key="any", secret="thing", **config):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=botocore.config.Config(retries={"max_attempts": 1}, **config),
    )


S3 = client()


def bucket(name):
    S3.create_bucket(Bucket=name)
    return name


def refused(code, status, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        got = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert got == (code, status), f"{got} instead of {(code, status)}"
        return error.response
    raise AssertionError(f"{code} was expected, but the call succeeded")


def body(name, key, **arguments):
    return S3.get_object(Bucket=name, Key=key, **arguments)["Body"].read()


def objects():
    name = bucket("objects")
    put = S3.put_object(
        Bucket=name,
        Key="one",
        Body=b"hello world",
        ContentType="text/plain",
        ContentEncoding="gzip",
        CacheControl="no-cache",
        Metadata={"origin": "here", "count": "2"},
    )
    md5 = hashlib.md5(b"hello world").hexdigest()
    assert put["ETag"] == f'"{md5}"', put
    assert "VersionId" not in put, put
    get = S3.get_object(Bucket=name, Key="one")
    assert get["Body"].read() == b"hello world"
    assert get["ETag"] == f'"{md5}"' and get["ContentLength"] == 11, get
    assert get["ContentType"] == "text/plain" and get["ContentEncoding"] == "gzip", get
    assert get["CacheControl"] == "no-cache" and get["Metadata"] == {"origin": "here", "count": "2"}, get
    assert get["ChecksumCRC32"] == put["ChecksumCRC32"], (get, put)
    head = S3.head_object(Bucket=name, Key="one")
    for field in ("ETag", "ContentLength", "ContentType", "ContentEncoding", "Metadata", "LastModified"):
        assert head[field] == get[field], field
    assert head["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]

    S3.put_object(Bucket=name, Key="plain", Body=b"")
    empty = S3.get_object(Bucket=name, Key="plain")
    assert empty["Body"].read() == b"" and empty["ContentType"] == "binary/octet-stream", empty
    assert "ContentEncoding" not in empty, empty

    large = bytes(range(256)) * 8192 + b"tail"
    S3.put_object(Bucket=name, Key="large", Body=io.BytesIO(large))
    assert body(name, "large") == large

    refused("NoSuchKey", 404, S3.get_object, Bucket=name, Key="none")
    refused("404", 404, S3.head_object, Bucket=name, Key="none")
    refused("NoSuchBucket", 404, S3.get_object, Bucket="no-such-bucket", Key="one")
    refused("NoSuchBucket", 404, S3.put_object, Bucket="no-such-bucket", Key="one", Body=b"")
    refused("BadDigest", 400, S3.put_object, Bucket=name, Key="bad", Body=b"x",
            ContentMD5=base64.b64encode(hashlib.md5(b"y").digest()).decode())
    refused("BadDigest", 400, S3.put_object, Bucket=name, Key="bad", Body=b"x", ChecksumCRC32="AAAAAA==")
    refused("NoSuchKey", 404, S3.get_object, Bucket=name, Key="bad")


def ranges():
    name = bucket("ranges")
    S3.put_object(Bucket=name, Key="digits", Body=b"0123456789")
    for asked, bytes_, shown in [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-5", b"2345", "bytes 2-5/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=5-100", b"56789", "bytes 5-9/10"),
    ]:
        get = S3.get_object(Bucket=name, Key="digits", Range=asked)
        assert get["Body"].read() == bytes_ and get["ContentRange"] == shown, (asked, get)
        assert get["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert get["ContentLength"] == len(bytes_)
    refused("InvalidRange", 416, S3.get_object, Bucket=name, Key="digits", Range="bytes=10-")
    head = S3.head_object(Bucket=name, Key="digits", Range="bytes=2-5")
    assert head["ContentLength"] == 4, head


def conditions():
    name = bucket("conditions")
    first = S3.put_object(Bucket=name, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", 412, S3.put_object, Bucket=name, Key="k", Body=b"2", IfNoneMatch="*")
    assert body(name, "k") == b"1"
    assert body(name, "k", IfMatch=first) == b"1"
    refused("PreconditionFailed", 412, S3.get_object, Bucket=name, Key="k", IfMatch='"0"')
    not_modified = refused("304", 304, S3.get_object, Bucket=name, Key="k", IfNoneMatch=first)
    assert not_modified["ResponseMetadata"]["HTTPHeaders"]["etag"] == first
    refused("304", 304, S3.head_object, Bucket=name, Key="k", IfNoneMatch=first)
    assert body(name, "k", IfNoneMatch='"0"') == b"1"
    modified = S3.head_object(Bucket=name, Key="k")["LastModified"]
    refused("304", 304, S3.get_object, Bucket=name, Key="k", IfModifiedSince=modified)
    assert body(name, "k", IfUnmodifiedSince=modified) == b"1"

    second = S3.put_object(Bucket=name, Key="k", Body=b"2", IfMatch=first)["ETag"]
    refused("PreconditionFailed", 412, S3.put_object, Bucket=name, Key="k", Body=b"3", IfMatch=first)
    refused("NoSuchKey", 404, S3.put_object, Bucket=name, Key="absent", Body=b"3", IfMatch=first)
    refused("PreconditionFailed", 412, S3.get_object, Bucket=name, Key="k", IfMatch=first)
    assert body(name, "k", IfMatch=second) == b"2"

    upload = S3.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    part = S3.upload_part(Bucket=name, Key="k", UploadId=upload, PartNumber=1, Body=b"3")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    refused("PreconditionFailed", 412, S3.complete_multipart_upload,
            Bucket=name, Key="k", UploadId=upload, MultipartUpload=parts, IfNoneMatch="*")
    S3.delete_object(Bucket=name, Key="k")
    S3.complete_multipart_upload(Bucket=name, Key="k", UploadId=upload, MultipartUpload=parts, IfNoneMatch="*")
    assert body(name, "k") == b"3"


def versions():
    name = bucket("versions")
    assert "Status" not in S3.get_bucket_versioning(Bucket=name)
    S3.put_object(Bucket=name, Key="k", Body=b"null")
    S3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    assert S3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    one = S3.put_object(Bucket=name, Key="k", Body=b"one")["VersionId"]
    two = S3.put_object(Bucket=name, Key="k", Body=b"two")["VersionId"]
    assert one != two
    for id, expected in [(one, b"one"), (two, b"two"), ("null", b"null")]:
        get = S3.get_object(Bucket=name, Key="k", VersionId=id)
        assert get["Body"].read() == expected and get["VersionId"] == id, get
    assert S3.head_object(Bucket=name, Key="k")["VersionId"] == two

    deleted = S3.delete_object(Bucket=name, Key="k")
    assert deleted["DeleteMarker"] is True, deleted
    marker = deleted["VersionId"]
    gone = refused("NoSuchKey", 404, S3.get_object, Bucket=name, Key="k")
    assert gone["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true", gone
    refused("MethodNotAllowed", 405, S3.get_object, Bucket=name, Key="k", VersionId=marker)
    refused("NoSuchVersion", 404, S3.get_object, Bucket=name, Key="k", VersionId="0" * 32)
    assert S3.list_objects_v2(Bucket=name)["KeyCount"] == 0
    assert body(name, "k", VersionId=two) == b"two"

    listing = S3.list_object_versions(Bucket=name)
    assert [(v["VersionId"], v["IsLatest"]) for v in listing["Versions"]] == [(two, False), (one, False), ("null", False)]
    assert [(m["VersionId"], m["IsLatest"]) for m in listing["DeleteMarkers"]] == [(marker, True)]
    pages = S3.get_paginator("list_object_versions").paginate(Bucket=name, PaginationConfig={"PageSize": 1})
    seen = [v["VersionId"] for page in pages for v in page.get("Versions", []) + page.get("DeleteMarkers", [])]
    assert seen == [marker, two, one, "null"], seen

    removed = S3.delete_object(Bucket=name, Key="k", VersionId=marker)
    assert removed["DeleteMarker"] is True and removed["VersionId"] == marker, removed
    assert body(name, "k") == b"two"
    S3.delete_object(Bucket=name, Key="k", VersionId=two)
    assert body(name, "k") == b"one"

    S3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    assert S3.put_object(Bucket=name, Key="k", Body=b"null again")["VersionId"] == "null"
    assert [v["VersionId"] for v in S3.list_object_versions(Bucket=name)["Versions"]] == ["null", one]
    assert S3.delete_object(Bucket=name, Key="k")["VersionId"] == "null"
    listing = S3.list_object_versions(Bucket=name)
    assert [v["VersionId"] for v in listing["Versions"]] == [one]
    refused("BucketNotEmpty", 409, S3.delete_bucket, Bucket=name)

    # Emptied as everybody does it: page by page, deleting what was just listed.
    for number in range(5):
        S3.put_object(Bucket=name, Key=f"n{number}", Body=b"")
    S3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for number in range(5):
        S3.put_object(Bucket=name, Key=f"n{number}", Body=b"")
    pages = S3.get_paginator("list_object_versions").paginate(Bucket=name, PaginationConfig={"PageSize": 3})
    for page in pages:
        listed = page.get("Versions", []) + page.get("DeleteMarkers", [])
        doomed = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in listed]
        assert "Errors" not in S3.delete_objects(Bucket=name, Delete={"Objects": doomed})
    S3.delete_bucket(Bucket=name)
    refused("404", 404, S3.head_bucket, Bucket=name)


def listings():
    name = bucket("listings")
    for number, key in enumerate(KEYS):
        S3.put_object(Bucket=name, Key=key, Body=str(number).encode())
    for number, key in enumerate(KEYS):
        assert body(name, key) == str(number).encode(), key
    ordered = sorted(KEYS, key=lambda key: key.encode())

    def listed(operation, **arguments):
        pages = S3.get_paginator(operation).paginate(Bucket=name, **arguments)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    for operation in ("list_objects", "list_objects_v2"):
        for size in (1, 2, 1000):
            assert listed(operation, PaginationConfig={"PageSize": size}) == ordered, (operation, size)
    sizes = {item["Key"]: item["Size"] for item in S3.list_objects_v2(Bucket=name)["Contents"]}
    assert sizes["k/b"] == 1 and sizes["k/b/"] == 1
    assert listed("list_objects_v2", Prefix="a b+") == ["a b+c"]
    assert listed("list_objects_v2", Prefix="naïve/ü/") == ["naïve/ü/日本/🦀"]
    assert listed("list_objects_v2", StartAfter="k/b") == [key for key in ordered if key.encode() > b"k/b"]
    assert listed("list_objects", Marker="a b+c") == [key for key in ordered if key.encode() > b"a b+c"]

    folders = S3.list_objects_v2(Bucket=name, Delimiter="/")
    assert [prefix["Prefix"] for prefix in folders["CommonPrefixes"]] == ["../", "a/", "k/", "naïve/"]
    assert [item["Key"] for item in folders["Contents"]] == [key for key in ordered if "/" not in key]
    inner = S3.list_objects_v2(Bucket=name, Delimiter="/", Prefix="k/")
    assert [item["Key"] for item in inner["Contents"]] == ["k/b"]
    assert [prefix["Prefix"] for prefix in inner["CommonPrefixes"]] == ["k/b/"]
    for operation in ("list_objects", "list_objects_v2"):
        pages = S3.get_paginator(operation).paginate(Bucket=name, Delimiter="/", PaginationConfig={"PageSize": 1})
        seen = []
        for page in pages:
            seen += [item["Key"] for item in page.get("Contents", [])]
            seen += [prefix["Prefix"] for prefix in page.get("CommonPrefixes", [])]
        assert seen == sorted(["../", "a/", "k/", "naïve/"] + [key for key in ordered if "/" not in key]), seen

    # What botocore decodes unasked, as it is sent.
    plain = client()
    plain.meta.events.unregister("before-parameter-build.s3.ListObjectsV2",
                                 __import__("botocore.handlers", fromlist=["x"]).set_list_objects_encoding_type_url)
    raw = plain.list_objects_v2(Bucket=name, Prefix="a", EncodingType="url")
    assert raw["EncodingType"] == "url"
    assert "a%20b%2Bc" in [item["Key"] for item in raw["Contents"]], raw["Contents"]
    assert S3.list_objects_v2(Bucket=name, MaxKeys=0)["KeyCount"] == 0
    refused("InvalidArgument", 400, S3.list_objects_v2, Bucket=name, ContinuationToken="made up")


def multipart():
    name = bucket("multipart")
    key = "big + file"
    upload = S3.create_multipart_upload(Bucket=name, Key=key, ContentType="text/csv", Metadata={"a": "b"})["UploadId"]
    other = S3.create_multipart_upload(Bucket=name, Key="other")["UploadId"]
    uploads = S3.list_multipart_uploads(Bucket=name)["Uploads"]
    assert [(u["Key"], u["UploadId"]) for u in uploads] == [(key, upload), ("other", other)], uploads
    S3.abort_multipart_upload(Bucket=name, Key="other", UploadId=other)
    refused("NoSuchUpload", 404, S3.abort_multipart_upload, Bucket=name, Key="other", UploadId=other)

    pieces = {3: b"c" * 1234, 1: b"a" * (5 * MIB), 2: b"b" * (5 * MIB + 1)}
    S3.upload_part(Bucket=name, Key=key, UploadId=upload, PartNumber=1, Body=b"replaced")
    etags = {
        number: S3.upload_part(Bucket=name, Key=key, UploadId=upload, PartNumber=number, Body=piece)["ETag"]
        for number, piece in pieces.items()
    }
    for number, piece in pieces.items():
        assert etags[number] == f'"{hashlib.md5(piece).hexdigest()}"'
    listed = S3.get_paginator("list_parts").paginate(
        Bucket=name, Key=key, UploadId=upload, PaginationConfig={"PageSize": 2})
    parts = [(part["PartNumber"], part["Size"]) for page in listed for part in page["Parts"]]
    assert parts == [(number, len(pieces[number])) for number in (1, 2, 3)], parts

    def complete(*numbers, **etag):
        parts = [{"PartNumber": n, "ETag": etag.get("etag", etags[n])} for n in numbers]
        return dict(Bucket=name, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})

    refused("InvalidPartOrder", 400, S3.complete_multipart_upload, **complete(2, 1))
    refused("InvalidPart", 400, S3.complete_multipart_upload, **complete(1, etag='"0"'))
    refused("EntityTooSmall", 400, S3.complete_multipart_upload, **{
        **complete(3), "MultipartUpload": {"Parts": [
            {"PartNumber": 3, "ETag": etags[3]},
            {"PartNumber": 4, "ETag": S3.upload_part(
                Bucket=name, Key=key, UploadId=upload, PartNumber=4, Body=b"d")["ETag"]}]}})
    refused("NoSuchKey", 404, S3.get_object, Bucket=name, Key=key)
    done = S3.complete_multipart_upload(**complete(1, 2, 3))
    digests = b"".join(hashlib.md5(pieces[number]).digest() for number in (1, 2, 3))
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"', done
    again = S3.complete_multipart_upload(**complete(1, 2, 3))
    assert again["ETag"] == done["ETag"], "an upload can be completed again after a lost reply"
    whole = pieces[1] + pieces[2] + pieces[3]
    get = S3.get_object(Bucket=name, Key=key)
    assert get["Body"].read() == whole
    assert get["ETag"] == done["ETag"] and get["ContentType"] == "text/csv" and get["Metadata"] == {"a": "b"}, get
    across = f"bytes={5 * MIB - 2}-{5 * MIB + 1}"
    assert body(name, key, Range=across) == b"aabb"
    second = S3.get_object(Bucket=name, Key=key, PartNumber=2)
    assert second["Body"].read() == pieces[2] and second["PartsCount"] == 3, second
    assert "Uploads" not in S3.list_multipart_uploads(Bucket=name)

    # The transfer manager: threads, parts and a copy by parts.
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=6 * MIB, multipart_chunksize=5 * MIB)
    S3.upload_fileobj(io.BytesIO(whole), name, "managed", Config=config)
    into = io.BytesIO()
    S3.download_fileobj(name, "managed", into, Config=config)
    assert into.getvalue() == whole
    S3.copy({"Bucket": name, "Key": "managed"}, name, "copied by parts", Config=config)
    assert body(name, "copied by parts") == whole
    assert S3.head_object(Bucket=name, Key="copied by parts")["ETag"].endswith('-3"')


def copies():
    name = bucket("copies")
    source = {"Bucket": name, "Key": "a + b/ü"}
    S3.put_object(**source, Body=b"bytes", ContentType="text/x", Metadata={"k": "v"})
    copied = S3.copy_object(Bucket=name, Key="same", CopySource=source)
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"bytes").hexdigest()}"', copied
    get = S3.get_object(Bucket=name, Key="same")
    assert get["Body"].read() == b"bytes" and get["ContentType"] == "text/x" and get["Metadata"] == {"k": "v"}, get
    S3.copy_object(Bucket=name, Key="replaced", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "w"})
    assert S3.head_object(Bucket=name, Key="replaced")["Metadata"] == {"n": "w"}
    refused("InvalidRequest", 400, S3.copy_object, Bucket=name, Key=source["Key"], CopySource=source)
    refused("PreconditionFailed", 412, S3.copy_object, Bucket=name, Key="x", CopySource=source, CopySourceIfMatch='"0"')
    refused("NoSuchKey", 404, S3.copy_object, Bucket=name, Key="x", CopySource={"Bucket": name, "Key": "none"})

    S3.delete_object(Bucket=name, Key="absent")
    keys = ["same", "replaced", "a + b/ü", "never there"]
    deleted = S3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key} for key in keys]})
    assert [item["Key"] for item in deleted["Deleted"]] == keys, deleted
    assert S3.list_objects_v2(Bucket=name)["KeyCount"] == 0


def buckets():
    S3.create_bucket(Bucket="plain-bucket")
    S3.create_bucket(Bucket="plain-bucket")
    S3.create_bucket(Bucket="oslo-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
    refused("BucketAlreadyOwnedByYou", 409, S3.create_bucket, Bucket="oslo-bucket",
            CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
    assert S3.get_bucket_location(Bucket="plain-bucket")["LocationConstraint"] is None
    assert S3.get_bucket_location(Bucket="oslo-bucket")["LocationConstraint"] == "eu-north-1"
    assert S3.head_bucket(Bucket="oslo-bucket")["BucketRegion"] == "eu-north-1"
    refused("404", 404, S3.head_bucket, Bucket="no-such-bucket")
    refused("InvalidBucketName", 400, S3.list_objects_v2, Bucket="Not_A_Bucket")
    names = [b["Name"] for b in S3.list_buckets()["Buckets"]]
    assert names == sorted(names) and {"plain-bucket", "oslo-bucket"} <= set(names), names
    S3.delete_bucket(Bucket="oslo-bucket")
    refused("NoSuchBucket", 404, S3.delete_bucket, Bucket="oslo-bucket")


def credentials():
    name = bucket("credentials")
    for number, (key, secret) in enumerate([("AKIAIOSFODNN7EXAMPLE", "a"), ("b", "c" * 40)]):
        other = client(key=key, secret=secret)
        other.put_object(Bucket=name, Key=f"{number}", Body=b"mine")
        assert other.get_object(Bucket=name, Key=f"{number}")["Body"].read() == b"mine"
        # Presigned, by either version of the signature, for keys that must be encoded.
        for version in ("s3v4", "s3"):
            signer = client(key=key, secret=secret, signature_version=version)
            where = {"Bucket": name, "Key": f"pre signed+{version}"}
            url = signer.generate_presigned_url("put_object", Params=where)
            urllib.request.urlopen(urllib.request.Request(url, data=b"posted", method="PUT"), timeout=10).close()
            url = signer.generate_presigned_url("get_object", Params={**where, "ResponseContentType": "text/plain"})
            with urllib.request.urlopen(url, timeout=10) as reply:
                assert reply.read() == b"posted" and reply.headers["content-type"] == "text/plain"
            assert body(name, where["Key"]) == b"posted"
    unsigned = client(signature_version=botocore.UNSIGNED)
    assert unsigned.get_object(Bucket=name, Key="0")["Body"].read() == b"mine"

    # A body in signed chunks, as other SDKs send it, with a content encoding of its own.
    def chunked(chunks, **headers):
        encoded = b"".join(b"%x;chunk-signature=%s\r\n%s\r\n" % (len(c), b"0" * 64, c) for c in chunks)
        request = urllib.request.Request(f"{ENDPOINT}/{name}/chunked", data=encoded, method="PUT", headers={
            "authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, "
                             "SignedHeaders=host, Signature=" + "0" * 64,
            "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "content-encoding": "aws-chunked,gzip",
            **headers,
        })
        return urllib.request.urlopen(request, timeout=10)

    chunked([b"first ", b"second", b""], **{"x-amz-decoded-content-length": "12"}).close()
    get = S3.get_object(Bucket=name, Key="chunked")
    assert get["Body"].read() == b"first second" and get["ContentEncoding"] == "gzip", get
    try:
        chunked([b"third", b""], **{"x-amz-decoded-content-length": "12"})
        raise AssertionError("a body that is too short was taken")
    except urllib.error.HTTPError as error:
        assert error.code == 400, error
    assert body(name, "chunked") == b"first second"


def write():
    name = bucket("kept")
    S3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for key in KEYS:
        S3.put_object(Bucket=name, Key=key, Body=key.encode(), Metadata={"m": "1"}, ContentType="text/kept")
    S3.put_object(Bucket=name, Key="k", Body=b"newer")
    S3.delete_object(Bucket=name, Key="a+b")
    S3.put_object(Bucket=name, Key="gone", Body=b"gone")
    gone = S3.list_object_versions(Bucket=name, Prefix="gone")["Versions"][0]["VersionId"]
    S3.delete_object(Bucket=name, Key="gone", VersionId=gone)
    upload = S3.create_multipart_upload(Bucket=name, Key="parts")["UploadId"]
    S3.upload_part(Bucket=name, Key="parts", UploadId=upload, PartNumber=1, Body=b"p" * (5 * MIB))


def read():
    name = "kept"
    assert S3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    alive = [key for key in KEYS if key != "a+b"]
    assert [item["Key"] for item in S3.list_objects_v2(Bucket=name)["Contents"]] == sorted(
        alive, key=lambda key: key.encode())
    for key in alive:
        get = S3.get_object(Bucket=name, Key=key)
        assert get["Body"].read() == (b"newer" if key == "k" else key.encode()), key
        if key != "k":
            assert get["Metadata"] == {"m": "1"} and get["ContentType"] == "text/kept", get
    assert len(S3.list_object_versions(Bucket=name, Prefix="k")["Versions"]) == 4
    assert len(S3.list_object_versions(Bucket=name, Prefix="a+b")["DeleteMarkers"]) == 1
    upload = S3.list_multipart_uploads(Bucket=name)["Uploads"][0]["UploadId"]
    part = S3.list_parts(Bucket=name, Key="parts", UploadId=upload)["Parts"][0]
    last = S3.upload_part(Bucket=name, Key="parts", UploadId=upload, PartNumber=2, Body=b"q")["ETag"]
    S3.complete_multipart_upload(Bucket=name, Key="parts", UploadId=upload, MultipartUpload={"Parts": [
        {"PartNumber": 1, "ETag": part["ETag"]}, {"PartNumber": 2, "ETag": last}]})
    assert body(name, "parts") == b"p" * (5 * MIB) + b"q"
    S3.delete_object(Bucket=name, Key="parts", VersionId=S3.head_object(Bucket=name, Key="parts")["VersionId"])


globals()[sys.argv[2]]()
print("ok")
