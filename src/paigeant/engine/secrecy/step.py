"""Secrets of one execution: those its step may read, opened on binding, and sealed in its output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, cast

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.abc import Call, SecretBox
from paigeant.activities.secrecy.held import HeldSecrets
from paigeant.errors import ArgumentError, ConfigError, InvalidInput, ResultError, TamperedMessage, UnreadableSecret
from paigeant.model.entries.entry import Entry
from paigeant.model.message import RunHeaders
from paigeant.model.secrecy.secrets import (
    HIDDEN,
    RESERVED,
    OpenedSecret,
    SecretOrigin,
    SecretPolicy,
    hidden_json,
    made_by_model,
    may_be_sealed,
    replaced,
    sealed_in,
    wrap,
)
from paigeant.model.values.json_text import to_json
from paigeant.routing.secrecy.entries import check_apart

_NONE: Final = SecretPolicy.model_construct(readers={}, origins=())
_NOTHING: Final = frozenset[str]()


class StepSecrets:
    """Access of one execution to the secrets of its run, and the check that it reveals none.

    Opened secrets are held until the step is over, so that they are masked in every text meanwhile.
    """

    def __init__(self, step: str, held: HeldSecrets, run: RunHeaders, box: Callable[[], SecretBox]) -> None:
        """Apply the policy in the ``run``'s headers; ``box`` is created when the first secret is met."""
        self.step = step
        self.held = held
        self._run = run
        self._box = box
        self._policy = _NONE if run.secrets is None else run.secrets
        self._mine = _NOTHING if run.secrets is None else run.secrets.readable(step)
        self.opened: set[str] = set()
        """Arguments with opened secrets: errors do not show their values."""

    # -- input

    def reveal(self, name: str, json: bytes) -> bytes:
        """Return the value of a name, with the secrets that the step may read opened; others are ``***``.

        A name that is a secret as a whole must be readable for the step. Raises ArgumentError if it is not,
        UnreadableSecret without a key that opens it, and TamperedMessage for a value that is not the run's secret of
        this name.
        """
        if not may_be_sealed(json):
            if name in self._policy.readers:
                self._require_no_clear(name, from_json(json))
            return json
        value = from_json(json)
        if (sealed := sealed_in(value)) is not None:
            return self._whole(name, sealed)
        if name == "payload" and isinstance(value, dict):
            fields = cast("dict[str, JsonValue]", value)
            return to_json({field: self._field(field, each) for field, each in fields.items()})
        if name in self._policy.readers:
            self._require_mine(name)
            self._require_no_clear(name, value)
            return to_json(replaced(value, lambda jwe: self._value(name, self._open(name, jwe, name))))
        return to_json(self._within(name, value))

    def hide(self, name: str, json: bytes) -> bytes:
        """Return a value for a prompt: a model never gets a secret, whoever may read it; raises ArgumentError."""
        if name in self._policy.readers or (may_be_sealed(json) and sealed_in(from_json(json)) is not None):
            raise ArgumentError(f"step {self.step!r}: its prompt names {name!r}, a secret: a model is shown none")
        return hidden_json(json)

    def _whole(self, name: str, sealed: str) -> bytes:
        if name in self._policy.readers:
            self._require_mine(name)
            return self._taken(name, self._open(name, sealed, name))
        if name not in RESERVED:
            cure = "take it by the name that the workflow's secrets give it"
            raise ArgumentError(f"step {self.step!r}: argument {name!r} is a secret of another name: {cure}")
        if not self._mine:
            raise ArgumentError(f"step {self.step!r}: argument {name!r} is a secret that it may not read")
        opened = self._open(name, sealed)
        if opened.origin.name not in self._policy.readers:
            raise self._tampered(name, f"it is sealed as {opened.origin.name!r}, which is no secret of this run")
        self._require_mine(opened.origin.name)
        return self._taken(name, opened)

    def _field(self, field: str, value: JsonValue) -> JsonValue:
        """Return a field of the input: it may only contain the secret of its own name."""
        sealed = sealed_in(value)
        if sealed is not None and field in self._mine:
            return self._value("payload", self._open(f"payload.{field}", sealed, field))
        if field in self._policy.readers:
            self._require_no_clear(field, value)
        return self._within("payload", value)

    def _within(self, name: str, value: JsonValue) -> JsonValue:
        """Return a value with nested secrets opened, such as those in results of branches, if the step may."""

        def change(jwe: str) -> JsonValue:
            if not self._mine or not self._opens(name, jwe):
                return HIDDEN
            opened = self._open(name, jwe)
            return self._value(name, opened) if opened.origin.name in self._mine else HIDDEN

        return replaced(value, change)

    def _require_mine(self, name: str) -> None:
        if name not in self._mine:
            raise ArgumentError(f"step {self.step!r}: {self._policy.refusal(self.step, name)}")

    def _require_no_clear(self, name: str, value: JsonValue) -> None:
        """Raise TamperedMessage for an unsealed secret, except null: a missing signal, or an empty item of branches."""
        if value is None or sealed_in(value) is not None:
            return
        if not isinstance(value, list) or any(each is not None and sealed_in(each) is None for each in value):
            cure = "set it with `paigeant variables ID NAME VALUE`, then `paigeant retry ID`"
            raise self._tampered(name, f"it is a secret, and lies in clear: {cure}")

    def _opens(self, what: str, sealed: str) -> bool:
        try:
            return self._box().opens(sealed.encode())
        except ConfigError:
            return False
        except TamperedMessage as error:
            raise self._tampered(what, str(error)) from error

    def _open(self, what: str, sealed: str, name: str | None = None) -> OpenedSecret:
        """Open a sealed value, if its origin is this run and this name; hold it."""
        try:
            opened = self._box().open(sealed.encode())
        except TamperedMessage as error:
            raise self._tampered(what, str(error)) from error
        except (UnreadableSecret, ConfigError) as error:
            cure = f"have a worker run it whose PAIGEANT_SECRET_KEY may read:{self.step}"
            raise UnreadableSecret(f"step {self.step!r}, secret {what!r}: {error}; {cure}") from error
        origin = opened.origin
        if origin.workflow_id not in {self._run.workflow_id, *self._policy.origins}:
            raise self._tampered(what, "it was sealed for another run")
        if name is not None and origin.name != name:
            raise self._tampered(what, f"it was sealed as {origin.name!r}")
        return opened

    def _tampered(self, what: str, why: str) -> TamperedMessage:
        return TamperedMessage(f"step {self.step!r}, secret {what!r}: {why}")

    def _taken(self, argument: str, opened: OpenedSecret) -> bytes:
        self.opened.add(argument)
        self.hold(opened.origin.name, opened.json)
        return opened.json

    def _value(self, argument: str, opened: OpenedSecret) -> JsonValue:
        return from_json(self._taken(argument, opened))

    # -- output

    def hold(self, name: str | None, json: bytes) -> None:
        """Hold a value from now on, if it is a secret's: no other text may contain it."""
        if name is not None and name in self._policy.readers:
            self.held.hold(f"the secret {name!r}", from_json(json))

    def output_name(self, activity: str, name: str | None) -> str | None:
        """Return the secret under which the output of a step is sealed, None if it is none."""
        return self._policy.name_of(activity, name)

    def require_seals(self, name: str, *, by_model: bool) -> None:
        """Return if the step's secret output can be sealed; raises UnreadableSecret before it runs.

        Raises ResultError for the output of an agent: the recorded answers of its model contain it.
        """
        if by_model:
            raise ResultError(f"step {self.step!r}: {made_by_model(name)}")
        try:
            self._box().require(self._policy.readers[name])
        except ConfigError as error:
            raise UnreadableSecret(f"step {self.step!r}: its output, the secret {name!r}: {error}") from error

    def require_readable(self, name: str | None) -> None:
        """Return if the step may read what is sealed under this name; raises ArgumentError."""
        if name in self._policy.readers:
            self._require_mine(name)

    def keep_call(self, call: Call, json: bytes) -> bytes:
        """Return the form in which the result of a call is recorded, as :meth:`keep` does."""
        self.require_unspoken(call.key.encode(), "the name of a checkpoint")
        return self.keep(json, call.label, call.name)

    def recalled(self, name: str | None, json: bytes) -> bytes:
        """Return the recorded result of a call, opened if its name is a secret's; raises as :meth:`reveal`."""
        return self.reveal(name, json) if name in self._policy.readers else json

    def require_unspoken(self, json: bytes, what: str) -> None:
        """Raise ResultError, naming ``what``, for a JSON text that contains a held secret."""
        name = self.held.found_in(json)
        if name is not None:
            raise ResultError(f"step {self.step!r}: {what} has {name} in clear: it is not kept")

    def require_apart(self, entries: Sequence[Entry]) -> None:
        """Raise ResultError if added entries use a secret in a decision, or contain one in clear."""
        try:
            check_apart(self._policy, entries)
        except ValueError as error:
            raise ResultError(f"step {self.step!r}: a revision: {error}") from error

    def keep(self, json: bytes, what: str, name: str | None = None) -> bytes:
        """Return the stored form of a text: sealed, if this is the name of a secret, else unchanged.

        Raises :class:`~paigeant.errors.ResultError` for a text that contains a secret in clear, or cannot be sealed.
        """
        if name is None or name not in self._policy.readers:
            self.require_unspoken(json, what)
            return json
        self.hold(name, json)
        try:
            origin = SecretOrigin(self._run.workflow_id, name)
            return wrap(self._box().seal(origin, json, self._policy.readers[name]))
        except (ConfigError, InvalidInput) as error:
            raise ResultError(
                f"step {self.step!r}: {what} is the secret {name!r}, and is not sealed: {error}"
            ) from error
