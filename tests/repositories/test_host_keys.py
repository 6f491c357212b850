"""The lines of a user's `known_hosts` that are about the host."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from easel.repositories.deploy_keys import make_key
from easel.repositories.errors import KnownHostsError
from easel.repositories.host_keys import read_known_hosts
from easel.repositories.remote_url import read_url

OURS, OTHER = (" ".join(make_key("").public.split()[:2]) for _ in range(2))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not on this machine")
@pytest.mark.parametrize("url", ["git@git.example.org:x", "ssh://git@git.example.org:2222/x", "ssh://[2001:db8::1]/x"])
def test_hashed_names_are_recognised(tmp_path: Path, url: str) -> None:
    host = {22: "git.example.org", 2222: "[git.example.org]:2222"}[read_url(url).port]
    host = "2001:db8::1" if "[2001" in url else host
    file = tmp_path / "known_hosts"
    file.write_text(f"{host} {OURS}\nelsewhere.example.org {OTHER}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    assert "example" not in file.read_text()
    assert read_known_hosts(file.read_text(), read_url(url)) == f"{host} {OURS}\n"


def test_lines_that_are_no_plain_keys_are_left_out_or_refused() -> None:
    url = read_url("git@git.example.org:x")
    text = f"@cert-authority *.example.org {OTHER}\n@revoked git.example.org {OTHER}\n\nGit.Example.org {OURS} me\n"
    assert read_known_hosts(text, url) == f"git.example.org {OURS}\n"
    # A pattern could match any host.
    for wrong in (
        f"*.example.org {OURS}",
        f"*,!x {OURS}",
        f"|1|x|y {OURS}",
        f"|1||| {OURS}",
        "|1|",
        "git.example.org x y",
    ):
        with pytest.raises(KnownHostsError):
            read_known_hosts(wrong, url)
    with pytest.raises(KnownHostsError, match="lines"):
        read_known_hosts("#\n" * 201, url)
    many = "".join(f"git.example.org {make_key('').public}\n" for _ in range(11))
    with pytest.raises(KnownHostsError, match="keys"):
        read_known_hosts(many, url)
