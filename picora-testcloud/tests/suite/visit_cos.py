"""A visit by the vendor's own client. Every line that it prints is a step that went as the vendor's pages say."""
import sys
import urllib.error
import urllib.request

from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_exception import CosServiceError

port, key_id, secret = sys.argv[1:4]
BUCKET, UNICODE = "photos-1250000000", "猫/a b+c%2F'(1)~.png"
SOURCE = {"Bucket": BUCKET, "Region": "ap-guangzhou"}


def client(key_id=key_id, secret=secret, token=None):
    config = CosConfig(Region="ap-guangzhou", SecretId=key_id, SecretKey=secret, Token=token, Scheme="http", Domain=f"127.0.0.1:{port}")
    return CosS3Client(config, retry=0)


def step(name, right):
    if not right:
        sys.exit(f"{name} went wrong")
    print(name, flush=True)


def refused(name, status, code, act):
    try:
        act()
    except CosServiceError as error:
        return step(f"{name}", (error.get_status_code(), error.get_error_code()) == (status, code) or print(error.get_status_code(), error.get_error_code()))
    sys.exit(f"{name} was not refused")


def headers(answer):
    """Their names as HTTP has them: in any case."""
    return {name.lower(): value for name, value in answer.items()}


def read(answer):
    return answer["Body"].get_raw_stream().read()


cos = client()
put = headers(cos.put_object(Bucket=BUCKET, Key=UNICODE, Body=b"0123456789", ContentType="image/png", CacheControl="max-age=60",
                     Metadata={"x-cos-meta-sha256": "ab"}, EnableMD5=True))
step("put", put["etag"] == '"781e5e245d69b566979b86e28d23f2c7"')
head = headers(cos.head_object(Bucket=BUCKET, Key=UNICODE))
step("head", head["content-length"] == "10" and head["x-cos-meta-sha256"] == "ab" and "x-cos-storage-class" not in head
     and head["content-type"] == "image/png" and head["x-cos-hash-crc64ecma"].isdigit())
step("get", read(cos.get_object(Bucket=BUCKET, Key=UNICODE)) == b"0123456789")
step("range", read(cos.get_object(Bucket=BUCKET, Key=UNICODE, Range="bytes=2-4")) == b"234")
refused("missing", 404, "NoSuchKey", lambda: cos.get_object(Bucket=BUCKET, Key="nothing"))
refused("condition", 412, "PreconditionFailed", lambda: cos.get_object(Bucket=BUCKET, Key=UNICODE, IfMatch='"0"'))
refused("digest", 400, "InvalidDigest", lambda: cos.put_object(Bucket=BUCKET, Key="digest", Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg=="))

for n in range(5):
    cos.put_object(Bucket=BUCKET, Key=f"list/{n}", Body=b"x")
    cos.put_object(Bucket=BUCKET, Key=f"list/folder{n}/x", Body=b"x")
found, marker = [], ""
while True:
    page = cos.list_objects(Bucket=BUCKET, Prefix="list/", Delimiter="/", Marker=marker, MaxKeys=3)
    found += [it["Key"] for it in page.get("Contents", [])] + [it["Prefix"] for it in page.get("CommonPrefixes", [])]
    if page["IsTruncated"] == "false":
        break
    marker = page["NextMarker"]
step("list", sorted(found) == sorted([f"list/{n}" for n in range(5)] + [f"list/folder{n}/" for n in range(5)]))

cos.copy_object(Bucket=BUCKET, Key="copy", CopySource={**SOURCE, "Key": UNICODE})
step("copy", cos.head_object(Bucket=BUCKET, Key="copy")["x-cos-meta-sha256"] == "ab")
refused("guarded copy", 412, "PreconditionFailed",
        lambda: cos.copy_object(Bucket=BUCKET, Key="copy", CopySource={**SOURCE, "Key": UNICODE}, CopySourceIfMatch='"0"'))
refused("copy onto itself", 400, "InvalidRequest", lambda: cos.copy_object(Bucket=BUCKET, Key="copy", CopySource={**SOURCE, "Key": "copy"}))
cos.copy_object(Bucket=BUCKET, Key="copy", CopySource={**SOURCE, "Key": "copy"}, CopyStatus="Replaced", StorageClass="ARCHIVE",
                Metadata={"x-cos-meta-sha256": "ab"})
head = cos.head_object(Bucket=BUCKET, Key="copy")
step("move", head["x-cos-storage-class"] == "ARCHIVE" and head["x-cos-meta-sha256"] == "ab")
refused("frozen", 403, "InvalidObjectState", lambda: cos.get_object(Bucket=BUCKET, Key="copy"))
refused("frozen copy", 403, "InvalidObjectState", lambda: cos.copy_object(Bucket=BUCKET, Key="other", CopySource={**SOURCE, "Key": "copy"}))
ASK = {"Days": 1, "CASJobParameters": {"Tier": "Expedited"}}
restore = lambda key: cos.restore_object(Bucket=BUCKET, Key=key, RestoreRequest=ASK)
restore("copy")
step("ongoing", cos.head_object(Bucket=BUCKET, Key="copy")["x-cos-restore"] == 'ongoing-request="true"')
refused("restore again", 409, "RestoreAlreadyInProgress", lambda: restore("copy"))
refused("restore of hot", 405, "MethodNotAllowed", lambda: restore(UNICODE))
print("a minute later", flush=True)
sys.stdin.readline()
step("readable", read(cos.get_object(Bucket=BUCKET, Key="copy")) == b"0123456789")
restore("copy")
cos.copy_object(Bucket=BUCKET, Key="copy", CopySource={**SOURCE, "Key": "copy"}, CopyStatus="Replaced", Metadata={"x-cos-meta-sha256": "ab"})
step("an unset class is standard", "x-cos-storage-class" not in cos.head_object(Bucket=BUCKET, Key="copy"))

part = b"p" * (1 << 20)
upload = cos.create_multipart_upload(Bucket=BUCKET, Key="large")["UploadId"]
parts = [{"PartNumber": n, "ETag": headers(cos.upload_part(Bucket=BUCKET, Key="large", Body=body, PartNumber=n, UploadId=upload, EnableMD5=True)).get("etag")}
         for n, body in ((1, part), (2, part), (3, b"end"))]
done = cos.complete_multipart_upload(Bucket=BUCKET, Key="large", UploadId=upload, MultipartUpload={"Part": parts})
step("multipart", done["ETag"].strip('"').endswith("-3") and read(cos.get_object(Bucket=BUCKET, Key="large")) == part * 2 + b"end")
upload = cos.create_multipart_upload(Bucket=BUCKET, Key="large")["UploadId"]
cos.abort_multipart_upload(Bucket=BUCKET, Key="large", UploadId=upload)
refused("aborted upload", 404, "NoSuchUpload", lambda: cos.abort_multipart_upload(Bucket=BUCKET, Key="large", UploadId=upload))

url = cos.get_presigned_url(Bucket=BUCKET, Key="by url/猫", Method="PUT", Expired=600)
urllib.request.urlopen(urllib.request.Request(url, data=b"by url", method="PUT"))
url = cos.get_presigned_url(Bucket=BUCKET, Key="by url/猫", Method="GET", Expired=600)
step("signed urls", urllib.request.urlopen(url).read() == b"by url")
try:
    urllib.request.urlopen(url.replace("q-signature=", "q-signature=0"))
    sys.exit("a changed URL was taken")
except urllib.error.HTTPError as error:
    step("changed url", error.code == 403)

cos.delete_object(Bucket=BUCKET, Key="copy")
step("delete", not cos.object_exists(Bucket=BUCKET, Key="copy"))
deleted = cos.delete_objects(Bucket=BUCKET, Delete={"Object": [{"Key": f"list/{n}"} for n in range(5)], "Quiet": "false"})
step("batch delete", sorted(it["Key"] for it in deleted["Deleted"]) == [f"list/{n}" for n in range(5)])

get = dict(Bucket=BUCKET, Key="large")
refused("wrong secret", 403, "SignatureDoesNotMatch", lambda: client(secret="wrong").get_object(**get))
refused("wrong key", 403, "InvalidAccessKeyId", lambda: client(key_id="nobody").get_object(**get))
refused("wrong token", 403, "InvalidSecurityToken", lambda: client(token="over").get_object(**get))
print("all went well", flush=True)
