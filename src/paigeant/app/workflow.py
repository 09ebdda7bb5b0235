"""Workflow as a user declares it, and the shortest way to run one."""

from __future__ import annotations

import asyncio

from paigeant.app.declaration import Declaration, In_contra, Out_co, activities_of
from paigeant.app.results import RunResult
from paigeant.errors import ConfigError, InvalidInput
from paigeant.model.checks.options import spelled
from paigeant.model.values.durations import Duration


@spelled(calls=InvalidInput)
class Workflow(Declaration[In_contra, Out_co]):
    """A named itinerary, declared once and dispatched many times: ``Workflow[Order, Receipt]``.

    Steps are names of registered activities, :class:`~paigeant.Step` for more than a name, or agents and functions.
    Agents and functions are used as they are registered, with their options, or else registered in place under their
    own names. ``activities`` is the registry of the names, if it is not the global one. ``input`` and ``output`` are
    types: a dispatch validates its payload against ``input``, and the ``output`` of a result has the type ``output``.
    ``revision`` limits how steps may change the remaining itinerary. ``budget``, one or several, limits spending on
    models. ``identity``, such as ``{"crm": ["read"]}``, names the audiences for which steps may request tokens of the
    person on whose behalf a run acts. ``secrets``, such as ``{"card": "charge"}``, names the fields of the input,
    variables and outputs that are stored sealed, and the steps that read them. Raises RegistrationError for an invalid
    argument.
    """

    async def run(
        self,
        payload: In_contra,
        *,
        dispatch_key: str | None = None,
        timeout: Duration | None = None,
        check: bool = True,
    ) -> RunResult[Out_co]:
        """Dispatch it, execute it in this process, and return its result; on the configured store, so crash-safe.

        With a ``dispatch_key`` a repeated call returns the same run, and continues it if it was interrupted. Raises
        :class:`~paigeant.errors.RunFailed` if the run did not complete, unless ``check`` is false, and
        :class:`~paigeant.errors.ResultTimeout` after ``timeout``.
        """
        from paigeant.app.options import read_flag  # noqa: PLC0415  (these two load the engine: a declaration needs none)
        from paigeant.app.paigeant import Paigeant  # noqa: PLC0415

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
        """Run it as :meth:`run` in synchronous code, such as a script."""
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
