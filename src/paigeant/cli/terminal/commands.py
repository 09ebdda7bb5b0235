"""Declaration of commands: plain help, the same on every terminal; negative numbers are values."""

from __future__ import annotations

import re
from typing import Any, Final

import typer
from typer.core import TyperCommand

_NUMBER: Final = re.compile(r"-(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def new_app(name: str | None = None, *, about: str | None = None) -> typer.Typer:
    """Return the Typer application for a command, or a group of them."""
    return typer.Typer(name=name, help=about, add_completion=False, rich_markup_mode=None)


class ValueCommand(TyperCommand):
    """Command that accepts negative numbers as values: ``-5`` is not an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; an unknown option that is a number becomes an argument."""
        known = {name for param in self.params for name in (*param.opts, *param.secondary_opts)}
        odd = [word for word in args if word.startswith("-") and word != "-" and word.partition("=")[0] not in known]
        if any(_NUMBER.fullmatch(word) for word in odd):
            ctx.ignore_unknown_options = all(_NUMBER.fullmatch(word) for word in odd)
        return super().parse_args(ctx, args)
