"""Audit of a run: each record is verified back to the dispatch, and all stored data is compared with the records.

It is pure: it reads nothing, and needs only the evidence and keys. It cannot detect missing data without a later
record: the cut-off end of a run, a run that was reset to an earlier state, or a deleted run.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from paigeant.errors import MessageRejected, TamperedMessage
from paigeant.model.custody.evidence import Evidence
from paigeant.model.custody.records import RecordKind, StoredRecord
from paigeant.model.entries.entry import FLOW
from paigeant.model.message import HopKey
from paigeant.model.people.deeds import StoredDeed
from paigeant.model.runs import CancelRequest, RunStatus, StepStatus
from paigeant.security.custody.chain import Chain, Link
from paigeant.security.custody.evidence.columns import HopColumns, RunColumns, columns_of, digest_in
from paigeant.security.custody.evidence.notes import find_unsigned_notes
from paigeant.security.custody.evidence.plans import find_lost_plans, judge_plans
from paigeant.security.custody.evidence.verdict import BROKEN, INTACT, UNSIGNED, Audit, BrokenLink
from paigeant.security.custody.judge import Judge
from paigeant.security.custody.judging.notes import said_of_notes
from paigeant.security.custody.judging.variables import find_unsigned
from paigeant.security.custody.records import RecordText, digest_of_revision, read_stored
from paigeant.security.custody.summaries import deeds_of, hops_of, keys_of, subject_of

_STATUSES: Final = frozenset(map(str, RunStatus))
_SAID: Final = re.compile(
    r"(?:position (\d+)(?: of (\S+))?|branch (\S+)|dispatch|adoption|inheritance), (\w+): (.*)", re.DOTALL
)


class _BrokenError(Exception):
    def __init__(self, link: BrokenLink) -> None:
        super().__init__(link.why)
        self.link = link


def audit(evidence: Evidence, judge: Judge) -> Audit:
    """Return the result of a run's audit, with the first broken link; never raises for its findings."""
    return audit_columns(columns_of(evidence), evidence.records, evidence.deeds, judge)


def audit_columns(run: RunColumns, records: Sequence[StoredRecord], deeds: Sequence[StoredDeed], judge: Judge) -> Audit:
    """Audit the columns of a run, its signed records, and the deeds to it, as :func:`audit`."""
    if not records:
        return Audit(run.workflow_id, UNSIGNED)
    chain = Chain()
    try:
        _verify_records(run, records, judge, chain)
        _verify_deeds(run, deeds, judge, chain)
        _check_run(run, chain)
        _check_wishes(run, chain)
        for hop in run.hops:
            _check_hop(hop, chain)
        _check_joins(chain)
        _check_messages(run, chain)
        _check_plans(run, chain)
        _check_variables(run, chain)
        _check_notes(run, chain)
    except _BrokenError as error:
        return Audit(run.workflow_id, BROKEN, hops_of(chain), keys_of(chain), error.link, *_people(chain))
    return Audit(run.workflow_id, INTACT, hops_of(chain), keys_of(chain), None, *_people(chain))


def _people(chain: Chain) -> tuple[tuple[dict[str, Any], ...], str | None]:
    """Return the deeds of people, and the subject of the run."""
    return deeds_of(chain), subject_of(chain)


def _verify_records(run: RunColumns, records: Iterable[StoredRecord], judge: Judge, chain: Chain) -> None:
    """Verify each record after the one that it follows, from the dispatch on."""
    behind: dict[str | None, list[StoredRecord]] = {}
    for each in records:
        behind.setdefault(_prev_of(each), []).append(each)
    ready = deque(behind.pop(None, ()))
    while ready:
        each = ready.popleft()
        digest = each.record.digest
        following = behind.pop(digest, ())
        try:
            judge.link(chain, each.record, each.at)
            if not following:
                judge.check_counts(chain.links[digest])
        except MessageRejected as error:
            raise _explained(each.key.path, each.key.position, str(error)) from error
        if chain.links[digest].text.place != (str(run.workflow_id), each.key.path, each.key.position):
            raise _broken(each.key.path, each.key.position, "record", "it is the record of another hop")
        ready.extend(following)
    for [first, *_] in behind.values():
        raise _broken(first.key.path, first.key.position, "prev", "it follows no record that was signed")


def _verify_deeds(run: RunColumns, deeds: Sequence[StoredDeed], judge: Judge, chain: Chain) -> None:
    """Verify deeds. An unsigned one counts for nothing: its consequences are found later."""
    runs = {str(run.workflow_id), *_parents(chain)}
    for stored in deeds:
        if stored.deed.text is not None and str(stored.deed.workflow_id) in runs:
            try:
                judge.learn(chain, stored)
            except MessageRejected as error:
                raise _broken("", 0, f"deed {stored.deed.verb}", str(error)) from error
    there = {deed.digest for deed in chain.deeds.all}
    for link in chain.links.values():
        if not there.issuperset(link.text.fields.get("because", ())):
            _, path, position = link.text.place
            raise _broken(path, position, "because", "what somebody did, and it followed, is not in the store")
    own = {stored.deed.deed_id.hex for stored in deeds if stored.deed.workflow_id == run.workflow_id}
    for name, deed in chain.deeds.named.items():
        if name in own and deed.follows is not None and deed.follows not in chain.links:
            raise _broken("", 0, f"deed {deed.verb}", "the record that it follows is not in the store")


def _parents(chain: Chain) -> list[str]:
    """Return the ids of the runs that contain this one: deeds to them affect it too."""
    within = None if chain.dispatch is None else chain.dispatch.text.fields["within"]
    return within["runs"] if within else []


def _check_wishes(run: RunColumns, chain: Chain) -> None:
    """Raise for a run that was ended or resumed without a signed deed of a permitted person."""
    deeds = chain.deeds
    if run.status == RunStatus.TERMINATED and not deeds.terminates():
        raise _broken("", 0, "run", "it is terminated, and nobody has signed that")
    for link in chain.links.values():
        fields, (_, path, position) = link.text.fields, link.text.place
        left = chain.at(path, position)
        if link.text.kind is RecordKind.BRANCH or fields.get("step") in {None, FLOW}:
            continue
        if link is not left[0] and not deeds.resumes(left[left.index(link) - 1].at):
            raise _broken(path, position, "retry", "it was run again, and nobody has signed that", fields["step"])
    cancelled = any(deeds.asks_to_cancel(each) for each in (CancelRequest.PLAIN, CancelRequest.COMPENSATE))
    if run.status == RunStatus.CANCELLED and not cancelled and not _parents(chain):  # a parent may end it
        raise _broken("", 0, "run", "it is cancelled, and nobody has signed that it is to be")


def _prev_of(stored: StoredRecord) -> str | None:
    try:
        return read_stored(stored.record).prev
    except TamperedMessage as error:
        raise _broken(stored.key.path, stored.key.position, "record", str(error)) from error


def _explained(path: str, position: int, text: str) -> _BrokenError:
    said = _SAID.match(text)
    return _broken(path, position, said[4] if said else "record", said[5] if said else text)


def _broken(path: str, position: int, link: str, why: str, step: str | None = None) -> _BrokenError:
    return _BrokenError(BrokenLink(path, position, step, link, why))


def _dispatch_of(chain: Chain) -> Link:
    if chain.dispatch is None:
        raise _broken("", 0, "record", "nobody has signed its dispatch")
    return chain.dispatch


def _check_run(run: RunColumns, chain: Chain) -> None:
    """Compare the run's row with its dispatch and its end."""
    first = _dispatch_of(chain)
    fields = first.text.fields
    for name, found, signed in (
        ("workflow", run.workflow, fields.get("workflow")),
        ("input", run.input.digest, fields.get("input")),
    ):
        if found != signed:
            raise _broken("", 0, name, f"not what {first.iss} signed")
    _check_origin(run, first)
    ends = [link for link in chain.links.values() if link.text.fields.get("run") is not None]
    if run.status not in _STATUSES:
        raise _broken("", 0, "run", f"its status is {run.status!r}, which no run has")
    final = RunStatus(run.status).final and run.status != RunStatus.TERMINATED
    if final and not ends:
        raise _broken("", 0, "run", f"it is {run.status}, and nobody has signed its end")
    if final:
        last = ends[-1].text.fields
        results = [end.text.fields["result"] for end in ends if end.text.fields["run"] == RunStatus.COMPLETED]
        for name, found, signed in (
            ("run", run.status, last["run"]),
            ("result", digest_in(run.output), results[-1] if results else last["result"]),
        ):
            if found != signed:
                raise _broken(last["path"], last["n"], name, f"not what {ends[-1].iss} signed", last.get("step"))


def _check_origin(run: RunColumns, first: Link) -> None:
    """Compare the tenant, dispatch key and parent of the run with its dispatch."""
    said, within = first.text.fields, first.text.fields["within"]
    node = None if within is None else HopKey(UUID(within["runs"][-1]), within["path"], within["n"]).message_id
    for name, found in run.origin:
        if found != (node if name == "within" else said.get(name, found)):  # an adoption does not contain all of it
            raise _broken("", 0, name, f"not what {first.iss} signed")


def _check_hop(hop: HopColumns, chain: Chain) -> None:
    """Compare a done hop with its record."""
    left = chain.at(hop.path, hop.position)
    if hop.is_open or not hop.fence:
        return
    if not left:
        if hop.status == StepStatus.COMPLETED:
            raise _broken(hop.path, hop.position, "record", "it is done, and nobody has signed it", hop.step)
        return
    link, signed = left[-1], {**left[-1].text.fields}
    signed |= {"rev": digest_of_revision(signed.get("rev")), "history": said_of_notes(link, "history")}
    for name, found in _columns(hop, link.text).items():
        if found != signed[name]:
            raise _broken(hop.path, hop.position, name, f"not what {link.iss} signed", hop.step)


def _columns(hop: HopColumns, text: RecordText) -> Mapping[str, Any]:
    """Return the columns of the row that must match the record."""
    columns = {
        "step": hop.step,
        "step_id": hop.step_id,
        "dir": hop.direction,
        "status": hop.status,
        "out": digest_in(hop.output),
        "log": digest_in(hop.log),
        "undo": digest_in(hop.undo),
        # A completed hop still has the error of its previous attempt, if there was one.
        "history": hop.history,
        "fault": None if hop.status == StepStatus.COMPLETED else digest_in(hop.error),
    }
    if text.kind is not RecordKind.ADOPT:
        columns["rev"] = digest_in(hop.revision)
    if text.fields["in"] is not None or hop.status == StepStatus.COMPLETED:  # else another attempt may have written it
        columns["in"] = digest_in(hop.input)
    return columns


def _check_joins(chain: Chain) -> None:
    """Compare the newest record of each branch with the later record of its node."""
    for link in chain.links.values():
        _, path, position = link.text.place
        if link.text.kind not in {RecordKind.HOP, RecordKind.JOIN} or chain.at(path, position)[-1] is not link:
            continue
        if link.text.fields["heads"] != chain.heads((path, position)):
            raise _broken(path, position, "heads", f"its branches are not those that {link.iss} signed", FLOW)


def _check_messages(run: RunColumns, chain: Chain) -> None:
    """Compare each message with the record that announced it."""
    rows = {(hop.path, hop.position): hop for hop in run.hops}
    announced: set[tuple[str, int]] = set()
    for link in chain.links.values():
        for following in link.text.fields["next"]:
            place = (following["path"], following["n"])
            announced.add(place)
            hop = rows.get(place)
            if hop is None or hop.message is None:
                raise _broken(*place, "message", "it was announced, and is not in the store")
            if hop.message.digest != following["body"]:
                raise _broken(*place, "message", f"not what {link.iss} signed", hop.step)
    for place, hop in rows.items():
        if hop.message is not None and place not in announced:
            raise _broken(*place, "message", "no record announced it", hop.step)


def _check_plans(run: RunColumns, chain: Chain) -> None:
    """Verify changes of plans, and that plans and large values are stored unaltered."""
    for name, lost in (("values", run.lost), ("plan", find_lost_plans(run))):
        if lost:
            raise _broken(
                "", 0, name, f"the {name.rstrip('s')} with SHA-256 {lost[0]} is not in the store as it was kept"
            )
    try:
        judge_plans(run, chain)
    except MessageRejected as error:
        said = _SAID.match(str(error))
        path, position = (said[2] or said[3] or "", int(said[1] or 0)) if said else ("", 0)
        raise _explained(path, position, str(error)) from error


def _check_notes(run: RunColumns, chain: Chain) -> None:
    """Hold what steps have recorded against the records of their hops, which name it."""
    flaw = find_unsigned_notes(run, chain)
    if flaw is not None:
        raise _broken(*flaw.place, flaw.link, flaw.why, flaw.step)


def _check_variables(run: RunColumns, chain: Chain) -> None:
    """Compare the set variables with the records of their hops."""
    found = {(each.path, each.position, each.name): each.value.digest for each in run.variables}
    places = [(hop.path, hop.position) for hop in run.hops if hop.is_open]
    flaw = find_unsigned(chain, found, places, run.fields)
    if flaw is not None:
        path, position, name = flaw.place
        raise _broken(path, position, f"vars.{name}", flaw.why, flaw.step)
