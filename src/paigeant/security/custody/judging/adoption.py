"""Adoption: its record vouches for each hop as if the hop had been signed in that state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from paigeant.errors import TamperedMessage
from paigeant.model.custody.records import RecordKind
from paigeant.model.fan.joins import parent_of
from paigeant.security.custody.chain import Chain, Link
from paigeant.security.custody.deeds import DoneDeed
from paigeant.security.custody.records import RecordText, read_time


def learn_adoption(chain: Chain, digest: str, link: Link) -> None:
    """Add the vouched facts of a verified record: hops, variables and deeds; raises TamperedMessage."""
    said = link.text.fields
    for deed, at in [(each, read_time(each["at"])) for each in said["deeds"]]:
        chain.deeds.vouch(deed["id"], DoneDeed(deed["verb"], deed["by"], deed["via"], deed["args"], at, link.iss, None))
    learn_hops(chain, digest, link)


def check_inheritance(before: Link | None, text: RecordText) -> None:
    """Raise TamperedMessage unless a dispatch follows nothing, or the record of what its run has of a source."""
    if before is not None and (before.text.kind, before.text.place) != (RecordKind.INHERIT, text.place):
        raise TamperedMessage("dispatch, prev: it follows a record that no dispatch follows")


def learn_hops(chain: Chain, digest: str, link: Link) -> None:
    """Add the hops and variables that a verified record vouches for, each as if it had a record of its own."""
    said = link.text.fields
    for hop in said["hops"]:
        chain.adopt(_hop(digest, link, hop), is_open=hop["open"])
    for one in said["set"]:
        chain.see(one["name"], (one["path"], one["n"]), one["digest"])


def _hop(digest: str, link: Link, hop: Mapping[str, Any]) -> Link:
    """Return an adopted hop in the form of a record, as if it had been left at the adoption."""
    said = link.text.fields
    path, position = hop["path"], hop["n"]
    fields: dict[str, Any] = {
        "wf": said["wf"],
        "prev": digest,
        "by": said["by"],
        "at": said["at"],
        "next": [],
        "vars": {},
        "run": None,
        "heads": None,
        "rev": None,
        "digest": f"{digest} {path}:{position}",
        **hop,
    }
    node = None if hop["node"] is None else (parent_of(path), hop["node"])
    return Link(RecordText(RecordKind.ADOPT, fields), link.iss, hop["plan"], link.at, node=node)


def variables_of(link: Link) -> Iterator[tuple[tuple[str, int], str, str]]:
    """Yield the variables that a record sets: the place, the name, and the digest of the value."""
    said = link.text.fields
    if "set" in said:
        yield from (((one["path"], one["n"]), one["name"], one["digest"]) for one in said["set"])
    for name, digest in said.get("vars", {}).items():
        yield (said["path"], said["n"]), name, digest
