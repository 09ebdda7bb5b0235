"""Contract suites of backends: ``StoreContract``, ``TransportContract`` and ``CodecContract``, for your pytest.

They are pytest classes to subclass; each docstring says what to override. They need pytest-asyncio with
``asyncio_mode = "auto"``, and the packages of the extra ``testing``.
"""

# ruff: noqa: E402 -- imported after the lines that enable pytest's assertion rewriting

try:
    import hypothesis
    import pytest
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        f"the suites for backends need {_error.name}: pip install 'paigeant[testing]' pytest-asyncio", name=_error.name
    ) from _error

del hypothesis
pytest.register_assert_rewrite(
    "paigeant.testing.codecs",
    "paigeant.testing.stores",
    "paigeant.testing.transports",
)

from paigeant.testing.codecs import CodecContract
from paigeant.testing.stores import StoreContract
from paigeant.testing.transports import TransportContract

__all__ = ["CodecContract", "StoreContract", "TransportContract"]
