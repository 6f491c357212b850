"""The published settings of an app in the form that edges read, made from its configuration by one rule.

Each publish stores the encoded value on the app's row. Edges receive this value and keep it as bytes, and compare two
values by their bytes. A new field needs a line in `PublishedSite` and its rule in `published_site`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from easel.serving.runtimes import INLINE, RUNTIMES

_encode = msgspec.json.Encoder(order="sorted").encode
_NO_VARIABLES = msgspec.Raw(b"{}")


class PublishedSite(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The part of a configuration that visitors notice.

    `indexable` is the owner's setting, although search engines may list only production (`Site.indexable`). Every field
    has the default of an empty configuration, so that most encoded values are short.
    """

    indexable: bool = False
    variables_json: msgspec.Raw = msgspec.field(default=_NO_VARIABLES, name="variables")
    """The public variables, as a JSON object of strings. This is a view into the encoded value. All sites of an app
    share the encoded value."""
    runtime: str = INLINE
    """The way in which pages get the variables: a `Runtime`, or a value of a later release."""

    @property
    def variables(self) -> dict[str, str]:
        """Returns the public variables by name, decoded on each call."""
        held: dict[str, str] = msgspec.json.decode(self.variables_json)
        return held


FORM: Final = 1
"""The version of the encoding. A release that adds a field or changes a rule increments it.

During an upgrade, processes of the earlier release still write earlier forms. Readers then compute the value again from
the configuration. A later form is read without its unknown fields. `published.sql` has the same number.
"""


def published_site(config: Mapping[str, Any]) -> PublishedSite:
    """Returns the public part of a stored configuration. Any release of Easel may have stored the configuration. The
    value never includes secrets, or `MIXPEEK_API_KEY`, which is used only on the server. Never raises an error."""
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
    """Returns the encoded published settings: JSON, with one spelling for equal settings."""
    return _encode(site)


decoded = msgspec.json.Decoder(PublishedSite).decode
"""Returns the published settings in these bytes. Raises msgspec.MsgspecError."""

NOTHING_TOLD: Final = encoded(PublishedSite())
"""The encoded published settings of an app that has set none, like most apps."""


def to_store(encoded_site: bytes) -> bytes:
    """Returns the encoded published settings for the app's row, marked with their form."""
    return bytes((FORM,)) + encoded_site


def encoded_site(stored: bytes) -> bytes:
    """Returns the encoded published settings from a result of `published.sql`."""
    if stored.startswith(b"{"):
        return encoded(published_site(msgspec.json.decode(stored)))
    return stored[1:]


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = config.get(name)
    return section if isinstance(section, dict) else {}
