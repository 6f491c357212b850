#!/usr/bin/env bash
# SQLAlchemy 2.1.9 with msgspec 0.22.0: a column's name is a plain str only if it is the attribute's own name.
# - `mapped_column()` uses the attribute's name. `Column.name` and `.key` are of the type str.
# - `mapped_column("other")` makes both a `quoted_name`, a subclass of str. It is equal to the str, has the same hash,
#   and is printed in the same way.
# - json encodes a `quoted_name`. msgspec encodes it as a key of a dict, but raises TypeError for it as a value, because
#   msgspec encodes no subclass of str.
# So a name that is read from a table and encoded works until the column and its attribute get different names.
# `str(name)` makes a plain str.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sqlalchemy==2.1.9 msgspec==0.22.0
"$folder/venv/bin/python" - <<'PY' | tee "$folder/seen"
import json

import msgspec
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    actor: Mapped[str] = mapped_column("placed_by")


for column in Order.__table__.columns:
    print(column.name, type(column.name).__name__, type(column.key).__name__, column.name == str(column.name))
    for shape, value in (("list", [column.name]), ("key", {column.name: 1}), ("str", [str(column.name)])):
        try:
            written = msgspec.json.encode(value).decode()
        except TypeError as error:
            written = f"TypeError: {error}"
        print(" ", shape, "| json", json.dumps(value), "| msgspec", written)
PY
diff "$folder/seen" - <<'SEEN'
id str str True
  list | json ["id"] | msgspec ["id"]
  key | json {"id": 1} | msgspec {"id":1}
  str | json ["id"] | msgspec ["id"]
placed_by quoted_name quoted_name True
  list | json ["placed_by"] | msgspec TypeError: Encoding objects of type quoted_name is unsupported
  key | json {"placed_by": 1} | msgspec {"placed_by":1}
  str | json ["placed_by"] | msgspec ["placed_by"]
SEEN
echo "as described"
