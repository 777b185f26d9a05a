"""A visit by boto3, the client that the vendor's pages use. Every line that it prints is a step that went as those pages say."""
import sys
import urllib.error
import urllib.request

import boto3
from botocore.client import Config
from botocore.exceptions import ClientError

port, key_id, secret = sys.argv[1:4]
UNICODE = "猫/a b+c%2F'(1)~.png"
ME = {"Bucket": "photos"}


def client(key_id=key_id, secret=secret, region="auto", token=None, **more):
    # As the vendor's users do since boto3 1.36: what it adds by itself travels in a trailer, which is not taken.
    plain = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, **(plain | more))
    return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name=region, aws_access_key_id=key_id,
                        aws_secret_access_key=secret, aws_session_token=token, config=config)


def step(name, right):
    if not right:
        sys.exit(f"{name} went wrong")
    print(name, flush=True)


def refused(name, status, code, act):
    try:
        act()
    except ClientError as error:
        found = (error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"])
        if found != (status, code):
            sys.exit(f"{name} was refused as {found}")
        return step(name, True)
    sys.exit(f"{name} was not refused")


def with_header(name, value, **more):
    """A client that adds a header, as the vendor's page on custom headers has it."""
    added = client(**more)
    added.meta.events.register("before-sign.s3.*", lambda request, **_: request.headers.add_header(name, value))
    return added


def put(**more):
    return s3.put_object(**ME, Key=UNICODE, Body=b"0123456789", **more)


def head(key):
    return s3.head_object(**ME, Key=key)


def body(key, **more):
    return s3.get_object(**ME, Key=key, **more)["Body"].read()


def objects():
    made = put(ContentType="image/png", CacheControl="max-age=60", ContentLanguage="de", Metadata={"sha256": "ab", "owner": "a/b+c=="})
    step("put", made["ETag"] == '"781e5e245d69b566979b86e28d23f2c7"')
    seen = head(UNICODE)
    step("head", (seen["ContentLength"], seen["ETag"], seen["ContentType"], seen["CacheControl"], seen["ContentLanguage"])
         == (10, made["ETag"], "image/png", "max-age=60", "de") and seen["Metadata"] == {"sha256": "ab", "owner": "a/b+c=="})
    step("the standard class is not told", "StorageClass" not in seen)
    step("get", body(UNICODE) == b"0123456789")
    step("range", body(UNICODE, Range="bytes=2-4") == b"234")
    step("suffix", body(UNICODE, Range="bytes=-3") == b"789")
    refused("range behind the end", 416, "InvalidRange", lambda: body(UNICODE, Range="bytes=10-"))
    answered = s3.get_object(**ME, Key=UNICODE, ResponseContentType="text/plain", ResponseCacheControl="no-store")
    step("answered otherwise", (answered["ContentType"], answered["CacheControl"]) == ("text/plain", "no-store"))
    refused("missing", 404, "NoSuchKey", lambda: body("nothing"))
    refused("head of missing", 404, "404", lambda: head("nothing"))
    refused("condition", 412, "PreconditionFailed", lambda: body(UNICODE, IfMatch='"0"'))
    refused("not modified", 304, "304", lambda: body(UNICODE, IfNoneMatch=made["ETag"]))
    step("a tag counts more than a time", body(UNICODE, IfNoneMatch='"0"', IfModifiedSince=seen["LastModified"]) == b"0123456789")
    refused("create over it", 412, "PreconditionFailed", lambda: put(IfNoneMatch="*"))
    refused("update of another", 412, "PreconditionFailed", lambda: put(IfMatch='"0"'))
    refused("update of nothing", 412, "PreconditionFailed", lambda: s3.put_object(**ME, Key="nothing", Body=b"", IfMatch=made["ETag"]))
    step("update", put(IfMatch=made["ETag"], ContentType="image/png", Metadata={"sha256": "ab"})["ETag"] == made["ETag"])
    step("create", s3.put_object(**ME, Key="created", Body=b"", IfNoneMatch="*")["ETag"] == '"d41d8cd98f00b204e9800998ecf8427e"')


def checksums():
    right = {"CRC64NVME": "rosUhgp5mIg=", "CRC32": "y/Q5Jg==", "SHA1": "98O8HYCOBHMq32eZZczDTKeuNEE=",
             "SHA256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="}
    for name, value in right.items():
        made = s3.put_object(**ME, Key="checked", Body=b"123456789", **{f"Checksum{name}": value})
        seen = s3.head_object(**ME, Key="checked", ChecksumMode="ENABLED")
        step(f"checksum {name}", (made[f"Checksum{name}"], seen[f"Checksum{name}"], seen["ChecksumType"]) == (value, value, "FULL_OBJECT"))
    step("not asked for", "ChecksumSHA256" not in head("checked"))
    refused("wrong checksum", 400, "BadDigest", lambda: s3.put_object(**ME, Key="checked", Body=b"12345678", ChecksumCRC64NVME="rosUhgp5mIg="))
    refused("no checksum", 400, "InvalidDigest", lambda: s3.put_object(**ME, Key="checked", Body=b"123456789", ChecksumCRC64NVME="rosUhg=="))
    refused("wrong digest", 400, "BadDigest", lambda: s3.put_object(**ME, Key="checked", Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg=="))
    refused("two checksums", 400, "InvalidRequest",
            lambda: s3.put_object(**ME, Key="checked", Body=b"123456789", ContentMD5="JfnnlDI7RTiF9RgfG2JNCw==", ChecksumCRC32="y/Q5Jg=="))
    eager = client(request_checksum_calculation="when_supported", response_checksum_validation="when_supported")
    eager.put_object(**ME, Key="eager", Body=b"by itself")
    step("by itself", eager.get_object(**ME, Key="eager")["Body"].read() == b"by itself")


def lists():
    for n in range(5):
        s3.put_object(**ME, Key=f"list/{n} +", Body=b"x", StorageClass=("STANDARD", "STANDARD_IA")[n % 2])
        s3.put_object(**ME, Key=f"list/folder{n}/x", Body=b"x")
    pages = list(s3.get_paginator("list_objects_v2").paginate(**ME, Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": 3}))
    keys = [it["Key"] for page in pages for it in page.get("Contents", [])]
    folders = [it["Prefix"] for page in pages for it in page.get("CommonPrefixes", [])]
    step("list", (keys, folders) == ([f"list/{n} +" for n in range(5)], [f"list/folder{n}/" for n in range(5)]))
    step("pages", [page["KeyCount"] for page in pages] == [3, 3, 3, 1])
    classes = [it["StorageClass"] for page in pages for it in page.get("Contents", [])]
    step("classes in lists", classes == ["STANDARD", "STANDARD_IA", "STANDARD", "STANDARD_IA", "STANDARD"])
    page = s3.list_objects_v2(**ME, Prefix="list/", StartAfter="list/3 +", MaxKeys=5_000)
    step("start after", page["MaxKeys"] == 1_000 and page["Contents"][0]["Key"] == "list/4 +" and not page["IsTruncated"])


def classes():
    put(ContentType="image/png", CacheControl="max-age=60", Metadata={"sha256": "ab"})
    source = {"Bucket": "photos", "Key": UNICODE}
    s3.copy_object(**ME, Key="copy", CopySource=source)
    seen = head("copy")
    step("copy", seen["Metadata"] == {"sha256": "ab"} and seen["ContentType"] == "image/png" and "StorageClass" not in seen)
    itself = {"Key": "copy", "CopySource": {"Bucket": "photos", "Key": "copy"}}
    refused("copy onto itself", 400, "InvalidRequest", lambda: s3.copy_object(**ME, **itself))
    refused("move to where it is", 400, "InvalidRequest", lambda: s3.copy_object(**ME, **itself, StorageClass="STANDARD"))
    moved = s3.copy_object(**ME, **itself, StorageClass="STANDARD_IA", CopySourceIfMatch=seen["ETag"])
    step("move", moved["CopyObjectResult"]["ETag"] == seen["ETag"])
    cold = head("copy")
    step("colder", cold["StorageClass"] == "STANDARD_IA" and cold["Metadata"] == {"sha256": "ab"} and cold["CacheControl"] == "max-age=60")
    step("cold bytes are read as others", body("copy") == b"0123456789")
    refused("restore", 501, "NotImplemented", lambda: s3.restore_object(**ME, Key="copy", RestoreRequest={"Days": 1}))
    refused("move of another", 412, "PreconditionFailed", lambda: s3.copy_object(**ME, **itself, StorageClass="STANDARD", CopySourceIfMatch='"0"'))
    refused("move of an older one", 412, "PreconditionFailed",
            lambda: s3.copy_object(**ME, **itself, StorageClass="STANDARD", CopySourceIfUnmodifiedSince="Sat, 21 Nov 2020 08:00:00 GMT"))
    guarded = lambda name, value: with_header(f"cf-copy-destination-{name}", value).copy_object(**ME, **itself, StorageClass="STANDARD")
    refused("move onto another", 412, "PreconditionFailed", lambda: guarded("if-match", '"0"'))
    refused("copy over it", 412, "PreconditionFailed", lambda: guarded("if-none-match", "*"))
    guarded("if-match", cold["ETag"])
    step("hot again", "StorageClass" not in head("copy"))
    s3.copy_object(**ME, **itself, MetadataDirective="REPLACE", Metadata={"sha256": "cd"}, ContentType="image/webp")
    seen = head("copy")
    step("replace", (seen["Metadata"], seen["ContentType"]) == ({"sha256": "cd"}, "image/webp") and "CacheControl" not in seen)
    with_header("x-amz-metadata-directive", "MERGE").copy_object(**ME, Key="merged", CopySource=source, Metadata={"owner": "me"})
    seen = head("merged")
    step("merge", seen["Metadata"] == {"sha256": "ab", "owner": "me"} and seen["ContentType"] == "image/png")
    refused("no such class", 400, "InvalidStorageClass", lambda: put(StorageClass="GLACIER"))
    refused("copy of nothing", 404, "NoSuchKey", lambda: s3.copy_object(**ME, Key="x", CopySource={"Bucket": "photos", "Key": "nothing"}))


def parts():
    part = b"p" * (5 << 20)
    def begun(**more):
        return {**ME, "Key": "large", "UploadId": s3.create_multipart_upload(**ME, Key="large", **more)["UploadId"]}
    def sent(upload, bodies, **more):
        parts = [(n, s3.upload_part(**upload, PartNumber=n, Body=body, **more)) for n, body in enumerate(bodies, 1)]
        keep = lambda it: {name: value for name, value in it.items() if name == "ETag" or name.startswith("Checksum")}
        return {"Parts": [{"PartNumber": n, **keep(made)} for n, made in parts]}
    upload = begun(StorageClass="STANDARD_IA", ContentType="image/png", Metadata={"sha256": "ab"}, ChecksumAlgorithm="CRC64NVME")
    bodies = [part, part, b"end"]
    done = s3.complete_multipart_upload(**upload, MultipartUpload=sent(upload, bodies), ChecksumType="FULL_OBJECT")
    step("multipart", done["ETag"] == '"3e432f923bc31823cc9cdbed16d4bebf-3"' and body("large") == b"".join(bodies))
    seen = s3.head_object(**ME, Key="large", ChecksumMode="ENABLED")
    step("class and headers of parts", (seen["StorageClass"], seen["ContentType"], seen["Metadata"]) == ("STANDARD_IA", "image/png", {"sha256": "ab"}))
    step("checksum of the whole", (seen["ChecksumCRC64NVME"], seen["ChecksumType"]) == ("8fUSihKfn1o=", "FULL_OBJECT"))
    moved = s3.copy_object(**ME, Key="large", CopySource={"Bucket": "photos", "Key": "large"}, StorageClass="STANDARD")
    step("a moved object of parts has another tag", moved["CopyObjectResult"]["ETag"] == '"d43b1f699a7c0fc1f7d7c24ee013fd9a"')
    step("and its checksum", s3.head_object(**ME, Key="large", ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == seen["ChecksumCRC64NVME"])
    refused("completed upload", 404, "NoSuchUpload", lambda: s3.upload_part(**upload, PartNumber=1, Body=part))
    def completing(bodies, **more):
        upload = begun()
        parts = sent(upload, bodies)
        return lambda: s3.complete_multipart_upload(**upload, MultipartUpload=parts, **more)
    refused("small parts", 400, "EntityTooSmall", completing([b"p", b"p"]))
    refused("unequal parts", 400, "InvalidPart", completing([part, part + b"p", part]))
    refused("larger last part", 400, "InvalidPart", completing([part, part + b"p"]))
    upload = begun()
    tags = sent(upload, [b"p"])
    tags["Parts"][0]["ETag"] = '"0"'
    refused("another part", 400, "InvalidPart", lambda: s3.complete_multipart_upload(**upload, MultipartUpload=tags))
    s3.abort_multipart_upload(**upload)
    refused("aborted upload", 404, "NoSuchUpload", lambda: s3.abort_multipart_upload(**upload))
    refused("checksum of another type", 501, "NotImplemented", lambda: begun(ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"))


def urls():
    signed = lambda act, **more: s3.generate_presigned_url(act, Params={**ME, "Key": "by url/猫 +", **more}, ExpiresIn=600)
    def sent(url, method="GET", body=None, status=200, **headers):
        try:
            answer = urllib.request.urlopen(urllib.request.Request(url, data=body, method=method, headers=headers))
        except urllib.error.HTTPError as error:
            answer = error
        return answer.status == status and answer.read()
    url = signed("put_object", ContentType="image/png")
    step("signed put", sent(url, "PUT", b"by url", **{"Content-Type": "image/png"}) == b"")
    step("another type", b"SignatureDoesNotMatch" in sent(url, "PUT", b"by url", 403, **{"Content-Type": "image/webp"}))
    url = signed("get_object")
    step("signed get", sent(url) == b"by url")
    step("longer life", b"SignatureDoesNotMatch" in sent(url.replace("X-Amz-Expires=600", "X-Amz-Expires=601"), status=403))
    step("another query", b"SignatureDoesNotMatch" in sent(url + "&x-id=GetObject", status=403))
    print("a minute later", flush=True)
    sys.stdin.readline()
    step("a minute is not ten", sent(url) == b"by url")
    short = s3.generate_presigned_url("get_object", Params={**ME, "Key": "by url/猫 +"}, ExpiresIn=30)
    step("expired", b"ExpiredRequest" in sent(short, status=400))


def deletions():
    step("delete", s3.delete_object(**ME, Key="copy")["ResponseMetadata"]["HTTPStatusCode"] == 204)
    refused("deleted", 404, "404", lambda: head("copy"))
    step("delete of nothing", s3.delete_object(**ME, Key="copy")["ResponseMetadata"]["HTTPStatusCode"] == 204)
    many = s3.delete_objects(**ME, Delete={"Objects": [{"Key": f"list/{n} +"} for n in range(5)] + [{"Key": "<&>"}]})
    step("delete of many", [it["Key"] for it in many["Deleted"]] == [f"list/{n} +" for n in range(5)] + ["<&>"])


def strangers():
    refused("wrong secret", 403, "SignatureDoesNotMatch", lambda: client(secret="wrong").get_object(**ME, Key=UNICODE))
    refused("wrong key", 401, "Unauthorized", lambda: client(key_id="nobody").get_object(**ME, Key=UNICODE))
    refused("wrong token", 401, "Unauthorized", lambda: client(token="over").get_object(**ME, Key=UNICODE))
    refused("wrong region", 400, "InvalidRegionName", lambda: client(region="ap-southeast-1").get_object(**ME, Key=UNICODE))
    step("alias of the region", client(region="us-east-1").head_object(**ME, Key=UNICODE)["ContentLength"] == 10)
    refused("wrong bucket", 404, "NoSuchBucket", lambda: s3.get_object(Bucket="videos", Key=UNICODE))
    refused("old signature", 401, "Unauthorized", lambda: boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="auto", aws_access_key_id=key_id, aws_secret_access_key=secret,
        config=Config(signature_version="s3", s3={"addressing_style": "path"})).get_object(**ME, Key=UNICODE))


def surprises():
    refused("tags", 501, "NotImplemented", lambda: put(Tagging="a=b"))
    refused("access list", 501, "NotImplemented", lambda: put(ACL="public-read"))
    refused("lock", 501, "NotImplemented", lambda: put(ObjectLockLegalHoldStatus="ON"))
    refused("condition of the other vendor", 501, "NotImplemented",
            lambda: s3.copy_object(**ME, Key="x", CopySource={"Bucket": "photos", "Key": UNICODE}, IfNoneMatch="*"))


s3 = client()
for visit in (objects, checksums, lists, classes, parts, deletions, strangers, surprises, urls):
    visit()
print("all went well", flush=True)
