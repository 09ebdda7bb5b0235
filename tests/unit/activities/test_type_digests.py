"""An interface is the same for types that are built alike, with every version of pydantic, and made in no time."""

from __future__ import annotations

import enum
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypeVar, Union

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model
from typing_extensions import TypeAliasType, TypedDict

from paigeant.activities.type_digests import kind_digest, needed_digest

T = TypeVar("T")
Amount = NewType("Amount", int)
Alias = TypeAliasType("Alias", list[int])


class Line(BaseModel):
    sku: str
    count: int = 1


class SameLine(BaseModel):
    """Of another name, with a note."""

    sku: str = Field(description="what it is", examples=["x"])
    other: str | None = None


@dataclass
class LineAsData:
    sku: str
    count: int = 3


class LineAsDict(TypedDict):
    sku: str


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sku: str


class Numbers(RootModel[list[int]]):
    pass


class Box(BaseModel, Generic[T]):
    value: T


class IntBox(BaseModel):
    value: int


class Aliased(BaseModel):
    number: str = Field(alias="sku")


class Tree(BaseModel):
    value: int
    children: list[Tree]


class Wood(BaseModel):
    value: int
    children: list[Forest]


class Forest(BaseModel):
    value: int
    children: list[Wood]


class Pair(NamedTuple):
    a: int
    b: str


class Colour(enum.Enum):
    RED = "red"


class Tint(enum.StrEnum):
    CRIMSON = "red"


ALIKE: list[tuple[Any, Any]] = [
    (Line, SameLine),
    (Line, LineAsData),
    (Line, LineAsDict),
    (Line, Aliased),
    (Numbers, list[int]),
    (Alias, list[int]),
    (Amount, int),
    (Box[int], IntBox),
    (Optional[int], int | None),  # noqa: UP045  (the other spelling)
    (Union[int, str], str | int),  # noqa: UP007
    (Annotated[int, "note"], int),
    (Annotated[int, Field(description="note")], int),
    (Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0, title="more")]),
    (Pair, tuple[int, str]),
    (Tree, Wood),
    (list[Tree], list[Forest]),
    (Colour, Tint),
    (Any, object),
]
DIFFERENT: list[tuple[Any, Any]] = [
    (int, str),
    (int, Annotated[int, Field(gt=0)]),
    (Annotated[int, Field(gt=0)], Annotated[int, Field(gt=1)]),
    (str, Annotated[str, Field(pattern="^a")]),
    (list[int], list[str]),
    (list[int], set[int]),
    (tuple[int, str], tuple[str, int]),
    (dict[str, int], dict[int, str]),
    (Line, Strict),
    (Box[int], Box[str]),
    (Literal["a"], Literal["b"]),
    (Literal[1], Literal[True]),
    (int, int | None),
    (Tree, list[Tree]),
    (bytes, str),
]


@pytest.mark.parametrize(("one", "other"), ALIKE, ids=range(len(ALIKE)))
def test_what_is_built_alike_has_one_digest(one: Any, other: Any):
    assert needed_digest(one) == needed_digest(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=range(len(DIFFERENT)))
def test_what_takes_other_values_has_another(one: Any, other: Any):
    assert needed_digest(one) != needed_digest(other)


@pytest.mark.parametrize("depth", range(1, 12))
def test_a_change_is_seen_however_deep_it_lies(depth: int):
    def chain(leaf: Any) -> Any:
        for _ in range(depth):
            leaf = create_model("Link", inner=(leaf, ...))
        return leaf

    assert needed_digest(chain(int)) != needed_digest(chain(str))
    assert needed_digest(chain(int)) == needed_digest(chain(int))


def mutual(count: int) -> Any:
    """Return the first of so many models that all know each other."""
    names = [f"Node{n}" for n in range(count)]
    space: dict[str, Any] = {"BaseModel": BaseModel, "Union": Union}
    source = "".join(
        f"class {name}(BaseModel):\n    at{n}: int\n" + "".join(f"    to_{other}: '{other}'\n" for other in names)
        for n, name in enumerate(names)
    )
    exec(source, space)
    for name in names:
        space[name].model_rebuild(_types_namespace=space)
    return space[names[0]]


@pytest.mark.parametrize(
    "make", [lambda: mutual(30), lambda: chain_of(200), lambda: wide(500)], ids=["mutual", "long", "wide"]
)
def test_a_digest_is_made_in_no_time_however_the_types_know_each_other(make: Any):
    annotation = make()

    began = monotonic()
    needed_digest(annotation)
    kind_digest(annotation)

    assert monotonic() - began < 5


def chain_of(count: int) -> Any:
    leaf: Any = int
    for n in range(count):
        leaf = create_model(f"Link{n}", inner=(leaf, ...), again=(leaf, ...))
    return leaf


def wide(count: int) -> Any:
    leaves = {f"f{n}": (create_model(f"Leaf{n}", value=(int, ...)), ...) for n in range(count)}
    return create_model("Wide", **leaves)  # pyright: ignore[reportCallIssue, reportArgumentType]


CORPUS = textwrap.dedent(
    """
    import enum, uuid
    from collections.abc import Mapping, Sequence
    from dataclasses import dataclass
    from datetime import date, datetime, time, timedelta
    from decimal import Decimal
    from ipaddress import IPv4Address
    from pathlib import Path
    from typing import Annotated, Any, Generic, Literal, Optional, TypeVar
    import pydantic
    from pydantic import *
    from typing_extensions import TypedDict
    from paigeant.activities.interfaces import interface_of

    T = TypeVar("T")
    class Color(enum.Enum): RED = "red"; BLUE = 2
    class Tree(BaseModel):
        value: Annotated[int, Field(ge=0, le=10)]
        children: "list[Tree]"
    class Cat(BaseModel): kind: Literal["cat"]; n: Decimal
    class Dog(BaseModel): kind: Literal["dog"]; raw: bytes
    class Box(BaseModel, Generic[T]): value: T
    class Order(BaseModel, extra="forbid"):
        id: uuid.UUID = Field(alias="orderId")
        at: datetime
        price: Decimal = Field(max_digits=10, decimal_places=2)
        code: str = Field(pattern="^[a-z]+$", min_length=2)
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]
        box: Box[int]
        note: str | None = None
        @computed_field
        @property
        def double(self) -> int: return 2
    @dataclass
    class Data: a: bytes; b: float = 0.0
    class Plate(TypedDict): raw: bytes
    class Numbers(RootModel[list[int]]): pass
    types = [int, str, bool, float, bytes, Decimal, date, datetime, time, timedelta, uuid.UUID, Path, IPv4Address,
        Color, AnyUrl, SecretStr, Json[list[int]], Tree, Order, Data, Plate, Numbers, Box[str], Optional[int],
        list[Order], dict[str, Tree], Mapping[str, bytes], Sequence[Decimal], set[int], tuple[int, ...],
        tuple[int, str],
        Any, None, JsonValue, PositiveInt, constr(min_length=3), conint(gt=3), EmailStr,
        Annotated[str, StringConstraints(pattern="a")],
        Literal["a", 1], NaiveDatetime, PastDate, ByteSize, Base64Bytes, FilePath, HttpUrl, PostgresDsn]
    for each in types:
        print(interface_of([("x", each, True)], each))
    """
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_interface_is_the_same_with_the_oldest_and_the_newest_pydantic(tmp_path: Path):
    made: dict[str, str] = {}
    for wanted in ("pydantic==2.12.0", "pydantic<3", ""):
        place = tmp_path / (wanted or "installed")
        if wanted:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(place), wanted]
            subprocess.run(command, check=True, capture_output=True)
        program = f"{CORPUS}\nprint(pydantic.VERSION)"
        environment = {"PYTHONPATH": str(place), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stderr
        *lines, version = done.stdout.splitlines()
        made[version] = "\n".join(lines)

    assert len(made) >= 2
    assert len(set(made.values())) == 1
