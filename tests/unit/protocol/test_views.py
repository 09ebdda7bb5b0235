"""Where an open run stands follows from its open hops, whatever there are."""

from __future__ import annotations

from typing import Any

import pytest

from paigeant.model.runs import RunStatus
from paigeant.protocol import views
from tests.unit.protocol.rows import NOW


@pytest.mark.parametrize(("started", "status"), [(None, RunStatus.PENDING), (NOW, RunStatus.RUNNING)])
def test_a_run_without_open_hops_waits_for_nothing(started: Any, status: RunStatus):
    assert views.open_status([], started) is status
    assert views.open_reason([]) is None
    assert views.open_until([]) is None
