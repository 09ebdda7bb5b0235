"""What is written is what the same type reads, or it is refused: nothing comes back as something else."""

from __future__ import annotations

import enum
import io
import itertools
import re
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, Optional, TypeVar, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    JsonValue,
    PrivateAttr,
    RootModel,
    SecretBytes,
    SecretStr,
    SerializeAsAny,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import from_json
from typing_extensions import TypedDict

from paigeant.model.values.roundtrip.writing import Refused, require_read, write
from paigeant.model.values.shapes import ANYTHING, adapter, read

T = TypeVar("T")
BERLIN = ZoneInfo("Europe/Berlin")
NAN, INF = float("nan"), float("inf")


class Aliased(BaseModel):
    payment_id: str = Field(alias="paymentId")


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    free_text: str | None = None


class Apart(BaseModel):
    x: int | None = Field(default=None, validation_alias="read", serialization_alias="written")


class ApartAndStrict(BaseModel, extra="forbid"):
    x: int = Field(serialization_alias="written")


class Deep(BaseModel):
    x: int = Field(validation_alias=AliasPath("list", 0))


class Either(BaseModel):
    x: int = Field(validation_alias=AliasChoices("v", "w"))


class Swapped(BaseModel):
    a: int = Field(alias="b")
    b: int = Field(alias="a")


class Computed(BaseModel, extra="forbid"):
    a: int

    @computed_field
    @property
    def double(self) -> int:
        return self.a * 2


class ComputedOpen(BaseModel, extra="allow"):
    a: int

    @computed_field
    @property
    def double(self) -> int:
        return self.a * 2


class Embedded(BaseModel):
    inner: Json[list[int]]


class Login(BaseModel):
    user: str
    token: SecretStr


class Score(BaseModel):
    value: float
    limit: float | None = None
    many: dict[str, list[float]] = {}


class Base(BaseModel):
    a: int


class Sub(Base):
    b: int = 0


class Holder(BaseModel):
    base: Base


class AsAny(BaseModel):
    base: SerializeAsAny[Base]


class Left(BaseModel):
    n: int


class Right(BaseModel):
    n: int


class Excluded(BaseModel):
    a: int
    password: str = Field(default="", exclude=True)


class Private(BaseModel):
    a: int
    _cache: int = PrivateAttr(default=0)


class Numbers(RootModel[list[float]]):
    pass


class Box(BaseModel, Generic[T]):
    value: T


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    owner: Any = None


class Moving(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def up(cls, n: int) -> int:
        return n + 1


class Stripped(BaseModel):
    text: str

    @field_validator("text")
    @classmethod
    def strip(cls, text: str) -> str:
        return text.strip()


class Shouting(BaseModel):
    n: int

    @field_serializer("n")
    def shout(self, n: int) -> str:
        return f"{n}!"


class Renaming(BaseModel):
    n: int

    @model_serializer
    def rename(self) -> dict[str, int]:
        return {"other": self.n}


class Positive(BaseModel):
    n: int = Field(gt=0)


class Strict(BaseModel, strict=True):
    day: date
    items: tuple[int, ...]


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Noted(BaseModel):
    old: int = Field(default=1, deprecated=True)


@dataclass
class Made:
    a: int
    made: int = field(init=False, default=3)


@dataclass
class Doubling:
    a: int

    def __post_init__(self) -> None:
        self.a *= 2


@dataclass
class Fed:
    a: int
    more: InitVar[int] = 3

    def __post_init__(self, more: int) -> None:
        self.a += more


@dataclass
class Point:
    x: float
    y: float = 0.0


@dataclass
class Point3(Point):
    z: float = 0.0


class Plate(TypedDict):
    weight: float
    note: NotRequired[Any]


class Pair(NamedTuple):
    a: int
    b: str = ""


class Color(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Odd(enum.Enum):
    TUPLE = (1, 2)
    TEXT = "b"
    NOTHING = None


class Twin(enum.Enum):
    NUMBER = 1
    TEXT = "1"


def private() -> Private:
    made = Private(a=1)
    made._cache = 5
    return made


def broken() -> Positive:
    made = Positive(n=1)
    made.n = 0
    return made


def remade() -> Made:
    made = Made(1)
    made.made = 9
    return made


KEPT: list[tuple[Any, Any]] = [
    (Aliased, Aliased(paymentId="p")),
    (list[Aliased | None], [Aliased(paymentId="p"), None]),
    (Camel, Camel.model_validate({"freeText": "do not lose me"})),
    (dict[str, Camel], {"a": Camel.model_validate({"freeText": "x"})}),
    (Apart, Apart.model_validate({"read": 1})),
    (ApartAndStrict, ApartAndStrict(x=1)),
    (Deep, Deep.model_validate({"list": [1]})),
    (Either, Either.model_validate({"w": 1})),
    (Swapped, Swapped(a=1, b=2)),
    (Computed, Computed(a=1)),
    (ComputedOpen, ComputedOpen(a=1)),
    (Embedded, Embedded.model_validate({"inner": "[1]"})),
    (Score, Score(value=NAN, limit=INF, many={"a": [1.0, -INF, NAN]})),
    (Score, Score(value=1, limit=None)),
    (Point, Point(NAN, INF)),
    (Plate, {"weight": NAN}),
    (list[float], [NAN, INF, -INF, 1.5]),
    (Numbers, Numbers([NAN, 1.0])),
    (Base | Sub, Sub(a=1, b=2)),
    (Left | Right, Left(n=1)),
    (Excluded, Excluded(a=1)),
    (Private, private()),
    (Box[int], Box[int](value=1)),
    (Annotated[Cat | Dog, Field(discriminator="kind")], Dog()),
    (Stripped, Stripped(text=" x ")),
    (Positive, Positive(n=1)),
    (Strict, Strict(day=date(2026, 1, 1), items=(1, 2))),
    (Tree, Tree(value=1, children=[Tree(value=2)])),
    (Noted, Noted()),
    (Made, Made(1)),
    (Pair, Pair(1, "x")),
    (Color, Color.RED),
    (Level, Level.LOW),
    (Odd, Odd.TEXT),
    (Twin, Twin.NUMBER),
    (dict[int, str], {1: "a"}),
    (dict[Color, int], {Color.RED: 1}),
    (dict[date, int], {date(2026, 1, 1): 1}),
    (dict[uuid.UUID, int], {uuid.UUID(int=1): 1}),
    (Sequence[int], (1, 2)),
    (set[int] | list[int], [1]),
    (frozenset[date], frozenset([date(2026, 1, 1)])),
    (deque[int], deque([1])),
    (Counter[str], Counter("ab")),
    (defaultdict[str, list[int]], defaultdict(list, a=[1])),
    (datetime, datetime(2026, 7, 1, 12, tzinfo=BERLIN)),
    (datetime, datetime(2026, 7, 1, 12, 0, 0, 1, tzinfo=UTC)),
    (datetime, datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)),  # the hour that its zone has twice
    (datetime, datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)),
    (list[datetime], [datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN)]),  # the one that it has not
    (timedelta, timedelta.max),
    (Decimal, Decimal("1.10")),
    (Decimal | float, Decimal("1.10")),
    (bytes, b"\xff\x00"),
    (bytes | None, b""),
    (Path, Path("/a b")),
    (int, 10**4299),
    (str, "\0 ü 😀"),
    (None, None),
    (Point | None, Point(1.0)),
    (dict[str, Any], {"a": [1, None, {"b": "c"}]}),
    (JsonValue, {"a": [1, None, 1.5]}),
    (SecretStr, SecretStr("")),
]


@pytest.mark.parametrize(("annotation", "value"), KEPT, ids=range(len(KEPT)))
def test_it_comes_back_as_it_was(annotation: Any, value: Any):
    shape = adapter(annotation)

    back = read(shape, write(shape, value))

    assert sameness(back) == sameness(value)


LOST: list[tuple[Any, Any, str]] = [
    (Login, Login(user="ada", token=SecretStr("hunter2")), "token is SecretStr('**********')"),
    (list[SecretStr], [SecretStr("x")], "[0] is SecretStr"),
    (SecretBytes, SecretBytes(b"x"), "a secret is written as stars"),
    (Base, Sub(a=1, b=2), "annotate it as Sub"),
    (Holder, Holder(base=Sub(a=1, b=2)), "base is Sub(a=1, b=2) and would come back as Base(a=1)"),
    (AsAny, AsAny(base=Sub(a=1, b=2)), "annotate it as Sub"),
    (list[Point], [Point(1.0), Point3(1.0, 2.0, 3.0)], "[1] is Point3"),
    (Left | Right, Right(n=1), "several look alike in JSON"),
    (datetime | str, "2026-01-01T00:00:00", "several look alike in JSON"),
    (str | datetime, datetime(2026, 1, 1, tzinfo=UTC), "several look alike in JSON"),
    (uuid.UUID | str, str(uuid.UUID(int=1)), "several look alike in JSON"),
    (Color | str, Color.RED, "several look alike in JSON"),
    (list[int] | tuple[int, ...], (1, 2), "several look alike in JSON"),
    (Excluded, Excluded(a=1, password="hunter2"), "password is left out and would come back as ''"),
    (Moving, Moving(n=1), "n is 2 and would come back as 3"),
    (Shouting, Shouting(n=1), "n: Input should be a valid integer"),
    (Renaming, Renaming(n=1), "n: Field required"),
    (Positive, broken(), "Input should be greater than 0"),
    (Made, remade(), "made is 9 and would come back as 3"),
    (Doubling, Doubling(1), "a is 2 and would come back as 4"),
    (Fed, Fed(1), "a is 4 and would come back as 7"),
    (Odd, Odd.TUPLE, "give the members of the enum values"),
    (Odd | None, Odd.NOTHING, "would come back as None"),
    (dict[Twin, int], {Twin.NUMBER: 1}, "[key] is <Twin.NUMBER: 1>"),
    (dict[tuple[int, int], str], {(1, 2): "a"}, "or a list of pairs"),
    (time, time(12, tzinfo=BERLIN), "would come back as datetime.time(12, 0)"),
    (deque[int], deque([1], maxlen=3), "would come back as deque([1])"),
    (int, 10**5000, "an integer may have 4,300 digits"),
    (str, "\ud800", "half a surrogate pair"),
    (dict[str, Any], {"a": {"b": SecretStr("x")}}, "['a']['b'] is SecretStr"),
    (Dog, Dog(owner=Excluded(a=1, password="hunter2")), "owner.password is left out"),
]


@pytest.mark.parametrize(("annotation", "value", "said"), LOST, ids=range(len(LOST)))
def test_what_would_not_come_back_is_refused_by_place_and_cure(annotation: Any, value: Any, said: str):
    with pytest.raises(Refused) as caught:
        write(adapter(annotation), value)

    assert said in str(caught.value)
    assert "; " in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        {1: "a", "1": "b"},
        {(1, 2): "a"},
        {None: 1},
        {"x": SecretStr("s")},
        [Login(user="a", token=SecretStr("b"))],
        Odd.TUPLE,
        [{"a": broken()}],
        10**5000,
        "\ud800",
        Excluded(a=1, password="hunter2"),
    ],
    ids=range(10),
)
def test_what_no_type_was_promised_for_is_held_against_its_own(value: Any):
    with pytest.raises(Refused):
        write(ANYTHING, value)


@pytest.mark.parametrize("value", [value for annotation, value in KEPT if annotation not in {JsonValue, SecretStr}])
def test_what_its_own_type_reads_is_written_without_one(value: Any):
    json = write(ANYTHING, value)

    if isinstance(value, BaseModel) or type(value) in {Point, Made, Decimal, datetime, uuid.UUID, bytes, Path}:
        assert sameness(read(adapter(type(value)), json)) == sameness(value)


class Keyed(BaseModel):
    a: int

    @model_validator(mode="before")
    @classmethod
    def take(cls, data: Any) -> Any:
        return {"a": data["b"]}


def test_whatever_a_validator_raises_the_value_is_refused():
    with pytest.raises(Refused, match="would not be read back: its type raised KeyError: 'b'"):
        write(adapter(Keyed), Keyed.model_validate({"b": 1}))


# -- sets

WORDS = frozenset(f"w{number}" for number in range(20))


class Tagged(BaseModel):
    tags: set[str] = Field(alias="Tags")
    more: dict[str, Any] = {}


class Words(RootModel[frozenset[str]]):
    pass


@dataclass
class Sorted:
    words: frozenset[str]
    tagged: Tagged


SETS: list[tuple[Any, Any]] = [
    (Any, WORDS),
    (set[str], set(WORDS)),
    (Any, {"a": [{"b": set(WORDS)}]}),
    (Tagged, Tagged(Tags=set(WORDS), more={"a": WORDS})),
    (Sorted, Sorted(WORDS, Tagged(Tags=set(WORDS)))),
    (Any, Sorted(WORDS, Tagged(Tags=set(WORDS)))),
    (Words, Words(WORDS)),
    (list[Tagged] | Tagged, [Tagged(Tags=set(WORDS))]),
    (set[tuple[str, int]], {(word, 1) for word in WORDS}),
    (frozenset[frozenset[str]], frozenset({WORDS, frozenset("abcdef")})),
]


def sets_of(data: Any) -> list[list[Any]]:
    """Return each array of texts, or of arrays, in JSON data."""
    within = data.values() if isinstance(data, dict) else cast("list[Any]", data) if isinstance(data, list) else ()
    here = [cast("list[Any]", data)] if isinstance(data, list) and not isinstance(data[0], dict) else []
    return here + [found for each in within for found in sets_of(each)]


@pytest.mark.parametrize(("annotation", "value"), SETS)
def test_a_set_is_written_in_one_order_wherever_it_is(annotation: Any, value: Any):
    shape = ANYTHING if annotation is Any else adapter(annotation)

    json = write(shape, value)

    found = [each for each in sets_of(from_json(json)) if len(each) > 2]
    assert found
    assert all(each == sorted(each) for each in found)
    assert write(shape, read(shape, json)) == json


def test_numbers_in_a_set_are_sorted_as_numbers():
    assert write(ANYTHING, {10, 9, 2.5, 10**30, -1}) == b"[-1,2.5,9,10,1000000000000000000000000000000]"


# -- any type, any value

FIELD_NAMES = ("alpha", "beta")


def sameness(value: Any) -> Any:
    """Return something that is equal for two values if they are the same, types included, by another way."""
    kind = type(value).__name__
    if isinstance(value, datetime):
        return kind, value.replace(tzinfo=None, fold=0), value.utcoffset()
    if isinstance(value, BaseModel) or is_dataclass(value):
        names = vars(value) if isinstance(value, BaseModel) else [each.name for each in fields(cast("Any", value))]
        return kind, [(name, sameness(getattr(value, name))) for name in names if name != "old"]
    if isinstance(value, dict):
        return kind, [(sameness(key), sameness(each)) for key, each in cast("dict[Any, Any]", value).items()]
    if isinstance(value, list | tuple | deque):
        return "items", [sameness(each) for each in cast("list[Any]", value)]
    if isinstance(value, set | frozenset):
        return kind, sorted(map(repr, cast("set[Any]", value)))
    plain = value.replace(fold=0) if isinstance(value, time) else value
    return kind, plain if isinstance(plain, int) else repr(plain)


LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers()),
    (str, st.text()),
    (bool, st.booleans()),
    (None, st.none()),
    (float, st.floats()),
    (bytes, st.binary()),
    (date, st.dates()),
    (datetime, st.datetimes(timezones=st.none() | st.just(BERLIN) | st.just(UTC))),
    (time, st.times()),
    (timedelta, st.timedeltas()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (uuid.UUID, st.uuids()),
    (Color, st.just(Color.RED)),
    (Level, st.just(Level.LOW)),
    (Odd, st.sampled_from(Odd)),
    (Twin, st.sampled_from(Twin)),
    (SecretStr, st.builds(SecretStr, st.text(max_size=3))),
    (Score, st.builds(Score, value=st.floats(), limit=st.none() | st.floats())),
    (Point, st.builds(Point, st.floats(), st.floats()) | st.builds(Point3, st.floats())),
    (Base, st.builds(Base, a=st.integers()) | st.builds(Sub, a=st.integers(), b=st.integers())),
    (Camel, st.builds(lambda text: Camel.model_validate({"freeText": text}), st.none() | st.text())),
    (Computed, st.builds(Computed, a=st.integers())),
    (Any, st.none() | st.integers() | st.dates() | st.lists(st.text(max_size=2))),
]

Case = tuple[Any, st.SearchStrategy[Any]]


def deeper(cases: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    def several(kind: Any, make: Any) -> st.SearchStrategy[Case]:
        return cases.map(lambda case: (kind[case[0]], make(case[1])))

    keys = st.sampled_from([case for case in LEAVES if case[0] in {int, str, date, Color, Twin, uuid.UUID, bool}])
    return st.one_of(
        several(list, lambda values: st.lists(values, max_size=3)),
        several(tuple, st.tuples),
        several(Box, lambda values: values.map(lambda value: ("box", value))),
        several(Optional, lambda values: st.none() | values),
        st.tuples(keys, cases).map(
            lambda two: (dict[two[0][0], two[1][0]], st.dictionaries(two[0][1], two[1][1], max_size=3))
        ),
        st.tuples(cases, cases).map(
            lambda two: (two[0][0] | two[1][0] if two[0][0] and two[1][0] else two[0][0], two[0][1])
        ),
    )


def boxed(annotation: Any, value: Any) -> Any:
    """Put what is in a tuple ``("box", value)`` into a Box of its annotation, and leave the rest."""
    if isinstance(value, tuple) and len(value) == 2 and value[0] == "box":
        return annotation(value=value[1]) if isinstance(annotation, type) else value
    return value


@settings(suppress_health_check=[HealthCheck.too_slow])  # each draw makes types, which takes pydantic a while
@given(st.data())
def test_whatever_the_type_a_value_comes_back_as_it_was_or_is_refused(data: st.DataObject):
    annotation, values = data.draw(st.recursive(st.sampled_from(LEAVES), deeper, max_leaves=4))
    try:
        shape = adapter(annotation)
        value = shape.validate_python(boxed(annotation, data.draw(values)), by_alias=True, by_name=True)
    except ValueError:  # a box within something else, or a number that no type of a union takes
        return
    try:
        json = write(shape, value)
    except Refused as error:
        said = str(error)
    else:
        back = read(shape, json)
        assert "Any" in str(annotation) or sameness(back) == sameness(value)
        assert write(shape, back) == json
        return
    assert "; " in said


# -- what has still to be read


async def _later() -> int:
    return 1


class _Open(BaseModel, arbitrary_types_allowed=True):
    part: Any = None


@dataclass
class _Record:
    part: list[int]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: {"pages": itertools.count()}, "count as ['pages'], which is read only later, outside of the step"),
        (lambda: [[{"a": (iter([1]),)}]], "list_iterator as [0][0]['a'][0]"),
        (lambda: _Open(part=[map(str, [1])]), "map as part[0]"),
        (lambda: _Record(cast("Any", zip([1], strict=True))), "zip as part"),
        (
            lambda: {"report": io.BytesIO(b"x")},
            "BytesIO as ['report'], which is read only later, outside of the step: ",
        ),
        (lambda: {"answer": _later()}, "coroutine as ['answer'], which is read only later, outside of the step: await"),
        (lambda: iter([1]), "is read only later, outside of the step: return a list"),
    ],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_what_has_still_to_be_read_is_refused_by_its_place_and_is_not_read(make: Callable[[], Any], said: str):
    with pytest.raises(Refused, match=re.escape(said)):
        require_read(make())


@pytest.mark.parametrize("value", [[1, {"a": (2.0, None)}], _Record([1]), {"deep": {"er": {1, 2}}}, "text", range(3)])
def test_what_is_there_already_is_not_refused(value: Any):
    require_read(value)


def test_data_that_hold_themselves_are_looked_at_once():
    whole: dict[str, Any] = {"set": {1}}
    whole["again"] = [whole]

    require_read(whole)
    with pytest.raises(Refused, match="a part of it holds the whole again"):
        write(ANYTHING, whole)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [1, object()]}, r"\['a'\]\[1\] is an object: Unable to serialize unknown type"),
        ({"a": {"b": "\ud800"}}, r"\['a'\]\['b'\] is .*surrogate"),
        ([_Open(part={"k": {1: 2}.keys()})], r"\[0\]\.part\['k'\] is dict_keys"),
    ],
)
def test_what_cannot_be_written_is_told_by_its_place(value: Any, said: str):
    with pytest.raises(Refused, match=f"cannot be written as JSON: {said}"):
        write(ANYTHING, value)
