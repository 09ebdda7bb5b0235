"""The reference is complete: it names every public name and method, every setting, every command and every option."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer import Context
from typer.main import get_command

import paigeant
from paigeant import (
    ActivityWorker,
    AgentOptions,
    Budget,
    ForEach,
    Paigeant,
    PaigeantError,
    Parallel,
    RevisionPolicy,
    Run,
    Sleep,
    Step,
    SubWorkflow,
    Switch,
    Wait,
    Workflow,
    errors,
)
from paigeant.activities.declared.agents import AgentDeclaration
from paigeant.activities.declared.options import Options
from paigeant.app import Administration
from paigeant.app.calls.approvals import Approvals
from paigeant.app.calls.spending import Spending
from paigeant.app.declaration import Governed
from paigeant.app.operating.bulk import Matched
from paigeant.cli.program import app
from paigeant.cli.workers.top import Overview
from paigeant.config import PREFIX, Settings
from paigeant.model.people.approvals import Approval
from paigeant.model.runs import NodeView, RunView, StepView, WaitReason
from paigeant.model.spending.costs import CostRow, Costs
from paigeant.model.stored.access_tokens import StoredToken
from paigeant.model.stored.run_filter import RunFilter

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = {page.stem: page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md")}
NOT_SET = {"file", "origins"}  # where settings came from
INTERNAL = {"id", "plan", "terms", "claims", "interface", "governed"}  # what a dispatch adds


def words(text: str) -> set[str]:
    """Return all words, options with their dashes."""
    return set(re.findall(r"(?:--)?\w[\w-]*", text))


def commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield each command that is not hidden, with the long names of its options."""
    if hasattr(command, "list_commands"):
        context = Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), *path, name)
    elif not command.hidden:
        options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
        yield path, [name for each in options for name in each.opts if name.startswith("--") and name != "--help"]


def row(path: tuple[str, ...]) -> str:
    """Return the line of the command in the tables of the page."""
    wanted = f"`paigeant {' '.join(path)}"
    lines = [line for line in REFERENCE["command-line"].splitlines() if re.match(rf"\| {re.escape(wanted)}[ `]", line)]
    assert lines, f"docs/reference/command-line.md has no row that begins with {wanted}"
    return " ".join(lines)


def test_the_reference_has_every_public_name() -> None:
    missing = set(paigeant.__all__) - words(" ".join(REFERENCE.values()))

    assert not missing


def test_the_reference_has_every_error() -> None:
    raised = {name for name, each in vars(errors).items() if inspect.isclass(each) and issubclass(each, PaigeantError)}

    assert not raised - words(REFERENCE["application"])


@pytest.mark.parametrize("described", [Paigeant, Run, ActivityWorker, Administration, Approvals, Spending])
def test_the_reference_has_every_public_method(described: type) -> None:
    public = {name for name in vars(described) if not name.startswith("_")}

    assert not public - words(REFERENCE["application"])


def test_the_reference_has_every_setting() -> None:
    page = words(REFERENCE["settings"])

    assert not set(Settings.model_fields) - NOT_SET - page


def test_the_reference_names_no_setting_that_there_is_not() -> None:
    named = {each.removeprefix("`") for each in re.findall(r"^\| (`\w+)`", REFERENCE["settings"], re.MULTILINE)}

    assert not {each.removeprefix("`") for each in named if not each.startswith(PREFIX)} - set(Settings.model_fields)


COMMANDS = [pytest.param(*each, id=" ".join(each[0])) for each in commands(get_command(app))]


@pytest.mark.parametrize(("path", "options"), COMMANDS)
def test_the_reference_has_each_command_with_every_option(path: tuple[str, ...], options: list[str]) -> None:
    documented = words(row(path))

    missing = set(options) - documented - {"--last"}  # of every command that takes an id
    invented = {each for each in documented if each.startswith("--")} - set(options) - {"--last"}

    assert not missing
    assert not invented


@pytest.mark.parametrize(
    "described",
    [Workflow, Step, Switch, Parallel, ForEach, SubWorkflow, Sleep, Wait, RevisionPolicy, Budget, AgentOptions],
)
def test_the_reference_has_every_option_of_what_a_workflow_is_made_of(described: type) -> None:
    found = re.search(rf"^{described.__name__}\((.*?)\)$", REFERENCE["activities"], re.MULTILINE | re.DOTALL)
    assert found
    parameters = set(inspect.signature(described).parameters) - INTERNAL
    if described is Workflow:
        parameters |= set(Governed.__annotations__)

    assert {*re.findall(r"\*{0,2}(\w+)(?:=[^,]*)?(?:,\s*|$)", found[1])} == parameters


def test_the_reference_has_every_option_of_an_activity() -> None:
    assert not {*Options.__annotations__, *AgentDeclaration.__annotations__} - words(REFERENCE["activities"])


def written_commands() -> Iterator[tuple[str, str]]:
    """Yield the commands in blocks of code, and the page that each is in."""
    for page in [DOCS.parent / "README.md", *DOCS.rglob("*.md"), *(DOCS.parent / "examples").rglob("*.md")]:
        for block in re.findall(r"^```\w*\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            for command in re.findall(r"^(?:\$ )?(?:.*&& )?(paigeant [a-z].*)$", block, re.MULTILINE):
                yield page.name, command.partition(" #")[0]


def test_every_command_in_the_documents_is_one_that_there_is() -> None:
    options = dict(commands(get_command(app)))
    wrong = []
    for page, command in written_commands():
        first, *more = command.split()[1:]
        path = (first, more[0]) if more and (first, more[0]) in options else (first,)
        named = set(re.findall(r"(?<= )--[a-z-]+", command))
        if not named <= {*options.get(path, ()), "--last"} or (path not in options and path != ("workers",)):
            wrong.append((page, command))

    assert not wrong


@pytest.mark.parametrize(
    "printed", [RunView, StepView, NodeView, Approval, StoredToken, Costs, CostRow, Overview, Matched]
)
def test_the_reference_has_every_field_of_what_is_printed_as_json(printed: type[BaseModel]) -> None:
    shown = {name for name, field in printed.model_fields.items() if not field.exclude}

    assert not shown - words(REFERENCE["command-line"])


def test_the_reference_has_every_filter_of_runs() -> None:
    assert not set(RunFilter.model_fields) - words(REFERENCE["http-api"])


def test_the_guide_explains_every_reason_for_which_a_run_waits() -> None:
    guide = (DOCS / "howto/operate.md").read_text("utf-8")

    cells = " ".join(re.findall(r"^\| ([^|]*)", guide, re.MULTILINE))

    assert not {str(reason) for reason in WaitReason} - words(cells)
