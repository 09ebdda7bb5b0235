"""Objects that are made quickly are what the dataclass is: frozen, equal, copied and changed as any."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from paigeant.model.values.objects import lazy, quickly_made


@quickly_made
@dataclass(frozen=True, slots=True)
class Slotted:
    """With slots."""

    one: int
    two: str = "two"
    three: list[int] = field(default_factory=list[int])


@quickly_made
@dataclass(frozen=True)
class Plain:
    """With a dictionary, where what is lazy is kept."""

    one: int
    two: str = "two"
    three: list[int] = field(default_factory=list[int])

    @lazy
    def double(self) -> int:
        """Twice the first."""
        return 2 * self.one


@quickly_made
@dataclass(frozen=True, slots=True)
class Positive:
    """Looks at what it is given."""

    one: int

    def __post_init__(self) -> None:
        """Refuse what is not positive."""
        if self.one <= 0:
            raise ValueError(self.one)


@pytest.mark.parametrize("kind", [Slotted, Plain])
def test_it_is_made_as_any_dataclass_is(kind: type[Slotted | Plain]):
    made = kind(1, three=[3])

    assert (made.one, made.two, made.three) == (1, "two", [3])
    assert type(made) is kind
    assert repr(made) == f"{kind.__name__}(one=1, two='two', three=[3])"
    assert list(inspect.signature(kind).parameters) == ["one", "two", "three"]
    with pytest.raises(TypeError, match="one"):
        kind()  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("kind", [Slotted, Plain])
def test_nobody_changes_it(kind: type[Slotted | Plain]):
    made = kind(1)

    with pytest.raises(FrozenInstanceError):
        made.one = 2  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("kind", [Slotted, Plain])
def test_it_is_compared_copied_and_replaced(kind: type[Slotted | Plain]):
    made = kind(1)

    assert made == kind(1) != kind(2)
    assert copy.copy(made) == copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made
    assert replace(made, two="other") == kind(1, "other")


def test_each_has_a_default_of_its_own():
    first, second = Slotted(1), Slotted(1)

    first.three.append(1)

    assert second.three == []


def test_what_is_lazy_is_made_once():
    assert Plain(2).double == 4


def test_what_it_is_given_is_looked_at():
    assert Positive(1).one == 1
    with pytest.raises(ValueError, match="-1"):
        Positive(-1)


def test_fields_that_are_not_ordinary_are_refused():
    @dataclass(frozen=True, slots=True)
    class Odd:
        one: int = field(kw_only=True)

    with pytest.raises(TypeError, match="one"):
        quickly_made(Odd)
