"""A module loaded again, or a notebook's cell run again, replaces what it declared; a stranger does not."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from paigeant import ActivityRegistry, Paigeant
from paigeant.activities.registry import activity
from paigeant.config import Settings
from paigeant.errors import RegistrationError

SHOP = """
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant import ActivityRegistry, Workflow
import the_registry_of_test_reloading as kept

@kept.registry.execute
def charge(amount: int) -> int:
    return amount * {factor}

@kept.registry.compensate("charge")
def refund(output: int) -> None: ...

kept.registry.agent(Agent(TestModel(), name="writer"), prompt="{{charge}}")
flow = Workflow("flow", ["charge", "writer"], activities=kept.registry)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "the_registry_of_test_reloading.py").write_text(
        "from paigeant import ActivityRegistry\nregistry = ActivityRegistry()\n"
    )
    return tmp_path


def test_a_module_that_is_loaded_anew_replaces_what_it_declared(folder: Path):
    file = folder / "shop_of_test_reloading.py"
    file.write_text(SHOP.format(factor=2))
    shop = importlib.import_module(file.stem)
    registry = sys.modules["the_registry_of_test_reloading"].registry

    file.write_text(SHOP.format(factor=3))
    importlib.reload(shop)

    assert registry["charge"].execute.function(2) == 6
    assert registry["charge"].compensate.function is shop.refund
    assert list(Paigeant(shop, settings=Settings(store="memory://")).workflows) == ["flow"]


def test_a_cell_that_is_run_again_replaces_what_it_declared():
    registry = ActivityRegistry()
    cell = "@registry.execute\ndef greet(name: str) -> str:\n    return {text!r}\n"
    names = {"registry": registry, "__name__": "__main__"}

    for text in ("a", "b"):
        exec(compile(cell.format(text=text), f"<cell {text}>", "exec"), names)

    assert registry["greet"].execute.function("x") == "b"


def test_another_function_under_the_name_is_an_error():
    registry = ActivityRegistry()
    registry.execute("greet")(importlib.reload)

    with pytest.raises(RegistrationError, match="'greet' is already registered"):
        registry.execute("greet")(importlib.import_module)
    assert "greet" not in activity
