"""Approvals: questions of steps to people; the ``approvals`` of a :class:`~paigeant.Paigeant`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from pydantic import JsonValue

from paigeant.abc import Store
from paigeant.app.inputs import variable_as_json
from paigeant.app.operating.deeds import actor, attest
from paigeant.app.options import read_count, read_names
from paigeant.engine.runtime import Runtime
from paigeant.engine.secrecy.operator import require_no_secret
from paigeant.errors import InvalidInput, WrongState
from paigeant.model.checks.options import spelled
from paigeant.model.people.approvals import Answer, Approval, ApprovalPage, ApprovalStatus, AskedKind
from paigeant.model.people.deeds import DeedVerb
from paigeant.model.spending.budgets import Cap
from paigeant.model.values.digests import digest_of
from paigeant.model.values.showing import shown


@spelled(InvalidInput)
class Approvals:
    """Lists the questions of steps, and answers them. Every method may raise Unavailable.

    Each question is answered once. ``by`` names the person who answers, by default the user of the operating system.
    """

    def __init__(self, runtime: Callable[[], Runtime]) -> None:
        """Use the store of what ``runtime`` returns; it raises ConfigError unless the application is open."""
        self._runtime = runtime

    def _store(self) -> Store:
        return self._runtime().store

    async def list(
        self,
        *,
        workflow: str | Sequence[str] | None = None,
        everything: bool = False,
        limit: int = 50,
        after: str | None = None,
    ) -> ApprovalPage:
        """Return a page of open questions, or of all (``everything``), oldest first.

        ``workflow`` selects the runs of one workflow, or of several; by default all. Raises InvalidInput.
        """
        names = [workflow] if isinstance(workflow, str) else read_names("workflow", workflow or (), "approvals")
        count = read_count("limit", limit, "approvals", 1000)
        return await self._store().list_approvals(workflows=names, everything=everything, limit=count, after=after)

    async def get(self, approval_id: int) -> Approval:
        """Return a question; raises UnknownApproval."""
        return await self._store().get_approval(approval_id)

    async def approve(self, approval_id: int, *, edit: Any = None, by: str | None = None) -> Approval:
        """Approve a call with the arguments shown, or with some of them edited; the others stay.

        The tool validates all arguments.

        A budget is raised by ``edit={"usd": 5}``, which replaces its cap.

        Raises UnknownApproval; WrongState for a question that is answered already or is not a call to approve;
        InvalidInput for arguments that are not an object.
        """
        asked = await self._require(approval_id, AskedKind.APPROVAL, AskedKind.BUDGET)
        if edit is not None and not isinstance(edit, Mapping):
            raise InvalidInput(
                f"edited arguments are an object by the names of the tool's parameters, not {shown(edit)}"
            )
        if asked.kind is AskedKind.BUDGET:
            _require_more(asked, edit)
        await self._require_open(asked, edit)
        stay = asked.arguments if isinstance(asked.arguments, dict) else {}
        value = None if edit is None else _as_answer({**stay, **cast("Mapping[str, Any]", edit)})
        return await self._answer(approval_id, ApprovalStatus.APPROVED, value, by)

    async def deny(self, approval_id: int, *, reason: str | None = None, by: str | None = None) -> Approval:
        """Deny a call; the model, or the step's fault, receives the ``reason``. Raises as :meth:`approve`."""
        if not isinstance(cast("Any", reason), str | None):
            raise InvalidInput(f"the reason is {shown(reason)}; it should be a text")
        value = None if reason is None else _as_answer(reason)
        return await self._answer(approval_id, ApprovalStatus.DENIED, value, by)

    async def answer(self, approval_id: int, value: Any, *, by: str | None = None) -> Approval:
        """Answer a question, or report the result of a call that was made elsewhere or was interrupted.

        Raises UnknownApproval, WrongState for a question that is answered already or is a call to approve, and
        InvalidInput for a value that is not JSON.
        """
        asked = await self._require(approval_id, AskedKind.EXTERNAL, AskedKind.QUESTION, AskedKind.UNKNOWN)
        await self._require_open(asked, value)
        return await self._answer(approval_id, ApprovalStatus.ANSWERED, _as_answer(value), by)

    async def _require(self, approval_id: int, *kinds: AskedKind) -> Approval:
        asked = await self.get(approval_id)
        if asked.kind not in kinds:
            how = "approve or deny" if asked.kind in {AskedKind.APPROVAL, AskedKind.BUDGET} else "answer or deny"
            raise WrongState(f"approval {approval_id} is of the kind {asked.kind}: {how} it")
        return asked

    async def _require_open(self, asked: Approval, value: Any) -> None:
        """Raise InvalidInput for an answer with a field that is a secret: a model is shown it."""
        names = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else ()
        await require_no_secret(self._runtime(), asked.workflow_id, names)

    async def _answer(self, approval_id: int, status: ApprovalStatus, value: str | None, by: str | None) -> Approval:
        by, said = actor().by if by is None else by, None if value is None else digest_of(value.encode())
        asked = await self.get(approval_id)
        about: dict[str, JsonValue] = {"approval": approval_id, "status": status.value, "value": said}
        about |= {"question": asked.key, "path": asked.path, "position": asked.position, "shown": asked.shown}
        deed = await attest(self._runtime(), DeedVerb.APPROVAL, asked.workflow_id, about, by=by)
        return await self._store().answer_approval(approval_id, Answer(status, by, value, deed))


def _as_answer(value: Any) -> str:
    """Return an answer as JSON text; raises InvalidInput for a value that is not JSON, or too large."""
    return variable_as_json("answer", value).decode()


def _require_more(asked: Approval, edit: Any) -> None:
    """Raise InvalidInput unless a new cap is given that is higher than the exhausted one."""
    cap, before = Cap.read(edit), Cap.read(asked.arguments)
    if cap == Cap() or set(cast("Mapping[str, Any]", edit)) - {"usd", "tokens"}:
        text = "a budget is approved with its new cap, as edit={'usd': 5}, on the command line --edit '{\"usd\": 5}'"
        raise InvalidInput(text if edit is None else f"{text}; not with {shown(edit)}")
    if before.raised(cap) == before:
        raise InvalidInput(f"the budget is {before.text} already: a new cap is more than that, not {shown(edit)}")
