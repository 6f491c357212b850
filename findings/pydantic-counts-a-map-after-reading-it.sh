#!/usr/bin/env bash
# pydantic 2.14.3: `max_length` of a dict is checked only after every value was validated, and each wrong value is a
# separate error.
# `max_length` of a list is checked first. The result is one error, however many items there are.
# So the limit of a dict limits neither the work nor the size of the error report. Count the entries in a
# `mode="before"` validator.
# The documentation says "max_length: the maximum number of items" for both types.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pydantic==2.14.3
"$folder/venv/bin/python" - <<'PY' | tee "$folder/seen"
from pydantic import BaseModel, Field, ValidationError


class Model(BaseModel):
    labels: dict[str, int] = Field(default={}, max_length=2)
    numbers: list[int] = Field(default=[], max_length=2)


for name, value in {"labels": {str(n): "x" for n in range(50)}, "numbers": ["x"] * 50}.items():
    try:
        Model.model_validate({name: value})
    except ValidationError as error:
        print(name, error.error_count(), sorted({one["type"] for one in error.errors()}))
PY
diff "$folder/seen" - <<'SEEN'
labels 50 ['int_parsing']
numbers 1 ['too_long']
SEEN
echo "as described"
