"""A user's code is found where uvicorn or Celery would find it; what is not found is one error that says what to do."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paigeant import Paigeant, activity
from paigeant.app import Handlers, load_handlers
from paigeant.config import Settings
from paigeant.errors import HandlersError, PaigeantError

TOOLS = "def polite(name: str) -> str:\n    return f'Dear {name}'\n"
CODE = """
from paigeant import ActivityRegistry, Workflow
{imports}

own, other = ActivityRegistry(), ActivityRegistry()


@own.execute()
def greet(name: str) -> str:
    return polite(name)


@other.execute()
def wave() -> None: ...


one = Workflow("one", ["greet"])
flows = [Workflow("two", ["greet", "wave"]), (Workflow("three", ["wave"]),)]
by_name = {{"four": Workflow("four", ["greet"])}}
"""


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def own_registry() -> Iterator[None]:
    """Leave nothing in the registry that all share."""
    known = {name: dict(vars(activity)[name]) for name in ("_activities", "_compensations", "_interfaces")}
    for name in known:
        vars(activity)[name].clear()
    yield
    for name, held in known.items():
        vars(activity)[name].clear()
        vars(activity)[name].update(held)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, content: str = "") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    return write


RELATIVE, ABSOLUTE, BESIDE = "from .tools import polite", "from shop.tools import polite", "from tools import polite"


@pytest.mark.parametrize(
    ("named", "imports", "package"),
    [
        ("shop/handlers.py", RELATIVE, True),
        ("shop/handlers.py", RELATIVE, False),
        ("./shop/handlers.py", ABSOLUTE, True),
        ("shop/handlers.py", ABSOLUTE, False),
        ("shop/handlers.py", BESIDE, False),
        ("shop.handlers", RELATIVE, True),
        ("shop.handlers", RELATIVE, False),
        ("shop.handlers", ABSOLUTE, True),
    ],
)
def test_a_file_or_a_module_is_imported_as_python_would(
    write: Callable[..., Path], named: str, imports: str, *, package: bool
):
    write("shop/handlers.py", CODE.format(imports=imports))
    write("shop/tools.py", TOOLS)
    if package:
        write("shop/__init__.py")

    handlers = load_handlers(named)

    assert sorted(handlers.registry) == ["greet", "wave"]
    assert [workflow.name for workflow in handlers.workflows] == ["one", "two", "three", "four"]
    assert load_handlers(named).workflows == handlers.workflows  # it is imported once


def test_a_package_within_packages_imports_from_those_above_it(write: Callable[..., Path]):
    write("shop/__init__.py")
    write("shop/tools.py", TOOLS)
    write("shop/flows/handlers.py", CODE.format(imports="from ..tools import polite"))

    assert len(load_handlers("shop/flows/handlers.py").workflows) == 4
    assert "shop.flows.handlers" in sys.modules


@pytest.mark.parametrize("named", ["shop.handlers", "shop/handlers.py", "src/shop/handlers.py"])
def test_code_that_lies_elsewhere_is_found_from_the_folder_that_is_named(write: Callable[..., Path], named: str):
    write("src/shop/__init__.py")
    write("src/shop/tools.py", TOOLS)
    write("src/shop/handlers.py", CODE.format(imports=ABSOLUTE))

    assert len(load_handlers(named, app_dir=Path("src")).workflows) == 4


def test_an_absolute_path_needs_no_folder(write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write("shop/handlers.py", CODE.format(imports=BESIDE))
    write("shop/tools.py", TOOLS)
    write("elsewhere/x", "")
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert len(load_handlers(path).workflows) == 4


@pytest.mark.parametrize("named", ["shop.handlers:", "shop/handlers.py:"])
@pytest.mark.parametrize(
    ("attribute", "activities", "workflows"),
    [
        ("own", {"greet"}, {"one", "four"}),
        ("other", {"wave"}, {"three"}),
        ("one", set(), {"one"}),
        ("flows", set(), {"two", "three"}),
        ("by_name", set(), {"four"}),
    ],
)
def test_a_part_of_a_module_is_named_behind_a_colon(
    write: Callable[..., Path], named: str, attribute: str, activities: set[str], workflows: set[str]
):
    write("shop/handlers.py", CODE.format(imports=RELATIVE))
    write("shop/tools.py", TOOLS)

    handlers = load_handlers(named + attribute)

    assert (set(handlers.registry), {each.name for each in handlers.workflows}) == (activities, workflows)


def test_what_was_loaded_is_what_an_application_serves(write: Callable[..., Path]):
    write("shop/handlers.py", CODE.format(imports=RELATIVE))
    write("shop/tools.py", TOOLS)

    app = Paigeant(load_handlers("shop.handlers"), settings=Settings(store="memory://"))

    assert (sorted(app.registry), sorted(app.workflows)) == (["greet", "wave"], ["four", "one", "three", "two"])


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("shop/handler.py", "shop/handler.py: no such file; did you mean shop/handlers.py?"),
        ("shop/handlers", "shop/handlers: no such file; did you mean shop/handlers.py?"),
        ("nowhere.py", "nowhere.py: no such file; `paigeant init` makes one"),
        ("shop", "shop: is a folder; name the Python file in it, as shop/broken.py"),
        ("shop.handler", "no module 'shop.handler' in {here}, nor installed; did you mean shop.handlers?"),
        ("shpo.handlers", "no module 'shpo.handlers' in {here}, nor installed; did you mean shop.handlers?"),
        ("nothing.at.all", "no module 'nothing.at.all' in {here}, nor installed; --app-dir names another folder"),
        ("shop.handlers.own", "no module 'shop.handlers.own' in {here}"),
        ("shop-handlers", "neither a file nor a module; name one, as handlers.py, shop/handlers.py or shop.handlers"),
        ("shop.handlers:owm", "shop.handlers:owm: shop.handlers has no 'owm'; did you mean 'own'?"),
        ("shop.handlers:polite", "it should be a registry, a Workflow, or a list or dict of them"),
        ("shop.handlers:", "what follows the colon is no name; write it as shop.handlers:registry"),
        (
            "shop.broken",
            "shop/broken.py:2: ModuleNotFoundError at import: No module named 'tols'; is it installed in the",
        ),
        ("shop/broken.py", "looked for in {here}"),
        ("shop/lost.py", "shop/lost.py:1: ImportError at import: attempted relative import beyond"),
        ("email.py", "email.py: a module named 'email' exists already; give the file another name"),
        (
            "json/handlers.py",
            "json/handlers.py: a module named 'json' exists already; give the folder json another name",
        ),
        ("notes.txt", "notes.txt: no Python file; its name should end in .py"),
    ],
)
def test_what_cannot_be_found_is_said_with_what_to_do(
    write: Callable[..., Path], tmp_path: Path, named: str, said: str
):
    write("shop/handlers.py", CODE.format(imports=RELATIVE))
    write("shop/tools.py", TOOLS)
    write("shop/broken.py", "\nimport tols\n")
    write("shop/lost.py", "from ........ import x\n")
    for name in ("email.py", "json/__init__.py", "json/handlers.py", "notes.txt"):
        write(name)

    with pytest.raises(HandlersError) as raised:
        load_handlers(named)

    assert said.format(here=tmp_path) in str(raised.value)
    assert named.partition(":")[0].replace(".", "/").removesuffix("/py")[:6] in str(raised.value).replace(".", "/")


WRONG: dict[str, tuple[str, str]] = {
    "a syntax error": ("x = 1\ndef f(:\n", "handlers.py:2: syntax error: "),
    "an exception at import": ("import os\n\nboom = {}['key']\n", "handlers.py:3: KeyError at import: 'key'"),
    "an exit at import": ("import sys\nsys.exit(3)\n", "handlers.py:2: SystemExit at import: 3"),
    "a missing module": (
        "import not_there\n",
        "handlers.py:1: ModuleNotFoundError at import: No module named 'not_there'",
    ),
    "no activities": ("x = 1\n", "handlers.py: no activities, nothing to serve; decorate a function"),
    "an unused registry": ("from paigeant import activity\n", "handlers.py: no activities, nothing to serve"),
    "a name taken twice": (
        "from paigeant import activity\n@activity.execute('a')\ndef f(): ...\n@activity.execute('a')\ndef g(): ...\n",
        "already registered",
    ),
    "a compensation without its activity": (
        "from paigeant import activity\n@activity.execute()\ndef a(): ...\n@activity.compensate('b')\ndef f(): ...\n",
        "compensation for 'b'",
    ),
    "nothing at all": ("", "handlers.py: no activities"),
}


@pytest.mark.parametrize("case", WRONG)
def test_handlers_that_are_wrong_are_one_error(write: Callable[..., Path], own_registry: None, case: str):
    content, said = WRONG[case]
    write("handlers.py", content)

    with pytest.raises(PaigeantError, match=re.escape(said)):
        Paigeant(served("handlers.py"), settings=Settings(store="memory://"))


def served(named: str) -> Handlers:
    handlers = load_handlers(named)
    handlers.require_activities()
    return handlers


def test_an_error_in_a_module_that_the_handlers_import_names_that_module(write: Callable[..., Path]):
    write("shop_of_errors.py", "price = 1 / 0\n")
    write("handlers.py", "import shop_of_errors\n")

    with pytest.raises(HandlersError) as raised:
        load_handlers("handlers.py")

    assert str(raised.value) == (
        "shop_of_errors.py:1: ZeroDivisionError at import: division by zero\n    price = 1 / 0"
    )


def test_a_file_named_like_a_module_is_refused(write: Callable[..., Path]):
    write("wave.py", "x = 1\n")

    with pytest.raises(HandlersError, match="a module named 'wave' exists already; give the file another name"):
        load_handlers("wave.py")
