"""Usage errors in our own words, in place of those of the parsing library."""

from __future__ import annotations

import re
from typing import Final

import typer

_SAYINGS: Final = tuple(
    (re.compile(pattern, re.DOTALL), text)
    for pattern, text in (
        (r"No such option: (\S+) \(Possible options: (.+)\)", "no option {0}; did you mean {1}?"),
        (r"No such option: (\S+)", "no option {0}"),
        (r"No such command '(.+?)'\. Did you mean (.+)\?", "no command {0!r}; did you mean {1}?"),
        (r"No such command '(.+?)'", "no command {0!r}"),
        (r"Missing command", "name a command"),
        (r"Missing (?:argument|option|parameter) '(.+?)'", "{0} is missing"),
        (r"Got unexpected extra arguments?(?:\(s\))? \((.+)\)", "nothing takes the argument {0}"),
        (r"Option '(.+?)' requires an argument", "{0} takes a value"),
        (r"Option '(.+?)' does not take a value", "{0} takes no value"),
        (r"Invalid value for '?(.+?)'?: (.+)", "{0}: {1}"),
        (r"Invalid value: (.+)", "{0}"),
    )
)
"""Texts of the library, and their replacements; the first match counts."""

_VALUES: Final = (
    (re.compile(r"Input should be a valid integer.*", re.DOTALL), "a whole number is expected"),
    (re.compile(r"Input should be a valid number.*", re.DOTALL), "a number is expected"),
    (re.compile(r"Input should be (greater|less) than or equal to (\S+)"), r"it should be at \1 \2"),
    (re.compile(r"at greater "), "at least "),
    (re.compile(r"at less "), "at most "),
    (re.compile(r"^'(.*)' is not one of (.+)$"), r"'\1' is none of \2"),
)


def usage_text(error: typer.TyperException) -> str:
    """Return the text of a usage error, and where to find help."""
    text = error.format_message().replace("Value error, ", "").strip().removesuffix(".")
    context = getattr(error, "ctx", None)
    found = next(((found, said) for pattern, said in _SAYINGS if (found := pattern.fullmatch(text))), None)
    if found is not None:
        text = found[1].format(*map(_value, found[0].groups()))
    elif ";" in text:
        return text  # one of ours, with the remedy
    return text if context is None else f"{text}; see `{context.command_path} --help`"


def _value(text: str) -> str:
    for pattern, said in _VALUES:
        text = pattern.sub(said, text)
    return text
