"""Settings of saved filters: searches of runs that the dashboard offers by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias, cast
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator, Field

from paigeant.errors import InvalidInput
from paigeant.model.entries.entry import WrittenWrongly
from paigeant.model.stored.run_filter import read_filter
from paigeant.model.values.showing import shown

_EXAMPLE: Final = "status=failed&workflow=pay"


def _read_filters(said: Any) -> Any:
    """Check saved filters by name; raises WrittenWrongly."""
    if not isinstance(said, Mapping):
        return said
    return {_check(str(name), query): query for name, query in cast("Mapping[Any, Any]", said).items()}


def _check(name: str, query: Any) -> str:
    if not isinstance(query, str):
        raise WrittenWrongly(f"a filter is the query of an address, as {_EXAMPLE}, not {shown(query)}", name)
    pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True)
    if not pairs:
        raise WrittenWrongly(f"it is {shown(query)}; it should be the query of an address, as {_EXAMPLE}", name)
    try:
        read_filter(pairs)
    except InvalidInput as error:
        raise WrittenWrongly(str(error), name) from error
    return name


Filters: TypeAlias = Annotated[dict[str, str], BeforeValidator(_read_filters)]
"""Queries of the page of runs, by name."""


class FilterSettings(BaseModel, frozen=True):
    """Part of the settings. A field's description has its valid values."""

    filters: Filters = Field(
        default_factory=dict[str, str],
        description=f"saved searches of runs for the dashboard, as {{failed payments: {_EXAMPLE}}}",
    )
