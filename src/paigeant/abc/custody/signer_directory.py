"""The contract of the directory of signers: whose keys are known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paigeant.model.custody.keys import PublishedKey


class SignerDirectory:
    """Knows keys by their ids, and finds out which it would have to know. By default it wants to know none."""

    def strangers(self, signatures: Iterable[bytes]) -> Sequence[str]:
        """Return the ids of keys that have signed this and are not known, but for those returned a moment ago."""
        del signatures
        return ()

    def introduce(self, keys: Iterable[PublishedKey]) -> None:
        """Know keys from now on, as far as they prove themselves: where they were found is not believed."""
        del keys
