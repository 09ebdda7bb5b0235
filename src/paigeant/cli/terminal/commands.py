"""How commands are declared: their help is plain text, the same on every terminal; a negative number is a value."""

from __future__ import annotations

import re
from typing import Any, Final

import typer
from typer.core import TyperCommand

_NUMBER: Final = re.compile(r"-(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def new_app(name: str | None = None, *, about: str | None = None) -> typer.Typer:
    """Return what a command, or a group of them, is declared with."""
    return typer.Typer(name=name, help=about, add_completion=False, rich_markup_mode=None)


class ValueCommand(TyperCommand):
    """A command that takes values: ``-5`` is one, and no option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; what looks like an option, is none and is a number is taken for an argument."""
        known = {name for param in self.params for name in (*param.opts, *param.secondary_opts)}
        odd = [word for word in args if word.startswith("-") and word != "-" and word.partition("=")[0] not in known]
        if any(_NUMBER.fullmatch(word) for word in odd):
            ctx.ignore_unknown_options = all(_NUMBER.fullmatch(word) for word in odd)
        return super().parse_args(ctx, args)
