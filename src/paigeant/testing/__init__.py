"""For your tests and for plugins: an app in memory whose time can be moved on, and the suites that check a backend.

``StoreContract``, ``TransportContract`` and ``CodecContract`` are pytest classes to subclass; each says in its
docstring what to override. They need pytest-asyncio with ``asyncio_mode = "auto"``.
"""

import pytest

pytest.register_assert_rewrite(
    "paigeant.testing.codecs",
    "paigeant.testing.stores",
    "paigeant.testing.transports",
)

from paigeant.testing.app import Environment, app  # noqa: E402  (after the lines that make the suites' asserts speak)
from paigeant.testing.codecs import CodecContract  # noqa: E402
from paigeant.testing.crashes import CrashedRun  # noqa: E402
from paigeant.testing.stores import StoreContract  # noqa: E402
from paigeant.testing.transports import TransportContract  # noqa: E402
from paigeant.testing.waiting import eventually  # noqa: E402

__all__ = [
    "CodecContract",
    "CrashedRun",
    "Environment",
    "StoreContract",
    "TransportContract",
    "app",
    "eventually",
]
