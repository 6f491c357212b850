"""`easel limits`: the organisation's limits and usage."""

from __future__ import annotations

from typing import Final

from easel.cli.command import client_command
from easel.cli.session import Session
from easel.cli.text import size, when

_BYTES: Final = "_bytes"


@client_command("limits")
def limits(session: Session) -> None:
    """Show the organisation's limits, and how much of each limit is used."""

    def amount(name: str, value: int) -> str:
        return size(value) if name.endswith(_BYTES) else f"{value:,}"

    answer = session.client.list_limits()
    session.output.table(
        ("LIMIT", "USED", "MAXIMUM", "DECREASES AT"),
        [
            (
                one.name.replace("_", " "),
                amount(one.name, one.used),
                amount(one.name, one.limit) if one.limit is not None else "no limit",
                when(one.frees_at) if one.frees_at else "",
            )
            for one in answer.limits
        ],
    )
    session.output.document(answer)
