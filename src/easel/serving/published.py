"""The published settings of an app in the form that edges read. One rule derives them from the app's configuration.

Each publish stores the encoded settings on the app's row. Edges receive them and keep them as bytes, and compare
settings by their bytes. A new field needs a line in `PublishedSite` and its rule in `published_site`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from easel.serving.runtimes import INLINE, RUNTIMES

_encode = msgspec.json.Encoder(order="sorted").encode
_NO_VARIABLES = msgspec.Raw(b"{}")


class PublishedSite(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The part of an app's configuration that affects the responses to visitors.

    `indexable` is the owner's setting, although search engines may list only production (`Site.indexable`). Every field
    has the default of an empty configuration, so that most encoded values are short.
    """

    indexable: bool = False
    variables_json: msgspec.Raw = msgspec.field(default=_NO_VARIABLES, name="variables")
    """The public variables, as a JSON object of strings. The value is a view into the encoded settings, which all sites
    of an app share."""
    runtime: str = INLINE
    """The way in which pages get the public variables: a `Runtime`, or a value of a later release."""

    @property
    def variables(self) -> dict[str, str]:
        """Returns the public variables as a dictionary. It is decoded on each call."""
        held: dict[str, str] = msgspec.json.decode(self.variables_json)
        return held


FORM: Final = 1
"""The version of the encoding. A release that adds a field or changes a rule increments it.

During an upgrade, processes of the earlier release still write settings with an earlier version. Readers then derive
the settings again from the configuration. Settings with a later version are read without their unknown fields.
`published.sql` contains the same number.
"""


def published_site(config: Mapping[str, Any]) -> PublishedSite:
    """Returns the published settings that a stored configuration contains. Any release of Easel may have stored the
    configuration. The settings never include secrets, or `MIXPEEK_API_KEY`, which is used only on the server. Never
    raises an error."""
    meta, build = _section(config, "meta"), _section(config, "build_config")
    variables = {
        name: str(value)
        for name, value in _section(build, "env_vars").items()
        if name.upper() != "MIXPEEK_API_KEY" and value is not None
    }
    return PublishedSite(
        indexable=meta.get("indexable") is True,
        variables_json=msgspec.Raw(_encode(variables)) if variables else _NO_VARIABLES,
        runtime=RUNTIMES.get(str(build.get("runtime")), INLINE),
    )


def encoded(site: PublishedSite) -> bytes:
    """Returns published settings as JSON. Equal settings have equal bytes."""
    return _encode(site)


decoded = msgspec.json.Decoder(PublishedSite).decode
"""Decodes published settings from JSON. Raises msgspec.MsgspecError."""

NOTHING_TOLD: Final = encoded(PublishedSite())
"""The encoded settings of an app without any published settings, like most apps."""


def to_store(encoded_site: bytes) -> bytes:
    """Returns encoded published settings as they are stored on the app's row, marked with `FORM`."""
    return bytes((FORM,)) + encoded_site


def encoded_site(stored: bytes) -> bytes:
    """Returns encoded published settings from a result of the query `published.sql`."""
    if stored.startswith(b"{"):
        return encoded(published_site(msgspec.json.decode(stored)))
    return stored[1:]


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = config.get(name)
    return section if isinstance(section, dict) else {}
