"""Summaries of a verified chain for an audit: signers and deeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from paigeant.model.custody.records import BEGINNINGS
from paigeant.security.custody.chain import Chain


def hops_of(chain: Chain) -> tuple[dict[str, Any], ...]:
    """Return the signer of each hop, in order."""
    return tuple(_summaries(chain))


def _summaries(chain: Chain) -> Iterator[dict[str, Any]]:
    for link in chain.all:
        said = link.text.fields
        yield {
            "kind": link.text.kind.value,
            "path": said["path"],
            "position": said["n"],
            "step": said.get("step"),
            "direction": said.get("dir"),
            "status": said.get("status"),
            "signed_by": link.iss,
            "worker": said["by"],
            "at": said["at"],
            "revision": said.get("rev"),
        }


def deeds_of(chain: Chain) -> tuple[dict[str, Any], ...]:
    """Return the verified deeds of people."""
    return tuple(
        {
            "verb": each.verb,
            "by": each.by,
            "via": each.via,
            "at": each.at.isoformat(),
            "arguments": dict(each.arguments),
            "signed_by": each.iss,
        }
        for each in chain.deeds.all
    )


def keys_of(chain: Chain) -> tuple[str, ...]:
    """Return the issuers of all keys that signed a part of it."""
    return tuple(sorted({link.iss for link in chain.links.values()}))


def subject_of(chain: Chain) -> str | None:
    """Return the person on whose behalf the run acts, None without one, or if its dispatch is not known."""
    links = chain.links.values()
    return next((link.text.fields["sub"] for link in links if link.text.kind in BEGINNINGS), None)
