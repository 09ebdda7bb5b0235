"""Adoption of unsigned runs: somebody vouches for their present state, and for that of their child runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from paigeant.engine.custody.plans import with_its_plan
from paigeant.engine.runtime import Runtime
from paigeant.errors import Unavailable, WrongState
from paigeant.model.custody.adoption import Adoption, Vouched
from paigeant.model.people.deeds import Deed, DeedVerb
from paigeant.model.stored.run_filter import RunFilter
from paigeant.protocol.people.adoption import require_open

Attest = Callable[[UUID], Awaitable[Deed]]


async def adopt_tree(
    runtime: Runtime, workflow_id: UUID, attest: Attest | None = None, *, leased: bool = False
) -> list[UUID]:
    """Adopt a run, and all its child runs; returns those that were not signed before.

    Children come first: once a parent is signed, it reads the signed records of its children. ``attest`` returns the
    deed of the person. ``leased``: hops may be leased, to workers that sign. Raises WrongState for a run that has ended
    or is changed meanwhile, or Unavailable instead if ``leased``, so that it is tried again; UnknownRun,
    MessageRejected for an unreadable message or plan, and the errors of :meth:`~paigeant.abc.Codec.adopt`.
    """
    found = [workflow_id]
    for each in found:
        found += await _children(runtime, each)
    try:
        return [each for each in reversed(found) if await _adopt(runtime, each, attest, leased=leased)]
    except WrongState as error:
        if leased:
            raise Unavailable(str(error)) from error
        raise


async def _children(runtime: Runtime, workflow_id: UUID) -> list[UUID]:
    found, after = list[UUID](), None
    while True:
        page = await runtime.store.list_runs(RunFilter(parent=workflow_id), after=after)
        found += [run.workflow_id for run in page.runs]
        after = page.next
        if after is None:
            return found


async def _adopt(runtime: Runtime, workflow_id: UUID, attest: Attest | None, *, leased: bool) -> bool:
    evidence = await runtime.store.load_evidence(workflow_id)
    if evidence.records:
        return False
    require_open(evidence)
    messages = {
        hop.key: await with_its_plan(runtime, runtime.codec.open(hop.body).message)
        for hop in evidence.hops
        if hop.body is not None
    }
    await runtime.codec.prepare(runtime.store.record_keys, DeedVerb.ADOPT.value)
    record = runtime.codec.adopt(Vouched(evidence, messages, runtime.owner))
    deed = None if attest is None else await attest(workflow_id)
    return await runtime.store.adopt(Adoption(evidence, record, leased), deed=deed)
