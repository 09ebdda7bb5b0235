"""Waits that a signal has ended: the signal's payload is verified, and signed with the hop."""

from __future__ import annotations

from dataclasses import replace

from paigeant.engine.grants import with_deeds
from paigeant.engine.runtime import Runtime
from paigeant.model.hold import WaitState
from paigeant.model.hops import Leased
from paigeant.model.outcomes import Outcome, Passed
from paigeant.model.values.values import Value


async def with_signal(runtime: Runtime, leased: Leased, outcome: Outcome[Value]) -> Outcome[Value]:
    """Return the outcome of a wait; where hops are signed, with the variable that its signal has set.

    Otherwise anyone who can write to the store could end the wait, or remove the variable. Raises TamperedMessage and
    Unavailable.
    """
    grant, name = leased.grant, leased.message.label
    if not isinstance(outcome, Passed) or grant.wait is not WaitState.MET or leased.head is None:
        return outcome
    run, path, _ = grant.key
    value = (await runtime.store.load_variables(run, [name], path=path)).get(name)
    await with_deeds(runtime, leased, lambda: runtime.codec.judge_signal(leased, name, value))
    return outcome if value is None else replace(outcome, variables={**outcome.variables, name: value})
