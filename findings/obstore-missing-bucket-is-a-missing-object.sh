#!/usr/bin/env bash
# obstore 0.12.1 on S3: a missing bucket is reported as a missing object.
# - `put` of a new object raises FileNotFoundError "Object at location … not found", although the object is only about
#   to be created.
# - `head` and `get` raise the same FileNotFoundError for a missing bucket as for a missing object. A caller that treats
#   this error as "no such object" hides a wrong bucket name.
# - `delete` of a missing object returns nothing if the bucket exists, and raises FileNotFoundError if the bucket is
#   missing.
# - Only `list` distinguishes the two cases, with a GenericError.
# So check at the start with `list` whether the bucket exists. The server in this script is moto, which responds with
# 404 NoSuchBucket like S3.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check obstore==0.12.1 'moto[server]==5.2.5' boto3==1.44.5
"$folder/venv/bin/python" - 2>"$folder/log" <<'PY' | grep -v MotoServer | tee "$folder/seen"
import boto3
import obstore
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
host, port = server.get_host_and_port()
where = f"http://{host}:{port}"
account = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
boto3.client("s3", endpoint_url=where, **account).create_bucket(Bucket="there")
for bucket in ("there", "missing"):
    store = S3Store(
        bucket,
        endpoint=where,
        region="us-east-1",
        access_key_id="a",
        secret_access_key="b",
        client_options={"allow_http": True},
    )
    calls = {
        "head": lambda: obstore.head(store, "x"),
        "delete": lambda: obstore.delete(store, "x"),
        "list": lambda: list(obstore.list(store)),
        "put": lambda: obstore.put(store, "new", b"1"),
    }
    for name, call in calls.items():
        try:
            call()
            print(bucket, name, "succeeds")
        except Exception as error:
            print(bucket, name, type(error).__name__)
server.stop()
PY
diff "$folder/seen" - <<'SEEN'
there head FileNotFoundError
there delete succeeds
there list succeeds
there put succeeds
missing head FileNotFoundError
missing delete FileNotFoundError
missing list GenericError
missing put FileNotFoundError
SEEN
echo "as described"
