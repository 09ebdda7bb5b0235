"""Contract of the signer directory: the public keys that are known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paigeant.model.custody.keys import PublishedKey


class SignerDirectory:
    """Knows public keys by their ids, and reports unknown ones. By default no key is needed."""

    def strangers(self, signatures: Iterable[bytes]) -> Sequence[str]:
        """Return the ids of unknown keys in these signatures, except those returned a moment ago."""
        del signatures
        return ()

    def introduce(self, keys: Iterable[PublishedKey]) -> None:
        """Accept keys from now on, each only if it proves itself: the place where it was found is not trusted."""
        del keys
