"""A visit by both of the vendor's own clients. Every line that it prints is a step that went as the vendor's pages say."""
import sys
import urllib.error
import urllib.request

import alibabacloud_oss_v2 as new
import oss2
from oss2.credentials import StaticCredentialsProvider

port, key_id, secret = sys.argv[1:4]
endpoint = f"http://127.0.0.1:{port}"
UNICODE = "猫/a b+c%2F'(1)~.png"


def step(name, right):
    if not right:
        sys.exit(f"{name} went wrong")
    print(name, flush=True)


def refused(name, status, code, act):
    try:
        act()
    except oss2.exceptions.OssError as error:
        return step(name, (error.status, error.code) == (status, code))
    except new.exceptions.OperationError as error:
        error = error.unwrap()
        return step(name, (error.status_code, error.code) == (status, code))
    sys.exit(f"{name} was not refused")


def by_the_old_client():
    auth = oss2.ProviderAuthV4(StaticCredentialsProvider(key_id, secret))
    bucket = oss2.Bucket(auth, endpoint, "photos", region="cn-hangzhou")
    put = bucket.put_object(UNICODE, b"0123456789", headers={
        "Content-Type": "image/png", "Cache-Control": "max-age=60", "x-oss-meta-sha256": "ab", "x-oss-storage-class": "Standard"})
    step("put", put.status == 200)
    head = bucket.head_object(UNICODE)
    step("head", head.content_length == 10 and head.headers["x-oss-meta-sha256"] == "ab" and head.headers["x-oss-storage-class"] == "Standard"
         and head.content_type == "image/png" and head.etag == put.etag)
    step("get", bucket.get_object(UNICODE).read() == b"0123456789")
    step("range", bucket.get_object(UNICODE, byte_range=(2, 4)).read() == b"234")
    step("suffix", bucket.get_object(UNICODE, byte_range=(None, 3)).read() == b"789")
    refused("missing", 404, "NoSuchKey", lambda: bucket.get_object("nothing"))
    refused("condition", 412, "PreconditionFailed", lambda: bucket.get_object(UNICODE, headers={"If-Match": '"0"'}))
    refused("not modified", 304, "", lambda: bucket.get_object(UNICODE, headers={"If-None-Match": f'"{put.etag}"'}))
    refused("forbidden overwrite", 409, "FileAlreadyExists",
            lambda: bucket.put_object(UNICODE, b"x", headers={"x-oss-forbid-overwrite": "true"}))
    refused("digest", 400, "InvalidDigest", lambda: bucket.put_object("digest", b"x", headers={"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}))

    for n in range(5):
        bucket.put_object(f"list/{n}", b"x")
        bucket.put_object(f"list/folder{n}/x", b"x")
    listed = [(it.key, it.is_prefix()) for it in oss2.ObjectIteratorV2(bucket, prefix="list/", delimiter="/", max_keys=3)]
    right = [(f"list/{n}", False) for n in range(5)] + [(f"list/folder{n}/", True) for n in range(5)]
    step("list", sorted(listed) == sorted(right))
    listed = [it.key for it in oss2.ObjectIterator(bucket, prefix="list/", max_keys=3)]
    step("first list", sorted(listed) == sorted([f"list/{n}" for n in range(5)] + [f"list/folder{n}/x" for n in range(5)]))

    bucket.copy_object("photos", UNICODE, "copy")
    head = bucket.head_object("copy")
    step("copy", head.headers["x-oss-meta-sha256"] == "ab" and head.headers["x-oss-storage-class"] == "Standard")
    refused("guarded copy", 412, "PreconditionFailed",
            lambda: bucket.copy_object("photos", UNICODE, "copy", headers={"x-oss-copy-source-if-match": '"0"'}))
    bucket.copy_object("photos", "copy", "copy", headers={"x-oss-storage-class": "Archive"})
    head = bucket.head_object("copy")
    step("move forgets headers", head.headers["x-oss-storage-class"] == "Archive" and "x-oss-meta-sha256" not in head.headers)
    refused("frozen", 403, "InvalidObjectState", lambda: bucket.get_object("copy"))
    refused("frozen copy", 403, "InvalidObjectState", lambda: bucket.copy_object("photos", "copy", "other"))
    step("restore", bucket.restore_object("copy").status == 202)
    step("ongoing", bucket.head_object("copy").headers["x-oss-restore"] == 'ongoing-request="true"')
    refused("restore again", 409, "RestoreAlreadyInProgress", lambda: bucket.restore_object("copy"))
    refused("restore of hot", 400, "OperationNotSupported", lambda: bucket.restore_object(UNICODE))
    print("a minute later", flush=True)
    sys.stdin.readline()
    step("readable", bucket.get_object("copy").read() == b"0123456789"
         and bucket.head_object("copy").headers["x-oss-restore"].startswith('ongoing-request="false", expiry-date="'))
    step("restore of readable", bucket.restore_object("copy").status == 200)
    bucket.copy_object("photos", "copy", "copy", headers={"x-oss-storage-class": "Standard", "x-oss-meta-sha256": "ab", "x-oss-metadata-directive": "REPLACE"})
    step("hot again", bucket.head_object("copy").headers["x-oss-meta-sha256"] == "ab")

    part = b"p" * (100 << 10)
    upload = bucket.init_multipart_upload("large").upload_id
    parts = [oss2.models.PartInfo(n, bucket.upload_part("large", upload, n, part).etag, size=len(part), part_crc=None) for n in (1, 2)]
    parts.append(oss2.models.PartInfo(3, bucket.upload_part("large", upload, 3, b"end").etag))
    done = bucket.complete_multipart_upload("large", upload, parts)
    step("multipart", done.etag.endswith("-3") and bucket.get_object("large").read() == part * 2 + b"end")
    refused("completed upload", 404, "NoSuchUpload", lambda: bucket.upload_part("large", upload, 1, part))
    upload = bucket.init_multipart_upload("large").upload_id
    bucket.abort_multipart_upload("large", upload)
    refused("aborted upload", 404, "NoSuchUpload", lambda: bucket.abort_multipart_upload("large", upload))

    url = bucket.sign_url("PUT", "by url/猫", 600, slash_safe=True, headers={"Content-Type": "image/png"})
    urllib.request.urlopen(urllib.request.Request(url, data=b"by url", method="PUT", headers={"Content-Type": "image/png"}))
    url = bucket.sign_url("GET", "by url/猫", 600, slash_safe=True)
    step("signed urls", urllib.request.urlopen(url).read() == b"by url")
    try:
        urllib.request.urlopen(url.replace("x-oss-expires=600", "x-oss-expires=601"))
        sys.exit("a changed URL was taken")
    except urllib.error.HTTPError as error:
        step("changed url", error.code == 403)

    step("delete", bucket.delete_object("copy").status == 204 and not bucket.object_exists("copy"))
    step("delete of nothing", bucket.delete_object("copy").status == 204)
    deleted = bucket.batch_delete_objects([f"list/{n}" for n in range(5)])
    step("batch delete", sorted(deleted.deleted_keys) == [f"list/{n}" for n in range(5)])

    wrong = oss2.ProviderAuthV4(StaticCredentialsProvider(key_id, "wrong"))
    refused("wrong secret", 403, "SignatureDoesNotMatch", lambda: oss2.Bucket(wrong, endpoint, "photos", region="cn-hangzhou").get_object("large"))
    wrong = oss2.ProviderAuthV4(StaticCredentialsProvider("nobody", secret))
    refused("wrong key", 403, "InvalidAccessKeyId", lambda: oss2.Bucket(wrong, endpoint, "photos", region="cn-hangzhou").get_object("large"))
    wrong = oss2.ProviderAuthV4(StaticCredentialsProvider(key_id, secret, "over"))
    refused("wrong token", 403, "InvalidSecurityToken", lambda: oss2.Bucket(wrong, endpoint, "photos", region="cn-hangzhou").get_object("large"))
    refused("wrong region", 400, "InvalidArgument", lambda: oss2.Bucket(auth, endpoint, "photos", region="cn-shanghai").get_object("large"))
    refused("wrong bucket", 404, "NoSuchBucket", lambda: oss2.Bucket(auth, endpoint, "videos", region="cn-hangzhou").get_object("large"))


def by_the_new_client():
    config = new.config.load_default()
    config.credentials_provider = new.credentials.StaticCredentialsProvider(key_id, secret)
    config.region, config.endpoint, config.use_path_style = "cn-hangzhou", endpoint, True
    config.disable_ssl = True
    client = new.Client(config)
    put = client.put_object(new.PutObjectRequest(bucket="photos", key=UNICODE, body=b"0123456789", content_type="image/png",
                                                 metadata={"sha256": "ab"}, storage_class="Standard"))
    step("new: put", put.status_code == 200)
    head = client.head_object(new.HeadObjectRequest(bucket="photos", key=UNICODE))
    step("new: head", head.content_length == 10 and head.metadata["sha256"] == "ab" and head.storage_class == "Standard")
    got = client.get_object(new.GetObjectRequest(bucket="photos", key=UNICODE, range_header="bytes=2-4"))
    step("new: range", got.body.read() == b"234")
    page = client.list_objects_v2(new.ListObjectsV2Request(bucket="photos", prefix="list/", delimiter="/", max_keys=3))
    step("new: list", page.is_truncated and len(page.common_prefixes or []) + len(page.contents or []) == 3)
    client.copy_object(new.CopyObjectRequest(bucket="photos", key=UNICODE, source_bucket="photos", source_key=UNICODE, storage_class="Archive",
                                             metadata={"sha256": "ab"}, metadata_directive="REPLACE", content_type="image/png"))
    head = client.head_object(new.HeadObjectRequest(bucket="photos", key=UNICODE))
    step("new: move", head.storage_class == "Archive" and head.metadata["sha256"] == "ab" and head.content_type == "image/png")
    restored = client.restore_object(new.RestoreObjectRequest(bucket="photos", key=UNICODE, restore_request=new.RestoreRequest(days=2)))
    step("new: restore", restored.status_code == 202)
    refused("new: frozen", 403, "InvalidObjectState", lambda: client.get_object(new.GetObjectRequest(bucket="photos", key=UNICODE)))
    upload = client.initiate_multipart_upload(new.InitiateMultipartUploadRequest(bucket="photos", key="large")).upload_id
    part = client.upload_part(new.UploadPartRequest(bucket="photos", key="large", upload_id=upload, part_number=1, body=b"all"))
    done = client.complete_multipart_upload(new.CompleteMultipartUploadRequest(
        bucket="photos", key="large", upload_id=upload,
        complete_multipart_upload=new.CompleteMultipartUpload(parts=[new.UploadPart(part_number=1, etag=part.etag)])))
    step("new: multipart", done.etag.strip('"').endswith("-1"))
    url = client.presign(new.GetObjectRequest(bucket="photos", key="large")).url
    step("new: signed url", urllib.request.urlopen(url).read() == b"all")
    many = client.delete_multiple_objects(new.DeleteMultipleObjectsRequest(bucket="photos", objects=[new.DeleteObject(key="large")]))
    step("new: batch delete", [it.key for it in many.deleted_objects] == ["large"])


by_the_old_client()
by_the_new_client()
print("all went well", flush=True)
