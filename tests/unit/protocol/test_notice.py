"""A message that could not be leased is distinguished from a forged one by what the store has recorded."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from paigeant.model.stored.claims import NoticeStatus
from paigeant.protocol.notice import find_status, is_announced
from tests.unit.protocol.rows import NOW, Hop


@pytest.mark.parametrize(
    ("hop", "digest", "run_known", "status"),
    [
        (Hop(digest=b"x", due_at=NOW), b"x", True, NoticeStatus.DUE),
        (Hop(digest=b"x", due_at=NOW, owner="gone"), b"x", True, NoticeStatus.DUE),
        (Hop(digest=b"x", due_at=NOW, interruptions=2), b"x", True, NoticeStatus.PENDING),
        (Hop(digest=b"x", interruptions=2, hint_at=NOW + timedelta(seconds=3)), b"x", True, NoticeStatus.DUE),
        (Hop(digest=b"x", due_at=NOW + timedelta(seconds=1)), b"x", True, NoticeStatus.PENDING),
        (Hop(digest=b"x", due_at=None), b"x", True, NoticeStatus.PENDING),
        (Hop(digest=b"x", completed_at=NOW), b"x", True, NoticeStatus.PASSED),
        (Hop(digest=b"x", completed_at=NOW), b"y", True, NoticeStatus.ALTERED),
        (None, b"x", True, NoticeStatus.AHEAD),
        (None, b"x", False, NoticeStatus.UNKNOWN_RUN),
    ],
)
def test_a_notice_stands_as_its_hop_does(hop: Hop | None, digest: bytes, status: NoticeStatus, *, run_known: bool):
    assert find_status(hop, digest, NOW, run_known=run_known) is status


def test_what_is_announced_is_what_was_recorded_or_what_lies_there():
    hop = Hop(body=b"edited", digest=hashlib.sha256(b"as it was").digest())

    assert is_announced(hop, hashlib.sha256(b"as it was").digest())
    assert is_announced(hop, hashlib.sha256(b"edited").digest())
    assert not is_announced(hop, hashlib.sha256(b"forged").digest())
