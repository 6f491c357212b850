"""The program `easel`."""

from __future__ import annotations

import typer

from easel.cli import serve

app = typer.Typer(no_args_is_help=True)
serve.register(app)


def main() -> None:
    """Runs the program."""
    app()


if __name__ == "__main__":
    main()
