"""Signing codec: one signed record for each hop, with the digests of all data that the hop leaves.

Keys are read on first use, so that processes that only read runs load no cryptography.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from uuid import UUID

from paigeant.abc import Departure, DispatchTerms, SealedHop
from paigeant.errors import TamperedMessage
from paigeant.model.custody.adoption import Vouched
from paigeant.model.custody.notes import StoredNote
from paigeant.model.custody.records import RecordKind, SignedRecord, StoredRecord
from paigeant.model.fan.joins import EndedBranch, JoinStart
from paigeant.model.hops import Grant, Leased, Sealed
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.people.approvals import Answered
from paigeant.model.people.deeds import StoredDeed
from paigeant.model.stored.forks import Inheritance
from paigeant.model.transition import Left
from paigeant.model.tree.children import ChildState
from paigeant.model.values.values import Value
from paigeant.security.custody.audit import audit
from paigeant.security.custody.chain import Chain, Chains, Place
from paigeant.security.custody.deeds import check_answers
from paigeant.security.custody.evidence.adoption import write_adoption
from paigeant.security.custody.evidence.inheritance import write_inheritance
from paigeant.security.custody.judge import Judge
from paigeant.security.custody.judging.branches import check_start
from paigeant.security.custody.judging.children import judge_child, link_all
from paigeant.security.custody.judging.closing import check_end, learn_parents, obeyed
from paigeant.security.custody.judging.notes import check_histories, check_kept, check_note
from paigeant.security.custody.judging.plans import check_plans, places_of
from paigeant.security.custody.judging.variables import (
    check_missing,
    check_published,
    check_signal,
    check_variables,
)
from paigeant.security.custody.purposes import ADOPT, Purpose
from paigeant.security.custody.writing import Known, kind_of, write_branch, write_dispatch, write_hop, write_turn
from paigeant.security.frame import write_frame
from paigeant.security.signing import SigningCodec


class SignedCodec(SigningCodec):
    """Seals as the plain codec does, and signs a record of each dispatch and of each hop that is left."""

    _version: int = 0

    @cached_property
    def _chains(self) -> Chains:
        """Cache of verified chains, valid for the present version of the keys."""
        return Chains()

    def begin(self, message: PaigeantMessage, terms: DispatchTerms) -> SealedHop:
        """Seal the first message of a run, and sign the dispatch."""
        body = self.write(message)
        record = self._sign(RecordKind.DISPATCH, write_dispatch(message, terms, self._audience, body))
        return SealedHop((_sealed(message, body, record),), record)

    def turn(self, message: PaigeantMessage, terms: DispatchTerms) -> SealedHop:
        """Seal the message that turns a child run round, and sign a short record of the turn."""
        newest = self._chains.of(message.headers.workflow_id).newest
        if newest is None:  # it began unsigned
            return super().turn(message, terms)
        body = self.write(message)
        record = self._sign(RecordKind.TURN, write_turn(message, terms.owner, newest[0], body))
        return SealedHop((_sealed(message, body, record),), record)

    def depart(self, leased: Leased, departure: Departure) -> SealedHop:
        """Seal the next messages, and sign the hop; for an unsigned run, without a record.

        A hop that only waits leaves no record; a node with branches leaves one for each that begins.
        """
        following = [message for message, _ in departure.transition.next]
        if leased.head is not None and departure.transition.fan_out is not None:
            return self._begin_branches(leased, departure, following)
        if leased.head is None or not isinstance(departure.transition.hop, Left):
            return super().depart(leased, departure)
        bodies = [self.write(message) for message in following]
        chain = self._chains.kept_by(leased)
        known = Known(chain.joined.get(leased.grant.key[1:]), obeyed(chain, leased, departure))
        record = self._sign(kind_of(departure, known.heads), write_hop(leased, departure, bodies, known))
        return SealedHop(
            tuple(_sealed(message, body, record) for message, body in zip(following, bodies, strict=True)), record
        )

    def adopt(self, vouched: Vouched) -> SignedRecord:
        """Sign the present state of an unsigned run; raises ConfigError and InvalidInput."""
        self.require_rights(ADOPT)
        text = write_adoption(vouched, self._audience)
        return SignedRecord(RecordKind.ADOPT, text, self.keyring.sign(Purpose.RECORD, text))

    def inherit(self, made: Inheritance) -> SignedRecord | None:
        """Sign what a fork has of its source; raises TamperedMessage, UnknownKey and InvalidInput."""
        found, source = audit(made.evidence, self._judge), made.evidence.workflow_id
        if found.broken is not None:
            path, position, _, link, why = dataclasses.astuple(found.broken)
            raise TamperedMessage(f"position {position}{f' of {path}' if path else ''}, {link}: {why}")
        chain = self._chains.of(source)
        link_all(self._judge, chain, made.evidence.records)
        head = None if chain.newest is None else chain.newest[0]
        text = write_inheritance(made, head)  # it does not travel, and may be longer than those that do
        return SignedRecord(RecordKind.INHERIT, text, self.keyring.sign(Purpose.RECORD, text))

    def _begin_branches(self, leased: Leased, departure: Departure, first: Sequence[PaigeantMessage]) -> SealedHop:
        """Seal the first messages of branches, and sign a short record of each; the node waits on."""
        bodies = [self.write(message) for message in first]
        records = tuple(
            self._sign(RecordKind.BRANCH, write_branch(leased, departure, message, body))
            for message, body in zip(first, bodies, strict=True)
        )
        return SealedHop(tuple(map(_sealed, first, bodies, records)), branches=records)

    # -- verification

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.keyring, self._audience)

    def recall(self, leased: Leased) -> Leased:
        """Return a hop that is about to be verified, with the chain of its run."""
        if self.keyring.version != self._version:  # verified records may depend on a key that is revoked now
            self._chains, self._version = Chains(), self.keyring.version
        return replace(leased, custody=self._chains.of(leased.grant.key.workflow_id))

    def needs_records(self, leased: Leased) -> bool:
        """True if the records of the run must be loaded before this hop can be verified."""
        return self._chains.kept_by(leased).needs(leased) or self._judge.may_be_revoked(leased)

    def judge(self, leased: Leased, records: Sequence[StoredRecord] = ()) -> None:
        """Verify a leased hop back to the first record of its run.

        Raises TamperedMessage, UnsignedRun and UnknownKey.
        """
        chain = self._chains.kept_by(leased)
        self._judge.verify(chain, leased, records)
        self._judge.judge(chain, leased)

    def knows_join(self, leased: Leased) -> bool:
        """True if the signed parameters of the node's join are known here."""
        _, path, position = leased.grant.key
        return leased.head is None or (path, position) in self._chains.kept_by(leased).starts

    def judge_join(self, leased: Leased, records: Sequence[StoredRecord], start: JoinStart) -> None:
        """Verify that a node's join began with the signed parameters."""
        if leased.head is not None:
            chain, (_, path, position) = self._chains.kept_by(leased), leased.grant.key
            self._judge.verify_branches(chain, leased, records)
            check_start(chain, (path, position), start)

    def judge_branches(self, leased: Leased, records: Sequence[StoredRecord], ended: Sequence[EndedBranch]) -> None:
        """Verify that branches ended as signed; raises TamperedMessage and UnknownKey."""
        if leased.head is not None:
            chain, (_, path, position) = self._chains.kept_by(leased), leased.grant.key
            self._judge.judge_branches(chain, leased, records, ended)
            if (heads := chain.heads((path, position))) is not None:
                chain.joined[path, position] = heads

    def wanted_plans(self, leased: Leased) -> Collection[HopKey]:
        """Return the hops whose messages are needed to verify changes of plans."""
        return places_of(self._chains.kept_by(leased)) if leased.head is not None else ()

    def judge_plans(self, leased: Leased, messages: Mapping[HopKey, PaigeantMessage]) -> None:
        """Verify that plans changed only as permitted; raises TamperedMessage."""
        check_plans(self._chains.kept_by(leased), messages)

    def judge_child(
        self, node: HopKey, child: ChildState, records: Sequence[StoredRecord], deeds: Sequence[StoredDeed]
    ) -> None:
        """Verify that a child run ended as signed; raises TamperedMessage and UnknownKey.

        It is called for a signed parent, whose child runs are signed too.
        """
        chain = self._chains.of(child.workflow_id)
        self._chains.of(node.workflow_id).children[node.path, node.position] = chain
        self._learn(chain, deeds)
        judge_child(self._judge, chain, node, child, records)

    def judge_variables(self, leased: Leased, values: Mapping[str, Value], asked: Collection[str] | None = ()) -> None:
        """Verify the variables that a verified hop reads; raises TamperedMessage."""
        if leased.head is None:
            return
        chain = self._chain_of(leased)
        check_variables(chain, leased, values)
        check_missing(chain, leased.grant.key.path, values, asked)

    def _chain_of(self, leased: Leased) -> Chain:
        """Return the chain of a verified hop's run; raises TamperedMessage."""
        chain = self._chains.kept_by(leased)
        if leased.head not in chain.links:  # it was handed over: its previous record was signed here
            self._judge.verify(chain, leased)
        return chain

    def judge_signal(self, leased: Leased, name: str, value: Value | None) -> None:
        """Verify that a wait was ended by a sent signal with this value."""
        if leased.head is not None:
            check_signal(self._chains.kept_by(leased), leased.grant.key, name, value)

    def judge_answers(self, leased: Leased, answers: Mapping[str, Answered]) -> None:
        """Verify that people gave these answers to the questions of a hop."""
        if leased.head is not None:
            check_answers(self._chains.kept_by(leased).deeds, leased.grant.key, answers)

    def judge_note(self, leased: Leased, stored: StoredNote) -> None:
        """Verify the note of data that a running step wrote."""
        if leased.head is not None:
            check_note(self.keyring, lambda: self._chain_of(leased), leased, stored)

    def judge_kept(self, leased: Leased, notes: Sequence[StoredNote]) -> None:
        """Return if of what a step had recorded when it was last left nothing is missing, changed or added."""
        if leased.head is not None:
            check_kept(self._chain_of(leased), leased, notes)

    def judge_histories(
        self, leased: Leased, records: Sequence[StoredRecord], found: Mapping[Place, str | None], *, whole: bool
    ) -> None:
        """Return if what agents have left of their conversations is what was signed with their steps."""
        if leased.head is not None:
            chain = self._chain_of(leased)
            link_all(self._judge, chain, records)
            check_histories(chain, leased.grant.key[1:], found, whole=whole)

    def learn_deeds(self, leased: Leased, deeds: Sequence[StoredDeed]) -> None:
        """Verify deeds of people to a run; unsigned or altered ones count for nothing."""
        self._learn(self._chains.kept_by(leased), deeds)

    def learn_parents(self, leased: Leased, records: Mapping[UUID, Sequence[StoredRecord]]) -> None:
        """Determine whether a run that contains this one ends it."""
        learn_parents(self._judge, self._chains, self._chains.kept_by(leased), records, leased.grant.leased_at)

    def judge_end(self, grant: Grant, records: Sequence[StoredRecord], deeds: Sequence[StoredDeed]) -> None:
        """Verify that a run with an unverifiable message may be ended."""
        chain = self._chains.of(grant.key.workflow_id)
        self._learn(chain, deeds)
        link_all(self._judge, chain, records)
        check_end(chain, grant)

    def judge_published(
        self, leased: Leased, paths: Sequence[str], values: Mapping[str, Value], own: Collection[str]
    ) -> None:
        """Verify the variables that branches have set."""
        if leased.head is not None:
            check_published(self._chains.kept_by(leased), paths, values, own)

    def _learn(self, chain: Chain, deeds: Sequence[StoredDeed]) -> None:
        for each in deeds:
            with suppress(TamperedMessage):
                self._judge.learn(chain, each)

    def keep(self, leased: Leased, record: SignedRecord | None, *, ended: bool) -> None:
        """Cache the record of a hop that was committed here, so that it need not be loaded; ``ended``: drop all."""
        if ended:
            self._chains.forget(leased.grant.key.workflow_id)
        elif record is not None:
            self._chains.keep(leased, record)


def _sealed(message: PaigeantMessage, body: bytes, record: SignedRecord) -> Sealed:
    return Sealed(message.headers.message_id, message.topic, write_frame(body, record.text, record.jws))
