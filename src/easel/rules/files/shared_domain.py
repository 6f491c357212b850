"""Headers by which one app would reach another: apps share a parent domain, and the proxy in front of the edge."""

from __future__ import annotations

import re

_OF_THE_PROXY = re.compile(r"x-accel-|x-sendfile|x-lighttpd-|x-litespeed-|x-reproxy-")
"""What proxies obey in an answer from behind them: which file they send in its place, how long they keep it."""
_OUTLASTS = frozenset({"alt-svc", "nel"})
"""What browsers keep for a host for as long as they are told, also when the host is another app's by then."""


def reason_on_shared_domain(name: str, value: str) -> str | None:
    """Why no rule can give this header (its name in lower case), or None.

    Strict-Transport-Security and Service-Worker-Allowed reach no further than the app's own host, so they may be given.
    """
    if _OF_THE_PROXY.match(name):
        return f"`{name}` is an order to a proxy in front of Easel."
    if name in _OUTLASTS:
        return f"a browser keeps `{name}` for the host, also when another app is there."
    if name == "clear-site-data" and ("cookies" in value.lower() or "*" in value or ":" in value):
        return "it would clear the cookies of every app on this domain; `cache` and `storage` are the app's own."
    if name == "set-cookie":
        return _reason_against_cookie(value)
    return None


def _reason_against_cookie(value: str) -> str | None:
    for attribute in value.split(";")[1:]:
        named = attribute.partition("=")[0].strip()
        if named.lower() == "domain":
            return "its `Domain` would send the cookie to other apps; without one it is the app's own."
        if ":" in named:
            return "a placeholder stands where an attribute is named, such as `Domain`."
    return None
