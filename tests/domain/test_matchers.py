"""What a matcher covers: calls of whose every part it speaks, each as it says, and no other call."""

from __future__ import annotations

import copy
import dataclasses
import time
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from approval_tui.domain.calls import Call, CheckedCall, check_call
from approval_tui.domain.canonical import DEEPEST_NESTING, canonical_json, tagged_hash
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.matchers import (
    ANYTHING,
    EXACTLY,
    FITTING,
    LONGEST_EXACT,
    MOST_PARTS,
    SAME_HASH,
    Matcher,
    Part,
    Path,
    exact_matcher,
    exact_part,
    path_name,
    path_of,
    value_at,
)

BIG = 2**53


def asked(arguments: dict[str, Any], context: dict[str, Any] | None = None, **parts: Any) -> CheckedCall:
    """The call of those arguments, as it is asked."""
    given_parts = {"tool": "shell", "requester": "bot", "server": "files", "rule_hash": "r1", **parts}
    return check_call(Call(arguments=arguments, context=context or {}, **given_parts))


def covers(arguments: dict[str, Any], others: dict[str, Any]) -> bool:
    """Whether the narrowest matcher of a call with these arguments covers one with the others."""
    return exact_matcher(asked(arguments)).covers(asked(others))


# --- exactly that call -------------------------------------------------------------------------

OTHERS = [
    ({"a": 1}, {"a": "1"}),
    ({"a": 1}, {"a": True}),
    ({"a": 0}, {"a": False}),
    ({"a": 0}, {"a": None}),
    ({"a": None}, {"a": "null"}),
    ({"a": None}, {}),
    ({"a": ""}, {"a": None}),
    ({"a": ""}, {}),
    ({}, {"a": None}),
    ({"a": 1}, {"a": 1, "b": None}),
    ({"a": 1, "b": 2}, {"a": 1}),
    ({"a": 1}, {"A": 1}),
    ({"a": 1}, {"a ": 1}),
    ({"a": 1}, {"\u0430": 1}),
    ({"a": 1}, {"a\0": 1}),
    ({"a": 1}, {"": 1}),
    ({"a": {"b": 1}}, {"a.b": 1}),
    ({"a": {"b": 1}}, {"a": {"b": 1, "c": 1}}),
    ({"a": {"b": 1}}, {"a": [["b", 1]]}),
    ({"a": {"b": 1}}, {"a": {"b": {"c": 1}}}),
    ({"a": {}}, {"a": []}),
    ({"a": {}}, {"a": None}),
    ({"a": {}}, {"a": {"b": None}}),
    ({"a": []}, {"a": [None]}),
    ({"a": [1, 2]}, {"a": [2, 1]}),
    ({"a": [1]}, {"a": 1}),
    ({"a": BIG}, {"a": BIG + 1}),
    ({"a": BIG}, {"a": float(BIG)}),
    ({"a": BIG}, {"a": f"\0int:{BIG}"}),
    ({"a": BIG}, {"a": f"int:{BIG}"}),
    ({"a": BIG}, {"a": str(BIG)}),
    ({"a": "\0x"}, {"a": "\0\0x"}),
    ({"a": 1.5}, {"a": 1.25}),
    ({"a": "x"}, {"a": "x\n"}),
    ({"a": "é"}, {"a": "e\u0301"}),
    ({"a": "x" * 5000}, {"a": "x" * 5001}),
    ({"a": ["x" * 5000]}, {"a": "x" * 5000}),
]


@pytest.mark.parametrize(("arguments", "others"), OTHERS, ids=lambda value: ascii(value)[:40])
def test_the_narrowest_matcher_covers_its_call_and_not_one_that_is_nearly_it(
    arguments: dict[str, Any], others: dict[str, Any]
) -> None:
    assert covers(arguments, arguments)
    assert covers(others, others)
    assert not covers(arguments, others)
    assert not covers(others, arguments)


def test_one_and_one_point_nothing_are_one_number_as_they_are_one_fingerprint() -> None:
    assert asked({"a": 1}).fingerprint == asked({"a": 1.0}).fingerprint
    assert covers({"a": 1}, {"a": 1.0})
    assert covers({"a": 1.0}, {"a": 1})


def test_the_order_of_keys_does_not_matter_as_it_does_not_for_the_fingerprint() -> None:
    assert covers({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})


@pytest.mark.parametrize(
    "parts",
    [{"tool": "shell2"}, {"tool": "Shell"}, {"requester": "bot2"}, {"server": None}, {"server": "file"},
     {"rule_hash": None}, {"rule_hash": "r2"}],
    ids=str,
)  # fmt: skip
def test_a_matcher_is_of_one_requester_tool_server_and_rule(parts: dict[str, Any]) -> None:
    anything = exact_matcher(asked({})).with_part(Part(("arguments",), ANYTHING))
    assert anything.covers(asked({"a": 1}))
    assert not anything.covers(asked({"a": 1}, **parts))
    assert not exact_matcher(asked({})).covers(asked({}, **parts))


@pytest.mark.parametrize(
    ("context", "other"),
    [
        ({"working_directory": "/a"}, {"working_directory": "/b"}),
        ({"working_directory": "/a"}, {}),
        ({}, {"working_directory": "/a"}),
        ({"environment": {"PATH": "/bin"}}, {"environment": {"PATH": "/tmp"}}),
        ({"environment": {"PATH": "/bin"}}, {"environment": {"PATH": "/bin", "LD_PRELOAD": "x"}}),
    ],
    ids=str,
)
def test_where_it_would_run_is_held_against_the_matcher_too(context: dict[str, Any], other: dict[str, Any]) -> None:
    matcher = exact_matcher(asked({"a": 1}, context)).with_part(Part(("arguments",), ANYTHING))
    assert matcher.covers(asked({"a": 2}, context))
    assert not matcher.covers(asked({"a": 1}, other))


def test_arguments_and_context_are_not_taken_for_each_other() -> None:
    assert not exact_matcher(asked({"x": 1}, {})).covers(asked({}, {"x": 1}))
    nested = asked({"context": {"x": 1}, "arguments": {"x": 1}}, {"arguments": 2})
    assert exact_matcher(nested).covers(nested)
    assert not exact_matcher(nested).covers(asked({"context": {"x": 1}, "arguments": {"x": 2}}, {"arguments": 2}))


# --- long, many and deep -----------------------------------------------------------------------


def test_of_a_long_value_the_hash_is_kept_and_only_that_value_fits() -> None:
    value = "x" * (LONGEST_EXACT - 2)
    assert exact_part(("arguments", "a"), value).kind == EXACTLY
    part = exact_part(("arguments", "a"), value + "y")
    assert (part.kind, part.text) == (SAME_HASH, tagged_hash(canonical_json(value + "y")))
    assert part.fits(value + "y")
    assert not part.fits(value + "z")
    assert not part.fits(part.text)
    assert not part.fits([value + "y"])


def test_an_exact_value_is_not_its_own_text_and_a_hash_is_not_what_has_it_as_text() -> None:
    assert not Part(("arguments", "a"), EXACTLY, '{"b":1}').fits('{"b":1}')
    assert Part(("arguments", "a"), EXACTLY, '{"b":1}').fits({"b": 1})
    hashed = tagged_hash(canonical_json("x"))
    assert not Part(("arguments", "a"), EXACTLY, hashed).fits("x")


def test_a_call_of_very_many_parts_is_taken_as_a_whole() -> None:
    few = {f"k{number}": number for number in range(MOST_PARTS)}
    many = {**few, "one more": 0}
    assert len(exact_matcher(asked(few, few)).parts) == 2 * MOST_PARTS
    whole = exact_matcher(asked(many, many))
    assert [part.path for part in whole.parts] == [("arguments",), ("context",)]
    assert whole.covers(asked(many, many))
    assert not whole.covers(asked({**many, "k0": 1}, many))
    assert not whole.covers(asked(many, {**many, "k0": 1}))
    assert Matcher.from_json(whole.to_json()) == whole
    with pytest.raises(InvalidInput, match="the call has no k0"):
        whole.with_part(Part(("arguments", "k0"), ANYTHING))


def test_a_call_that_is_as_deep_as_a_call_may_be_has_a_matcher() -> None:
    value: Any = 1
    for _ in range(DEEPEST_NESTING - 2):
        value = {"a": value}
    call = asked({"a": value})
    matcher = exact_matcher(call)
    assert matcher.covers(call)
    assert not matcher.covers(asked({"a": {"a": 1}}))
    assert Matcher.from_json(matcher.to_json()) == matcher


def test_a_call_of_many_megabytes_is_soon_held_against_a_matcher() -> None:
    matcher = exact_matcher(asked({"a": 1})).with_part(Part(("arguments", "a"), FITTING, "*"))
    large = asked({f"k{number}": "x" for number in range(100_000)})
    began = time.process_time()
    for _ in range(100):
        assert not matcher.covers(large)
    assert time.process_time() - began < 5


# --- looser parts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "is_covered"),
    [("src/b.py", True), ("src/b/c.py", False), ("src/..", False), ("src/", False), ("lib/a.py", False),
     (None, False), (1, False), (True, False), (["src/b.py"], False), ({"x": "src/b.py"}, False),
     ("src/%2e%2e", False), ("src/b.py\n", False), (" src/b.py", False), ("src/$(id)", False)],
    ids=ascii,
)  # fmt: skip
def test_a_part_that_fits_a_pattern_is_one_text_that_does(value: Any, is_covered: bool) -> None:
    matcher = exact_matcher(asked({"path": "src/a.py", "mode": "w"}))
    matcher = matcher.with_part(Part(("arguments", "path"), FITTING, "src/*"))
    assert matcher.covers(asked({"path": value, "mode": "w"})) == is_covered
    assert not matcher.covers(asked({"path": value, "mode": "a"}))
    assert not matcher.covers(asked({"path": value}))
    assert not matcher.covers(asked({"path": value, "mode": "w", "force": True}))


@pytest.mark.parametrize(
    "value", [None, 1, "x" * 100_000, [], {}, {"b": {"c": 1}}, [{"d": 1}]], ids=lambda v: str(v)[:9]
)
def test_a_part_that_may_be_anything_has_to_be_there_all_the_same(value: Any) -> None:
    matcher = exact_matcher(asked({"a": 1, "b": 2})).with_part(Part(("arguments", "a"), ANYTHING))
    assert matcher.covers(asked({"a": value, "b": 2}))
    assert not matcher.covers(asked({"b": 2}))
    assert not matcher.covers(asked({"a": value, "b": value}))


def test_what_stands_below_a_path_is_loosened_with_it() -> None:
    call = asked({"a": {"b": 1, "c": {"d": 2}}, "e": 3})
    matcher = exact_matcher(call).with_part(Part(("arguments", "a"), ANYTHING))
    assert [part.path for part in matcher.parts] == [("arguments", "a"), ("arguments", "e"), ("context",)]
    assert matcher.covers(asked({"a": 7, "e": 3}))
    assert not matcher.covers(asked({"a": 7, "e": 4}))
    everything = exact_matcher(call).with_part(Part(("arguments",), ANYTHING))
    assert everything.covers(asked({}))
    assert everything.covers(asked({"z": 1}))


def test_a_part_of_which_two_words_speak_covers_nothing() -> None:
    part = Part(("arguments",), ANYTHING)
    matcher = dataclasses.replace(exact_matcher(asked({"a": 1})), parts=(part, Part(("arguments", "a"), ANYTHING)))
    assert not matcher.covers(asked({"a": 1}))


@pytest.mark.parametrize(
    "part",
    [
        Part(("arguments", "b"), ANYTHING),
        Part(("arguments", "a", "b"), ANYTHING),
        Part(("arguments", ""), ANYTHING),
        Part(("a",), ANYTHING),
        Part((), ANYTHING),
        Part(("arguments", 1), ANYTHING),  # type: ignore[arg-type]
        Part(("arguments", "a"), "nothing"),
        Part(("arguments", "a"), FITTING),
        Part(("arguments", "a"), FITTING, ""),
        Part(("arguments", "a"), FITTING, "no star"),
        Part(("arguments", "a"), FITTING, "***"),
        Part(("arguments", "a"), FITTING, "../*"),
        Part(("arguments", "a"), FITTING, 1),  # type: ignore[arg-type]
        Part(("arguments", "a"), ANYTHING, "x"),
        Part(("arguments", "a"), EXACTLY),
    ],
    ids=str,
)
def test_a_word_that_means_nothing_is_refused_in_words(part: Part) -> None:
    with pytest.raises(InvalidInput) as caught:
        exact_matcher(asked({"a": 1})).with_part(part)
    assert caught.value.not_done == "Nothing was granted."


# --- every call --------------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from((BIG, -BIG, BIG + 1, 1.0, 0.5, -0.0, "", "1", "true", "null", "\0", f"\0int:{BIG}", "x" * 1200)),
    st.text("ab/. -\0\u0430é\U0001f600", max_size=5),
)
KEYS = st.sampled_from(("a", "b", "", "a.b", "arguments", "context", "\u0430", "é", "x y", "[", '["a"]', "\0"))
VALUES = st.recursive(
    SCALARS, lambda some: st.lists(some, max_size=3) | st.dictionaries(KEYS, some, max_size=3), max_leaves=8
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


def path_strategy(matcher: Matcher) -> st.SearchStrategy[Path]:
    """A path of the matcher, or one above it."""
    paths = {part.path[:length] for part in matcher.parts for length in range(1, len(part.path) + 1)}
    return st.sampled_from(sorted(paths))


@given(OBJECTS, OBJECTS, OBJECTS, OBJECTS)
@example({"a": {}}, {}, {"a": {"b": 1}}, {})
@example({"a": 1}, {}, {"a": 1.0}, {})
def test_the_narrowest_matcher_covers_what_has_the_fingerprint_of_its_call(
    arguments: dict[str, Any], context: dict[str, Any], others: dict[str, Any], elsewhere: dict[str, Any]
) -> None:
    call, other = asked(arguments, context), asked(others, elsewhere)
    matcher = exact_matcher(call)
    assert matcher.is_exact
    assert matcher.covers(call)
    assert matcher.covers(other) == (call.fingerprint == other.fingerprint)


@given(st.data(), OBJECTS, OBJECTS)
def test_one_change_anywhere_in_a_call_is_another_call(
    data: st.DataObject, arguments: dict[str, Any], context: dict[str, Any]
) -> None:
    call = asked(arguments, context)
    matcher = exact_matcher(call)
    path = data.draw(path_strategy(matcher))
    changed = {"arguments": copy.deepcopy(call.arguments), "context": copy.deepcopy(call.context)}
    new = data.draw(OBJECTS if len(path) == 1 else VALUES)
    assume(canonical_json(new) != canonical_json(value_at(call, path)))
    place: Any = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = new
    assert not matcher.covers(asked(changed["arguments"], changed["context"]))


@given(st.data(), OBJECTS, OBJECTS, OBJECTS)
def test_to_loosen_only_widens(
    data: st.DataObject, arguments: dict[str, Any], context: dict[str, Any], others: dict[str, Any]
) -> None:
    call = asked(arguments, context)
    matcher = exact_matcher(call)
    near = [call, asked(others, context), asked({**arguments, **others}, context), asked(arguments, others)]
    for _ in range(data.draw(st.integers(1, 3))):
        looser = matcher.with_part(Part(data.draw(path_strategy(matcher)), ANYTHING))
        assert not looser.is_exact
        for each in near:
            assert looser.covers(each) or not matcher.covers(each)
        assert Matcher.from_json(looser.to_json()) == looser
        matcher = looser


@given(st.data(), OBJECTS, OBJECTS, VALUES)
def test_what_is_free_is_free_and_nothing_else_is(
    data: st.DataObject, arguments: dict[str, Any], context: dict[str, Any], value: Any
) -> None:
    assume(arguments)
    call = asked(arguments, context)
    name = data.draw(st.sampled_from(sorted(arguments)))
    matcher = exact_matcher(call).with_part(Part(("arguments", name), ANYTHING))
    assert matcher.covers(asked({**arguments, name: value}, context))
    assert not matcher.covers(asked({key: item for key, item in arguments.items() if key != name}, context))
    assert not matcher.covers(asked({**arguments, name: value, "new": None}, context))
    assert not matcher.covers(asked({**arguments, name: value}, {**context, "new": None}))


@given(OBJECTS, OBJECTS)
def test_the_stored_form_is_read_back_as_the_same(arguments: dict[str, Any], context: dict[str, Any]) -> None:
    matcher = exact_matcher(asked(arguments, context))
    assert Matcher.from_json(matcher.to_json()) == matcher


# --- what is stored ----------------------------------------------------------------------------

GOOD: dict[str, Any] = exact_matcher(asked({"a": 1, "b": "x"})).to_json()
JUNK: tuple[Any, ...] = (1, 1.5, True, [], {}, [1], {"a": 1})
PART: dict[str, Any] = {"path": ["arguments", "a"], "kind": EXACTLY, "text": "1"}


def test_what_the_malformed_ones_are_made_of_is_well_formed() -> None:
    assert Matcher.from_json(GOOD).to_json() == GOOD
    assert Matcher.from_json({**GOOD, "parts": [PART]}).parts == (Part(("arguments", "a"), EXACTLY, "1"),)


@pytest.mark.parametrize(
    "value",
    [
        *(None, 1, "{}", [], {}, [GOOD]),
        *({key: item for key, item in GOOD.items() if key != name} for name in GOOD),
        {**GOOD, "more": 1},
        *({**GOOD, name: None} for name in ("requester", "tool")),
        *({**GOOD, name: value} for name in ("requester", "tool", "server", "rule_hash") for value in JUNK),
        *({**GOOD, "parts": value} for value in (*JUNK, None, "ab", [None], ["a"], [[]], [{}]) if value != []),
        {**GOOD, "parts": [PART, PART]},
        {**GOOD, "parts": [{**PART, "path": ["arguments", str(number)]} for number in range(2 * MOST_PARTS + 1)]},
        {**GOOD, "parts": [{**PART, "more": 1}]},
        *({**GOOD, "parts": [{key: item for key, item in PART.items() if key != name}]} for name in PART),
        *(
            {**GOOD, "parts": [{**PART, "path": path}]}
            for path in (None, [], "arguments", ["a"], [1], ["arguments", 1], ["arguments", None], ["arguments", ["a"]],
                         {"arguments": 1}, [["arguments"]])
        ),
        *({**GOOD, "parts": [{**PART, "kind": kind}]} for kind in (*JUNK, None, "", "Exactly", "regex")),
        *({**GOOD, "parts": [{**PART, "text": text}]} for text in (*JUNK, None, b"1")),
        {**GOOD, "parts": [{**PART, "kind": ANYTHING}]},
        {**GOOD, "parts": [{**PART, "kind": ANYTHING, "text": ""}]},
        *({**GOOD, "parts": [{**PART, "kind": FITTING, "text": text}]} for text in (*JUNK, "", "a", "***", "../*")),
    ],
    ids=lambda value: ascii(value)[-60:],
)  # fmt: skip
def test_what_is_no_matcher_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        Matcher.from_json(value)


@given(
    st.recursive(
        SCALARS, lambda some: st.lists(some, max_size=3) | st.dictionaries(st.sampled_from((*GOOD, *PART)), some)
    )
)
def test_whatever_is_read_as_a_matcher_is_one_or_refused(value: object) -> None:
    try:
        Matcher.from_json(value)
    except InvalidInput:
        return
    raise AssertionError("chance makes no matcher")


# --- the names of parts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("arguments", "path"), "path"),
        (("arguments", "a", "b"), "a.b"),
        (("context", "working_directory"), "context.working_directory"),
        (("arguments",), "arguments"),
        (("context",), "context"),
        (("arguments", "context"), "arguments.context"),
        (("arguments", "arguments", "x"), "arguments.arguments.x"),
        (("arguments", "a.b"), '["arguments","a.b"]'),
        (("arguments", ""), '["arguments",""]'),
        (("arguments", "["), '["arguments","["]'),
        (("arguments", "a\n"), '["arguments","a\\n"]'),
        (("arguments", "x" * 61), '["arguments","' + "x" * 61 + '"]'),
    ],
    ids=ascii,
)
def test_a_part_is_named_as_a_person_writes_it(path: Path, name: str) -> None:
    assert path_name(path) == name
    assert path_of(name) == path


@given(st.tuples(st.sampled_from(("arguments", "context")), st.lists(KEYS | st.text(max_size=4), max_size=3)))
def test_no_two_parts_have_one_name(path_parts: tuple[str, list[str]]) -> None:
    path = (path_parts[0], *path_parts[1])
    assert path_of(path_name(path)) == path


@pytest.mark.parametrize("name", ["[", "[]", "[1]", '["a"', '["arguments", 1]', "[null]", "[" * 2000])
def test_a_list_that_names_no_part_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        path_of(name)
