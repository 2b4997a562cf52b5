"""Lines out of chunks: cut at line feeds alone, whatever the chunks, in bounded memory."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approval_tui.proxy import lines
from approval_tui.proxy.frames import LARGEST_FRAME
from approval_tui.proxy.lines import Line, LineSplitter

SMALL = 4096
KEPT = 1024


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame may have 4,096 bytes, so that a line that is too long is soon written."""
    monkeypatch.setattr(lines, "LARGEST_FRAME", SMALL)


def fed(data: bytes, size: int) -> list[Line]:
    """The lines of the bytes, handed over in chunks of that size."""
    splitter = LineSplitter()
    found = [line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])]
    return [*found, *splitter.rest()]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n\n", []),
        (b" \t \n\r\n \r\n", []),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"a\rb\n", [b"a\rb"]),
        (b"\ra\r\n", [b"a"]),
        (b"a\r\r\n", [b"a"]),
        (b" a b \n", [b"a b"]),
        (b"a\x0bb\x0cc\x1cd\x85e\xe2\x80\xa8f\n", [b"a\x0bb\x0cc\x1cd\x85e\xe2\x80\xa8f"]),
        (b"\x0ba\x0c\n", [b"\x0ba\x0c"]),
        (b"\xef\xbb\xbfa\n", [b"\xef\xbb\xbfa"]),
        (b"a\0b\n\0\n", [b"a\0b", b"\0"]),
        ("a\n".encode("utf-16-le"), [b"a\0", b"\0"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\n  ", [b"a"]),
    ],
    ids=ascii,
)
def test_lines_end_at_line_feeds_and_at_nothing_else(data: bytes, expected: list[bytes]) -> None:
    for size in range(1, len(data) + 2):
        assert fed(data, size) == [Line(each) for each in expected]


@settings(max_examples=100)
@given(
    data=st.binary(max_size=200) | st.text("ab \t\r\n", max_size=200).map(str.encode),
    cuts=st.lists(st.integers(0, 200)),
)
def test_chunks_make_no_difference(data: bytes, cuts: list[int]) -> None:
    splitter = LineSplitter()
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found = [line for at, to in pairwise(bounds) for line in splitter.feed(data[at:to])]
    found += splitter.rest()
    assert found == [Line(part.strip(b" \t\r")) for part in data.split(b"\n") if part.strip(b" \t\r")]
    assert splitter.rest() == []


@pytest.mark.parametrize("size", [1, 2, 7, 1000, SMALL, SMALL + 1, SMALL + 2, 3 * SMALL])
@pytest.mark.usefixtures("small_limit")
def test_a_line_up_to_the_limit_is_whole_whatever_the_chunks(size: int) -> None:
    longest = (bytes(range(33, 127)) * 50)[:SMALL]
    assert fed(b"a\n" + longest + b"\r\nb\n", size) == [Line(b"a"), Line(longest), Line(b"b")]
    one_more = longest + b"!"
    assert fed(one_more + b"\n", size) == [Line(one_more)], "which the parser refuses"


@pytest.mark.parametrize("size", [1, 2, 7, 1000, SMALL, SMALL + 1, SMALL + 2, 3 * SMALL, 30 * SMALL])
@pytest.mark.parametrize("length", [SMALL + 2, SMALL + 3, 2 * SMALL, 20 * SMALL + 13])
@pytest.mark.usefixtures("small_limit")
def test_of_a_line_that_is_too_long_the_ends_are_kept_and_the_next_one_is_whole(size: int, length: int) -> None:
    long = b"".join(b"%07d " % number for number in range(length // 8 + 1))[:length]
    first, too_long, last = fed(b"a\n" + long + b"\nb\n", size)
    assert (first, last) == (Line(b"a"), Line(b"b"))
    assert too_long == Line(long[:KEPT] + long[-KEPT:], is_too_long=True)


@pytest.mark.usefixtures("small_limit")
def test_a_line_that_is_too_long_and_never_ends_is_told_of_at_the_end() -> None:
    assert [line.is_too_long for line in fed(b"x" * (SMALL + 2), 100)] == [True]


@pytest.mark.parametrize("size", [1, 2, 3, 64, 1024, 64 * 1024])
def test_a_line_takes_no_more_memory_than_it_has_bytes_and_some(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 16 * 1024
    monkeypatch.setattr(lines, "LARGEST_FRAME", limit)
    splitter = LineSplitter()
    tracemalloc.start()
    try:
        for _ in range(3 * limit // size):
            splitter.feed(bytes(bytearray(size)))  # a new object each time, as from a pipe
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * limit + 3 * size
    assert kept < limit // 2


def test_a_line_of_the_largest_frame_goes_through_and_one_of_many_times_that_is_dropped() -> None:
    splitter = LineSplitter()
    chunk = b"x" * (64 * 1024)
    for _ in range(LARGEST_FRAME // len(chunk)):
        assert splitter.feed(chunk) == []
    (line,) = splitter.feed(b"\n")
    assert len(line.data) == LARGEST_FRAME
    assert not line.is_too_long
    for _ in range(3 * LARGEST_FRAME // len(chunk)):
        assert splitter.feed(chunk) == []
    (line,) = splitter.feed(b"\n")
    assert line == Line(b"x" * 2 * KEPT, is_too_long=True)
