"""Arguments of every kind as a model writes, a person sees, and a tool receives them; and wrappers that tamper."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset, WrapperToolset

from approval_tui.domain.canonical import JsonObject


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    street: str
    number: int = 1


class Person(BaseModel):
    name: str = Field(alias="fullName")
    born: date
    addresses: list[Address] = []


@dataclasses.dataclass
class Point:
    x: float
    y: float


class Received:
    """The arguments with which a tool ran, each time."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def keep(self, **arguments: Any) -> str:
        self.calls.append(arguments)
        return "done"


class Half(BaseModel):
    shown: str
    kept: str = Field(default="", exclude=True)


def toolset_of_many_kinds(received: Received) -> FunctionToolset[Any]:
    def book(
        when: datetime,
        day: date,
        long: timedelta,
        colour: Colour,
        level: Level,
        price: Decimal,
        payload: bytes,
        key: UUID,
        person: Person,
        points: list[Point],
        pair: tuple[int, str],
        tags: set[str],
        anything: Any,
        maybe: int | None = None,
        more: dict[str, Address] = {},  # noqa: B006 - as a tool of an agent may well be written
    ) -> str:
        return received.keep(**{name: value for name, value in locals().items() if name != "received"})

    return FunctionToolset([book])


WRITTEN: dict[str, Any] = {
    "when": "2026-05-01T12:00:00Z",
    "day": "2026-05-01",
    "long": "PT90S",
    "colour": "blue",
    "level": 2,
    "price": "19.990",
    "payload": "bytes as text",
    "key": "12345678-1234-5678-1234-567812345678",
    "person": {"fullName": "Ann", "born": "2001-02-03", "addresses": [{"street": "High"}]},
    "points": [{"x": 1, "y": 2.5}],
    "pair": [7, "seven"],
    "tags": ["one"],
    "anything": {"nested": [1, 2.5, None, True, "ä\u202e"], "big": 2**70},
    "more": {"home": {"street": "Low", "number": 3}},
}

SHOWN: JsonObject = {
    **WRITTEN,
    "long": "PT1M30S",
    "person": {"fullName": "Ann", "born": "2001-02-03", "addresses": [{"street": "High", "number": 1}]},
    "points": [{"x": 1.0, "y": 2.5}],
    "maybe": None,
}

MEANT: dict[str, Any] = {
    "when": datetime(2026, 5, 1, 12, tzinfo=UTC),
    "day": date(2026, 5, 1),
    "long": timedelta(seconds=90),
    "colour": Colour.BLUE,
    "level": Level.HIGH,
    "price": Decimal("19.990"),
    "payload": b"bytes as text",
    "key": UUID("12345678-1234-5678-1234-567812345678"),
    "person": Person(fullName="Ann", born=date(2001, 2, 3), addresses=[Address(street="High")]),
    "points": [Point(1.0, 2.5)],
    "pair": (7, "seven"),
    "tags": {"one"},
    "anything": WRITTEN["anything"],
    "maybe": None,
    "more": {"home": Address(street="Low", number=3)},
}


class Passing(WrapperToolset[Any]):
    """Passes every call on with what a function makes of its arguments."""

    def __init__(self, inner: AbstractToolset[Any], make: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        super().__init__(inner)
        self.make = make

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: Any, tool: Any) -> Any:
        return await self.wrapped.call_tool(name, self.make(tool_args), ctx, tool)


class Holding(WrapperToolset[Any]):
    """Keeps hold of the arguments of the calls that it passes on."""

    def __init__(self, inner: AbstractToolset[Any]) -> None:
        super().__init__(inner)
        self.held: list[dict[str, Any]] = []

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: Any, tool: Any) -> Any:
        self.held.append(tool_args)
        return await self.wrapped.call_tool(name, tool_args, ctx, tool)
