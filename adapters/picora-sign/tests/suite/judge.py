"""Signs the requests of its standard input, a JSON object on each line, with the vendors' own SDKs; answers an object of signatures each."""
import datetime
import json
import sys
import types
from email.utils import formatdate
from urllib.parse import quote

import oss2
import oss2.auth
from alibabacloud_oss_v2.signer import SignerV4
from alibabacloud_oss_v2.types import Credentials, HttpRequest, SigningContext
from oss2.credentials import StaticCredentialsProvider
from qcloud_cos import CosConfig, cos_auth

UTC = datetime.timezone.utc


class Clock(datetime.datetime):
    """The time of the request, wherever an SDK asks for it."""

    seconds = 0

    @classmethod
    def utcnow(cls):
        return datetime.datetime.fromtimestamp(cls.seconds, UTC).replace(tzinfo=None)


oss2.auth.datetime = Clock
oss2.auth.time = types.SimpleNamespace(time=lambda: Clock.seconds)
oss2.auth.utils.http_date = lambda: formatdate(Clock.seconds, usegmt=True)
cos_auth.time = types.SimpleNamespace(time=lambda: Clock.seconds)


def encoded(pairs):
    one = lambda name, value: quote(name, safe="") + ("=" + quote(value, safe="") if value else "")
    return "&".join(one(name, value) for name, value in pairs)


def oss_old(case):
    provider = StaticCredentialsProvider(case["id"], case["secret"], case["token"])
    auth = oss2.ProviderAuthV4(provider)
    request = types.SimpleNamespace(
        method=case["method"], headers=oss2.CaseInsensitiveDict(dict(case["headers"])), params=dict(case["query"]),
        region=case["region"], product="oss", cloudbox_id=None, url="http://host/",
    )
    if case["expires"] is None:
        auth._sign_request(request, case["bucket"], case["key"])
        return request.headers["authorization"].split("Signature=")[1]
    auth._sign_url(request, case["bucket"], case["key"], case["expires"])
    return request.params["x-oss-signature"]


def oss_first(case):
    auth = oss2.ProviderAuth(StaticCredentialsProvider(case["id"], case["secret"], case["token"]))
    request = types.SimpleNamespace(
        method=case["method"], headers=oss2.CaseInsensitiveDict(dict(case["headers"])), params=dict(case["query"]), url="http://host/",
    )
    if case["expires"] is None:
        auth._sign_request(request, case["bucket"], case["key"])
        return request.headers["date"] + " " + request.headers["authorization"]
    auth._sign_url(request, case["bucket"], case["key"], case["expires"])
    return request.params["Expires"] + " " + request.params["Signature"]


def oss_new(case):
    query = encoded(case["query"])
    request = HttpRequest(case["method"], "http://host/" + ("?" + query if query else ""), headers=dict(case["headers"]))
    now = datetime.datetime.fromtimestamp(case["now"], UTC)
    context = SigningContext(
        product="oss", region=case["region"], bucket=case["bucket"], key=case["key"], request=request, signing_time=now,
        credentials=Credentials(case["id"], case["secret"], case["token"]),
    )
    context.auth_method_query = case["expires"] is not None
    if case["expires"] is not None:
        context.expiration_time = now + datetime.timedelta(seconds=case["expires"])
    SignerV4().sign(context)
    if case["expires"] is None:
        return request.headers["Authorization"]
    return request.url.split("x-oss-signature=")[1]


def cos(case):
    config = CosConfig(Region="ap-guangzhou", SecretId=case["id"], SecretKey=case["secret"], Token=case["token"], Scheme="http")
    headers = dict(case["headers"])
    if case["token"] and case["expires"] is None:
        headers["x-cos-security-token"] = case["token"]
    params = dict(case["query"])
    if case["token"] and case["expires"] is not None:
        params["x-cos-security-token"] = case["token"]
    request = types.SimpleNamespace(method=case["method"], headers=headers, url="http://" + headers["host"] + "/")
    auth = cos_auth.CosS3Auth(config, case["key"], params, case["expires"] or 600)
    return auth(request).headers["Authorization"]


for line in sys.stdin:
    case = json.loads(line)
    Clock.seconds = case["now"]
    print(json.dumps({"oss_first": oss_first(case), "oss_old": oss_old(case), "oss_new": oss_new(case), "cos": cos(case)}), flush=True)
