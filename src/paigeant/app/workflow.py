"""A workflow as a user writes it, and the shortest way to run one."""

from __future__ import annotations

import asyncio

from paigeant.app.declaration import Declaration, In_contra, Out_co, activities_of
from paigeant.app.options import read_flag
from paigeant.app.paigeant import Paigeant
from paigeant.app.results import RunResult
from paigeant.errors import ConfigError, InvalidInput
from paigeant.model.checks.options import spelled
from paigeant.model.values.durations import Duration


@spelled(calls=InvalidInput)
class Workflow(Declaration[In_contra, Out_co]):
    """A named itinerary, declared once and dispatched many times: ``Workflow[Order, Receipt]``.

    Steps are names of registered activities, :class:`~paigeant.Step` for more than a name, or agents and functions: as
    they are registered, with their options, or else on the spot under their own names. ``activities`` is the registry
    that has the names, if it is not the global one. ``input`` and ``output`` are types: a dispatch checks what it is
    given against the one, a result's ``output`` is of the other. ``revision`` says what steps may change of the
    way ahead, ``budget``, one or several, what a run may spend on models, ``identity``, as ``{"crm": ["read"]}``, for
    which audiences steps may ask for tokens of the person for whom a run acts, ``secrets``, as ``{"card": "charge"}``,
    which fields of the input, variables and outputs lie sealed, and which steps read them. Raises RegistrationError for
    what is none of these.
    """

    async def run(
        self,
        payload: In_contra,
        *,
        dispatch_key: str | None = None,
        timeout: Duration | None = None,
        check: bool = True,
    ) -> RunResult[Out_co]:
        """Dispatch it, execute it in this process, and return how it ended; on the configured store, so crash-safe.

        With a ``dispatch_key`` a repeated call gives the same run, and continues it if it was broken off. Raises
        :class:`~paigeant.errors.RunFailed` if the run did not complete, unless ``check`` is false, and
        :class:`~paigeant.errors.ResultTimeout` after ``timeout``.
        """
        read_flag("check", check, "run")
        async with Paigeant(workflows=[self]) as app:
            run = await app.dispatch(self, payload, dispatch_key=dispatch_key)
            whole = await app.catalog.find_whole(self, app.store)
            async with app.worker(activities=activities_of(whole, app.registry)):
                result = await run.result(timeout)
        return result.checked() if check else result

    def run_sync(
        self,
        payload: In_contra,
        *,
        dispatch_key: str | None = None,
        timeout: Duration | None = None,
        check: bool = True,
    ) -> RunResult[Out_co]:
        """As :meth:`run`, for a script: the one synchronous door."""
        if _in_a_loop():
            text = f"workflow {self.name!r}: run_sync() cannot be called in an event loop; await run() there instead"
            raise ConfigError(text)
        return asyncio.run(self.run(payload, dispatch_key=dispatch_key, timeout=timeout, check=check))


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
