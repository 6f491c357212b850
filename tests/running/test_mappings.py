"""A process unmaps the pages of libraries that it has used only while it imported them."""

from __future__ import annotations

import subprocess
import sys

_IMPORTER = """
import re, sqlite3, zlib
from pathlib import Path
from cryptography.fernet import Fernet
from easel.running.mappings import let_go_of_files

def mapped():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

cipher = Fernet(Fernet.generate_key())
sealed = cipher.encrypt(b"kept")
before = mapped()
let_go_of_files()
after = mapped()
# Changed pages, such as relocated addresses and a library's state, are still there.
assert cipher.decrypt(sealed) == b"kept"
assert zlib.decompress(zlib.compress(b"a" * 99)) == b"a" * 99
assert sqlite3.connect(":memory:").execute("select 1").fetchone() == (1,)
print(before, after)
"""


def test_a_process_unmaps_files_and_continues() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _IMPORTER], capture_output=True, text=True, timeout=60, check=True
    )
    before, after = map(int, done.stdout.split())
    assert after < before / 2
