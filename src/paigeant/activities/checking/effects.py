"""Effects of a step besides its output, as far as its code shows: variables, a log, added steps."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from textwrap import dedent
from typing import Any, Final, Union, get_args, get_origin

from paigeant.activities.callables import layers
from paigeant.activities.handlers import Activity
from paigeant.model.outcomes import Completed, Finished, Parked, Revised

_OUTCOMES: Final = (Completed, Finished, Parked, Revised)
_CLOSED: Final = frozenset({"Completed", "Finished"})
_PLAIN: Final = (ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.Set, ast.JoinedStr, ast.Compare, ast.BinOp)


@dataclass(frozen=True, slots=True)
class Effects:
    """``variables`` are the names that it sets; ``open`` is set if there may be more, ``logs`` if it may log."""

    variables: frozenset[str] = frozenset()
    open: bool = False
    logs: bool = False


_UNKNOWN: Final = Effects(open=True, logs=True)


def effects_of(activity: Activity) -> Effects:
    """Return the effects of an activity: from its return annotation, or else from the outcomes in its code."""
    handler = activity.execute
    if activity.is_agent:
        return Effects()
    returns, context = handler.signature.returns, handler.signature.context
    plain = returns is not Any and not any(_is_outcome(each) for each in _members(returns))
    if plain and context is None:
        return Effects()
    try:
        source = dedent(inspect.getsource(layers(handler.function)[-1]))
        [function] = ast.parse(source).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return _UNKNOWN
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return _UNKNOWN
    found = [] if plain else [_effects(each.value) for each in _returns(function.body) if each.value is not None]
    found += [] if context is None else _saved(function, context)
    return Effects(
        frozenset(name for each in found for name in each.variables),
        any(each.open for each in found),
        any(each.logs for each in found),
    )


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)


def _is_outcome(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) in _OUTCOMES


def _returns(body: Iterable[ast.AST]) -> Iterator[ast.Return]:
    """Yield the return statements of a function, without those of nested functions."""
    for node in body:
        if isinstance(node, ast.Return):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _returns(ast.iter_child_nodes(node))


def _effects(value: ast.expr) -> Effects:
    if isinstance(value, _PLAIN):
        return Effects()
    if not isinstance(value, ast.Call) or _name(value.func) not in _CLOSED:
        return _UNKNOWN  # a revision inserts steps; while a step waits, a person may set any variable
    given = {each.arg: each.value for each in value.keywords}
    if None in given or len(value.args) > 2:  # noqa: PLR2004  (output and log)
        return _UNKNOWN
    names = _keys(given["variables"]) if "variables" in given else frozenset[str]()
    return Effects(names or frozenset(), open=names is None, logs="log" in given or len(value.args) > 1)


def _saved(function: ast.AST, context: str) -> Iterator[Effects]:
    """Yield the variables that a function saves by its context; a context passed to other code may set any."""
    seen: set[ast.AST] = set()
    for node in ast.walk(function):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="save_variable"),
                args=[ast.Constant(value=str(variable)), *_],
            ) if name == context:
                seen.add(node.func)
                yield Effects(frozenset({variable}))
            case ast.Attribute(value=ast.Name(id=name) as used, attr=attribute) if name == context:
                seen.add(used)
                if attribute == "save_variable" and node not in seen:
                    yield Effects(open=True)
            case ast.Name(id=name) if name == context and node not in seen:
                yield Effects(open=True)
            case _:
                pass


def _name(function: ast.expr) -> str | None:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=inner):
            return _name(inner)
        case _:
            return None


def _keys(node: ast.expr) -> frozenset[str] | None:
    if not isinstance(node, ast.Dict):
        return None
    keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
    return frozenset(str(key) for key in keys) if all(isinstance(key, str) for key in keys) else None
