"""What an app tells the edge: one value, made of its published configuration by one rule.

It is stored encoded on the app's row whenever something is published, sent to edges as bytes and kept there as bytes:
two are equal if their bytes are. A new field is a line of `PublishedSite` and its rule in `published_site`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from easel.serving.runtimes import INLINE, RUNTIMES

_encode = msgspec.json.Encoder(order="sorted").encode
_NO_VARIABLES = msgspec.Raw(b"{}")


class PublishedSite(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What visitors notice of a configuration. `indexable` is what its owner asked for; search engines are told so in
    production alone (`Site.indexable`).

    A field has a default that holds where a configuration says nothing, so that most values stay as short as they are.
    """

    indexable: bool = False
    variables_json: msgspec.Raw = msgspec.field(default=_NO_VARIABLES, name="variables")
    """The public variables, a JSON object of texts. It is a view of the encoded value: all sites of an app share it."""
    runtime: str = INLINE
    """How pages get them: a `Runtime`, or what a later release calls it."""

    @property
    def variables(self) -> dict[str, str]:
        """The public variables by name, decoded anew."""
        held: dict[str, str] = msgspec.json.decode(self.variables_json)
        return held


FORM: Final = 1
"""A release that adds a field or changes a rule raises it. Values of earlier forms, which processes of the release
before go on writing during an upgrade, are made anew by whoever reads them; those of later forms are read as they
are, without the fields that are not known here. `published.sql` has the same number."""


def published_site(config: Mapping[str, Any]) -> PublishedSite:
    """The rule. `MIXPEEK_API_KEY` is a server-side name and never public; secrets are no variables at all.

    It takes what any release has stored for a configuration, so it raises nothing.
    """
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
    """The value as edges get it and keep it: JSON, one spelling for equal values."""
    return _encode(site)


decoded = msgspec.json.Decoder(PublishedSite).decode
"""The value of these bytes. Raises msgspec.MsgspecError."""

NOTHING_TOLD: Final = encoded(PublishedSite())
"""What most apps tell."""


def to_store(told: bytes) -> bytes:
    """The encoded value as the app's row holds it, marked with its form."""
    return bytes((FORM,)) + told


def told(stored: bytes) -> bytes:
    """The encoded value, from what `published.sql` gave."""
    if stored.startswith(b"{"):
        return encoded(published_site(msgspec.json.decode(stored)))
    return stored[1:]


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = config.get(name)
    return section if isinstance(section, dict) else {}
