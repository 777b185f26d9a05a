"""Signs the requests of its standard input, a JSON object on each line, with botocore; answers what it adds to each."""
import datetime
import json
import sys
import types

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

UTC = datetime.timezone.utc

for line in sys.stdin:
    case = json.loads(line)
    now = datetime.datetime.strptime(case["stamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    botocore.auth.get_current_datetime = lambda now=now: now
    request = AWSRequest(method=case["method"], url=case["url"], data=case["body"].encode() if case["expires"] is None else b"")
    for name, value in case["headers"]:
        request.headers.add_header(name, value)
    request.context["client_config"] = types.SimpleNamespace(s3={"payload_signing_enabled": case["whole"]})
    credentials = Credentials(case["id"], case["secret"], case["token"])
    if case["expires"] is None:
        botocore.auth.S3SigV4Auth(credentials, "s3", case["region"]).add_auth(request)
        answer = request.headers["Authorization"]
    else:
        botocore.auth.S3SigV4QueryAuth(credentials, "s3", case["region"], expires=case["expires"]).add_auth(request)
        answer = request.url.rsplit("X-Amz-Signature=", 1)[1]
    print(json.dumps(answer), flush=True)
