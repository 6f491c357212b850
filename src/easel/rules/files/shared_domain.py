"""Refuses headers through which one app could affect another, because apps share a parent domain and the proxy in front
of the edge."""

from __future__ import annotations

import re

_OF_THE_PROXY = re.compile(r"x-accel-|x-sendfile|x-lighttpd-|x-litespeed-|x-reproxy-")
"""A pattern for response headers that a proxy obeys. They choose the file that the proxy sends instead, or the proxy's
caching time."""
_OUTLASTS = frozenset({"alt-svc", "nel"})
"""Headers that a browser stores for a host and still obeys after the host belongs to another app. So an app could
affect the next app at its address."""
_FORGET = {"alt-svc": "clear"}
"""Values of headers that delete the value which the browser has stored (RFC 7838 §3)."""


def reason_on_shared_domain(name: str, value: str) -> str | None:
    """Returns the reason why rules must not set a header with this name (in lower case) and value. Returns None if
    rules may set this header.

    Strict-Transport-Security and Service-Worker-Allowed are allowed, because they affect only the app's own host.
    """
    if _OF_THE_PROXY.match(name):
        return f"a proxy in front of Easel would interpret `{name}` as a command."
    if name in _OUTLASTS and value.lower() != _FORGET.get(name):
        return f"browsers remember `{name}` for the host name, even when that name later belongs to another app."
    if name == "clear-site-data" and ("cookies" in value.lower() or "*" in value or ":" in value):
        return (
            "it would clear the cookies of every app on this domain. Use `cache` or `storage`, which affect only "
            "this app."
        )
    if name == "set-cookie":
        return _reason_against_cookie(value)
    return None


def _reason_against_cookie(value: str) -> str | None:
    for attribute in value.split(";")[1:]:
        named = attribute.partition("=")[0].strip()
        if named.lower() == "domain":
            return (
                "its `Domain` would send the cookie to other apps. Without `Domain`, only this app receives the cookie."
            )
        if ":" in named:
            return "the value of a placeholder could add an attribute, such as `Domain`."
    return None
