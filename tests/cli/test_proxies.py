"""Proxy variables as on companies' machines: they work, or a sentence says what to do."""

from __future__ import annotations

from base64 import b64decode

import pytest

from easel.cli.errors import ProxyUnusableError
from easel.cli.proxies import proxy_for

VARIABLES = [f"{name}_proxy" for name in ("http", "https", "all", "no")]


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("named", "address", "login"),
    [
        ("http://proxy:3128", "http://proxy:3128", None),
        ("proxy:3128", "http://proxy:3128", None),
        ("//proxy:3128", "http://proxy:3128", None),
        (" http://proxy:3128/ ", "http://proxy:3128", None),
        ("HTTP://proxy", "http://proxy", None),
        ("https://proxy:443", "https://proxy:443", None),
        ("http://[::1]:3128", "http://[::1]:3128", None),
        ("http://me:se%63ret@proxy:1", "http://proxy:1", "me:secret"),
        ("http://me:pa#s/s@w@proxy:1", "http://proxy:1", "me:pa#s/s@w"),
        ("me:pa%ZZ@proxy:1", "http://proxy:1", "me:pa%ZZ"),
        ("http://m%C3%A9:pässwört@proxy:1", "http://proxy:1", "mé:pässwört"),
        ("http://me@proxy:1", "http://proxy:1", "me:"),
    ],
)
def test_a_proxy_is_accepted_in_every_spelling(
    monkeypatch: pytest.MonkeyPatch, named: str, address: str, login: str | None
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", named)
    proxy = proxy_for("https://easel.example.com")
    assert proxy is not None
    assert proxy.address == address
    sent = proxy.headers.get("proxy-authorization")
    assert (sent and b64decode(sent.removeprefix("Basic ")).decode()) == login


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("socks5://proxy:1080", "is a proxy for socks5,"),
        ("SOCKS5H://me:secret@proxy:1080", "is a proxy for socks5h,"),
        ("ftp://proxy", "not an address"),
        ("http://", "not an address"),
        ("http://:3128", "not an address"),
        ("http://[::1:3128", "not an address"),
        ("http://::1]:3128", "not an address"),
        ("http://proxy:port", "not an address"),
        ("http://proxy:99999", "not an address"),
        ("http://me:secret@", "not an address"),
        ("http://pro xy:1", "not an address"),
        ("://proxy", "not an address"),
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_an_unusable_proxy_is_reported_without_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, named: str, said: str
) -> None:
    monkeypatch.setenv(variable, named)
    with pytest.raises(ProxyUnusableError) as refused:
        proxy_for("https://easel.example.com:8443")
    message = refused.value.message
    assert (variable in message, said in message, "easel.example.com to NO_PROXY" in message) == (True, True, True)
    assert "secret" not in message
    for excepted in ("easel.example.com", "*", "example.com:8443"):
        monkeypatch.setenv("NO_PROXY", excepted)
        assert proxy_for("https://easel.example.com:8443") is None


@pytest.mark.parametrize(
    ("excepted", "host", "without"),
    [
        ("*", "easel.example.com", True),
        ("example.com", "easel.example.com", True),
        (".example.com", "easel.example.com", True),
        ("*.example.com", "easel.example.com", True),
        ("EXAMPLE.com", "Easel.Example.COM", True),
        ("a.example.com, example.com", "example.com", True),
        ("a.example.com example.com", "example.com.", True),
        ("ample.com", "easel.example.com", False),
        ("easel.example.com:8443", "easel.example.com:8443", True),
        ("easel.example.com:443", "easel.example.com", True),
        ("easel.example.com:80", "easel.example.com", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.1/8", "10.1.2.3:8000", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:8000", "10.1.2.3:8000", True),
        ("fd00::/8", "[fd00::1]", True),
        ("[fd00::1]", "[fd00::1]:8000", True),
        ("[fd00::1]:8000", "[fd00::1]:8000", True),
        ("10.0.0.0/8", "easel.example.com", False),
        ("", "easel.example.com", False),
        (", ,", "easel.example.com", False),
        ("10.0.0.0/99, x/y, :, :1, [", "easel.example.com", False),
    ],
)
def test_no_proxy_names_hosts_domains_ports_and_networks(
    monkeypatch: pytest.MonkeyPatch, excepted: str, host: str, without: bool
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", excepted)
    assert (proxy_for(f"https://{host}/v1/apps") is None) is without


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000", "http://localhost", "http://shop.localhost:8080", "http://[::1]"]
)
def test_an_empty_proxy_variable_counts_as_unset_and_this_machine_needs_no_proxy(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "")
    monkeypatch.setenv("ALL_PROXY", "  ")
    assert proxy_for("http://easel.example.com") is None
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:port")
    assert proxy_for(address) is None
