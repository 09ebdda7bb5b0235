"""The file paigeant.yaml: its keys and values, and the line of each."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast

import yaml

from paigeant.errors import ConfigError
from paigeant.model.entries.entry import yaml_key

FILE: Final = "paigeant.yaml"
_MERGE: Final = "<<"


def hint(name: str, known: Collection[str], prefix: str = "") -> str:
    """Return the closest of the known names, or all of them, as the end of a sentence.

    A common prefix is ignored: it would make any two names similar.
    """
    close = get_close_matches(name.removeprefix(prefix), [each.removeprefix(prefix) for each in known], n=1)
    return f"did you mean '{prefix}{close[0]}'?" if close else f"known: {', '.join(known)}"


class _Loader(yaml.SafeLoader):
    """YAML's own safe loader, which also rejects duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  (so it is)
        """Return the mapping of a node."""
        there: set[str] = set()
        for key, _ in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if isinstance(key, yaml.ScalarNode) and key.value != _MERGE:
                if key.value in there:
                    problem = f"the key {key.value!r} stands twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                there.add(str(key.value))
        return super().construct_mapping(node, deep)


def read_file(file: Path, known: Collection[str]) -> dict[str, Any]:
    """Return the content of the file, with known keys only; raises ConfigError, which names file and line."""
    try:
        content: Any = yaml.load(file.read_text("utf-8"), _Loader)  # noqa: S506  (a safe one)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        text = f"{where}: no valid YAML: {error.problem or error.context}"
        raise ConfigError(text) from None  # its text quotes the line, which may contain a password
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        text = f"{file}: cannot be read: {error}".replace("\n", " ")
        raise ConfigError(text) from error
    except Exception as error:  # for example a day of a thirteenth month, or too deep nesting
        text = f"{file}: no valid YAML: a value cannot be read: {error or type(error).__name__}"
        raise ConfigError(text) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        text = f"{file}: holds a {type(content).__name__}; it should hold lines `key: value`; known: {', '.join(known)}"
        raise ConfigError(text)
    keys = cast("dict[Any, Any]", content)
    for key in keys:
        if key not in known:
            text = f"{file}: unknown key {key!r}; {hint(str(key), known)}"
            raise ConfigError(text)
    return {key: value for key, value in keys.items() if value is not None}


def line_of(file: Path, path: Collection[str | int]) -> int | None:
    """Return the line in which the value at this path begins, or its closest existing parent."""
    try:
        node = cast("yaml.Node | None", yaml.compose(file.read_text("utf-8"), yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]  (its stub says not of what)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    line: int | None = None
    for part in path:
        found = _inside(node, part)
        if found is None:
            break
        line, node = found
    return line


def _inside(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        each: yaml.Node = node.value[part]
        return each.start_mark.line + 1, each
    if isinstance(node, yaml.MappingNode):
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if yaml_key(key.value).lower() == str(part).lower():
                return key.start_mark.line + 1, value
    return None
