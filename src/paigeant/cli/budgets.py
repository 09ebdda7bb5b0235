"""Budgets on the command line."""

from __future__ import annotations

from collections.abc import Iterable

import typer
from pydantic_core import from_json

from paigeant.errors import RegistrationError
from paigeant.model.checks.options import without_place
from paigeant.model.spending.budgets import Budget
from paigeant.model.spending.budgets import read_budget as read_one


def read_budget(texts: Iterable[str]) -> list[Budget]:
    """Parse budgets: US dollars, or JSON objects of a Budget; raises BadParameter."""
    return [_read(text) for text in texts]


def _read(text: str) -> Budget:
    try:
        return read_one(from_json(text, allow_inf_nan=False))
    except (ValueError, RegistrationError) as error:
        said = without_place(str(error))
        raise typer.BadParameter(f"{text}: {said}", param_hint="--budget") from error
