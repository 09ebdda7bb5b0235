"""The rules of the house that no other tool holds: sizes, banned calls, a light import, clean pins."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))

LONGEST_FILE = 300
LONGEST_FUNCTION = 40
LARGEST_PACKAGE = 14
MOST_PARAMETERS = 6
DOCUMENTED = 0.95

BANNED = {
    "asyncio.wait_for": "asyncio.timeout, which cannot lose a cancellation",
    "pickle": "JSON: what is unpickled can run code",
    "time.time": "the store's time, or time.monotonic for a duration",
}
HEAVY = {
    "aio_pika",
    "alembic",
    "asyncpg",
    "cel",
    "cryptography",
    "httpx2",
    "joserfc",
    "pydantic_ai",
    "redis",
    "rich",
    "sqlalchemy",
    "typer",
}

PACKAGE = ROOT / "src/paigeant"

UNDECLARED: Final = {
    "paigeant.app.paigeant",
    "paigeant.config",
    "paigeant.engine",
    "paigeant.model.hops",
    "paigeant.routing.advance",
    "paigeant.security",
    "paigeant.telemetry",
    "pydantic_settings",
    "yaml",
}
"""What no declaration of activities and workflows needs."""

ON_DEMAND: Final = [path for path in SOURCES if "on_demand(\n" in path.read_text("utf-8")]
COMMANDS = PACKAGE / "cli"

QUESTION_WORDS: Final = {"How", "That", "What", "When", "Where", "Whether", "Which", "Who"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | Function


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    lengths = {place(path): len(path.read_text("utf-8").splitlines()) for path in SOURCES}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    """A docstring does not count: it may say as much as the contract needs."""
    lengths = {
        f"{place(path)}:{function.lineno} {function.name}": code_lines(function)
        for path in SOURCES
        for function in ast.walk(tree(path))
        if isinstance(function, Function)
    }

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_no_package_holds_more_files_than_a_reader_can_keep_apart() -> None:
    """Its sub-packages do not count: what has grown is given rooms."""
    sizes = Counter(place(path.parent) for path in SOURCES)

    assert {name: files for name, files in sizes.items() if files > LARGEST_PACKAGE} == {}


def test_no_function_takes_more_than_a_caller_can_keep_in_order() -> None:
    """But for the commands of the command line: each has as many parameters as it has options."""
    taken = {
        f"{place(path)}:{function.lineno} {function.name}": parameters(function)
        for path in SOURCES
        for function in ast.walk(tree(path))
        if isinstance(function, Function) and not (path.is_relative_to(COMMANDS) and is_command(function))
    }

    assert {name: count for name, count in taken.items() if count > MOST_PARAMETERS} == {}


def test_what_is_public_says_what_it_does() -> None:
    """What a contract says of a method holds for all that keep it, and a test's name is its sentence."""
    classes = {node.name: node for path in SOURCES for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)}
    said = {
        f"{place(path)} {'.'.join(inside)}": says_something(node, inside, classes)
        for path in SOURCES
        for inside, node in public(tree(path))
    }

    assert len(said) > 1000
    lacking = sorted(name for name, documented in said.items() if not documented)
    assert 1 - len(lacking) / len(said) > DOCUMENTED, lacking


def test_docstrings_name_a_thing_first() -> None:
    """It says "Status of a run" instead of "How a run is", so that a thing is found by its name."""
    riddles = {
        f"{place(path)}:{getattr(node, 'lineno', 1)}": text.partition("\n")[0]
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, Documented) and first_word(text := ast.get_docstring(node) or "") in QUESTION_WORDS
    }

    assert riddles == {}


def test_unit_tests_lie_in_the_folders_of_what_they_test() -> None:
    unit = ROOT / "tests/unit"
    folders = {path.parent.relative_to(unit) for path in unit.rglob("test_*.py")}

    assert [str(one) for one in folders if not (PACKAGE / one).is_dir() and one != Path("chaos")] == []


def test_banned_calls_are_not_made() -> None:
    found = [
        f"{place(path)}:{line} {name}: use {BANNED[name]}"
        for path in SOURCES
        for line, name in used_names(tree(path))
        if name in BANNED
    ]

    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio\nasyncio.wait_for(x, 1)",
        "from asyncio import wait_for",
        "import pickle",
        "from pickle import loads",
        "import time as clock\nclock.time()",
    ],
)
def test_a_banned_call_is_seen_however_it_is_spelt(source: str) -> None:
    assert [name for _, name in used_names(ast.parse(source)) if name in BANNED]


def test_all_public_names_load_nothing_heavy() -> None:
    assert HEAVY.intersection(name.partition(".")[0] for name in loaded_by("from paigeant import *")) == set()


def test_a_declaration_loads_no_engine() -> None:
    """A module of activities is imported by tests, by checks and by programs that only dispatch."""
    loaded = loaded_by("from paigeant import Secret, Step, Workflow, activity")

    assert UNDECLARED.intersection(loaded) == set()


@pytest.mark.parametrize("path", ON_DEMAND, ids=lambda path: path.parent.name)
def test_what_is_loaded_on_demand_is_what_the_type_checker_reads(path: Path) -> None:
    [branch] = [node for node in tree(path).body if isinstance(node, ast.If)]
    read = {node.module: [one.name for one in node.names] for node in branch.body if isinstance(node, ast.ImportFrom)}
    [homes] = [node for node in ast.walk(branch) if isinstance(node, ast.Dict)]

    assert {module: names.split() for module, names in ast.literal_eval(homes).items()} == read


def test_pins_hold_neither_address_nor_option() -> None:
    pins = sorted((ROOT / "requirements").glob("*.txt"))
    lines = [line for path in pins for line in path.read_text("utf-8").splitlines()]

    assert lines
    assert [line for line in lines if "://" in line or line.startswith(("-", "/"))] == []


def test_no_lock_file_is_tracked() -> None:
    """It would hold download addresses; the pins with their hashes are in requirements/."""
    git = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = git.stdout.splitlines() or [path.name for path in ROOT.iterdir()]  # unpacked from an archive, without git

    assert "pyproject.toml" in names
    assert [name for name in names if Path(name).name == "uv.lock"] == []


DECISIONS: Final = frozenset({"Faulted", "Retrying", "Parked", "Left", "Held", "RunEnd", "Transition"})
"""What only ``routing`` makes: how a step, a hop or a run ends."""


def test_the_engine_decides_nothing():
    made = [
        f"{place(path)}:{node.lineno}: {node.func.id}"
        for path in sorted((ROOT / "src/paigeant/engine").rglob("*.py"))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DECISIONS
    ]

    assert made == []


def loaded_by(code: str) -> set[str]:
    """The modules that a program has loaded after this code."""
    python = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=False
    )
    assert python.returncode == 0, python.stderr
    return set(python.stdout.split())


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def first_word(text: str) -> str:
    return "".join(text.split(maxsplit=1)[:1])


def code_lines(function: Function) -> int:
    """The lines from `def` to the end, without the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def parameters(function: Function) -> int:
    """How many a call has to say, without the object itself."""
    args = function.args
    named = [one.arg for one in [*args.posonlyargs, *args.args]]
    more = len(args.kwonlyargs) + (args.vararg is not None) + (args.kwarg is not None)
    return len(named) - (named[:1] in (["self"], ["cls"])) + more


def is_command(function: Function) -> bool:
    """Whether it is a command of typer's."""
    called = [decorator.func for decorator in function.decorator_list if isinstance(decorator, ast.Call)]
    return any(isinstance(one, ast.Attribute) and one.attr in {"command", "callback"} for one in called)


def public(module: ast.Module) -> Iterator[tuple[tuple[str, ...], Documented]]:
    """Each public module, class, function and method, under the names of what it is in; no test, and no attribute."""
    yield (), module
    left: list[tuple[tuple[str, ...], ast.ClassDef | ast.Module]] = [((), module)]
    for inside, parent in left:
        for node in parent.body:
            if isinstance(node, Documented) and not node.name.startswith(("_", "test_")) and not is_attribute(node):
                yield (*inside, node.name), node
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                left.append(((*inside, node.name), node))


def is_attribute(node: ast.AST) -> bool:
    """Whether it is a property of a protocol, of which the class says what it is."""
    return isinstance(node, ast.FunctionDef) and node.end_lineno == node.lineno and bool(node.decorator_list)


def says_something(node: Documented, inside: tuple[str, ...], classes: Mapping[str, ast.ClassDef]) -> bool:
    """Whether it has a docstring, or one of the classes that it is a method of is said what it does."""
    if ast.get_docstring(node) is not None:
        return True
    above = [classes[inside[-2]]] if len(inside) > 1 and isinstance(node, Function) else []
    for one in above:
        above += [classes[name] for name in map(base_name, one.bases) if name in classes and classes[name] not in above]
    methods = [method for one in above for method in one.body if isinstance(method, Function)]
    return any(method.name in inside[-1:] and ast.get_docstring(method) for method in methods)


def base_name(base: ast.expr) -> str:
    """The name of a base class, whatever it is made generic by or imported from."""
    base = base.value if isinstance(base, ast.Subscript) else base
    return base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")


def used_names(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Each imported or dotted name of a module, under its real name, with its line."""
    real: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                real[alias.asname or alias.name] = alias.name
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.lineno, f"{real.get(node.value.id, node.value.id)}.{node.attr}"
