#!/usr/bin/env bash
# obstore 0.12.1 on S3: a bucket that does not exist is told as an object that does not exist.
# - `put` of a new object raises FileNotFoundError "Object at location … not found", although it is there to be made.
# - `head` and `get` raise the same FileNotFoundError for a missing bucket as for a missing object: to take it for "no such object"
#   hides a wrong bucket name.
# - `delete` of a missing object gives nothing in a bucket that exists, and FileNotFoundError in one that does not.
# - `list` alone tells them apart: GenericError.
# So the bucket's existence is to be checked with `list` at the start. The server is moto's, which answers 404 NoSuchBucket as S3 does.
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
