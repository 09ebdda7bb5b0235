"""Adoption: a person vouches for runs that began unsigned, so that they can go on where hops are signed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel

from paigeant.app.operating.bulk import Refused
from paigeant.app.operating.deeds import attest
from paigeant.engine.custody.adoption import adopt_tree
from paigeant.engine.runtime import Runtime
from paigeant.errors import ConfigError, InvalidInput, PaigeantError, Unavailable
from paigeant.model.people.deeds import Deed, DeedVerb
from paigeant.model.runs import OPEN
from paigeant.model.stored.run_filter import RunFilter


class Adopted(BaseModel, frozen=True):
    """Ids of the adopted runs, including child runs, and the refused ones."""

    adopted: tuple[UUID, ...] = ()
    refused: tuple[Refused, ...] = ()


_NONE: Final = Adopted()


async def adopt_run(runtime: Runtime, workflow_id: UUID) -> list[UUID]:
    """Vouch for the present state of a run, and of its child runs; returns those that were not signed before.

    From then on each hop is verified back to this. Raises UnknownRun, WrongState for a run that has ended or one of
    whose steps is being executed, InvalidInput for one that is too large, MessageRejected for one with an unreadable
    message or plan, and ConfigError where nothing is signed, or without a key that may ``adopt``.
    """

    async def done(run: UUID) -> Deed:
        return await attest(runtime, DeedVerb.ADOPT, run, {})

    return await adopt_tree(runtime, workflow_id, done)


async def adopt_all(runtime: Runtime, before: datetime | None = None) -> Adopted:
    """Vouch for all open runs, or those recorded ``before`` a time; a refused run does not affect the others.

    Raises InvalidInput for a time without an offset, and ConfigError as :func:`adopt_run`.
    """
    if before is not None and before.tzinfo is None:
        raise InvalidInput(f"before has no offset: write {before.isoformat()}+00:00 if it is UTC")
    asked, after = RunFilter(status=tuple(sorted(OPEN)), created_before=before), None
    done = Adopted()
    while True:
        page = await runtime.store.list_runs(asked, after=after)
        done = await adopt_each(runtime, [run.workflow_id for run in page.runs], done)
        after = page.next
        if after is None:
            return done


async def adopt_each(runtime: Runtime, runs: Iterable[UUID], done: Adopted = _NONE) -> Adopted:
    """Vouch for each of these runs and add them to ``done``; a refused run does not affect the others.

    Raises ConfigError as :func:`adopt_run`, and Unavailable.
    """
    adopted, refused = list(done.adopted), list(done.refused)
    for run in runs:
        try:
            adopted += await adopt_run(runtime, run)
        except (ConfigError, Unavailable):
            raise
        except PaigeantError as error:
            refused.append(Refused(workflow_id=run, why=str(error)))
    return Adopted(adopted=tuple(adopted), refused=tuple(refused))
