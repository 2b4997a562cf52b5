"""A YAML text as a tree: every node at its line and column, and nothing that stands twice or has no end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from approval_tui.domain.yaml_tree import (
    BOOL,
    DEEPEST_NESTING,
    FLOAT,
    INT,
    LIST,
    MAPPING,
    MOST_NODES,
    NULL,
    STR,
    Node,
    Tree,
    read_tree,
)
from tests.support import LONG, ROOT

FILE = "file.yaml"


def tree(text: str) -> Tree:
    return read_tree(text, FILE)


def root(text: str) -> Node:
    """The root of a text without faults."""
    found = tree(text)
    assert found.faults == ()
    assert found.root is not None
    return found.root


def under(mapping: Node, key: str) -> Node:
    """The value of that key."""
    (value,) = (entry.value for entry in mapping.entries if entry.key.text == key)
    return value


def value(text: str) -> Node:
    """What stands below the key `a`."""
    return under(root(f"a: {text}"), "a")


def faults(text: str) -> list[str]:
    return [fault.text for fault in tree(text).faults]


# --- kinds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "content"),
    [
        ("word", STR, "word"),
        ("two words", STR, "two words"),
        ("'no'", STR, "no"),
        ('"5"', STR, "5"),
        ('"\\u00e9\\n"', STR, "\u00e9\n"),
        ("''", STR, ""),
        ("no", BOOL, "no"),
        ("True", BOOL, "True"),
        ("5", INT, "5"),
        ("0x1F", INT, "0x1F"),
        ("12:30", INT, "12:30"),
        ("1.5", FLOAT, "1.5"),
        (".inf", FLOAT, ".inf"),
        ("~", NULL, "~"),
        ("null", NULL, "null"),
        ("", NULL, ""),
        ("2026-11-21", "timestamp", "2026-11-21"),
        ("=", "value", "="),
        ("!!str 5", STR, "5"),
        ("!!int '5'", INT, "5"),
        ("!!binary aGk=", "binary", "aGk="),
        ("!mine x", "!mine", "x"),
        ("|\n  one\n  two\n", STR, "one\ntwo\n"),
        (">-\n  one\n  two\n", STR, "one two"),
    ],
)
def test_a_scalar_has_its_kind_and_the_text_that_was_written(text: str, kind: str, content: str) -> None:
    found = value(text)
    assert (found.kind, found.text) == (kind, content)
    assert found.items == ()
    assert found.entries == ()


def test_lists_and_mappings_hold_nodes_in_their_order() -> None:
    found = value("[x, {k: 1, j: [2]}]")
    assert found.kind == LIST
    assert found.items[0].text == "x"
    inner = found.items[1]
    assert (inner.kind, [entry.key.text for entry in inner.entries]) == (MAPPING, ["k", "j"])
    assert under(inner, "j").items[0].text == "2"


def test_plain_text_is_told_from_text_in_quotes() -> None:
    for written in ("word", "5", "1e3", "~", "no", "!!str no"):
        assert value(written).is_plain
    for written in ("'word'", '"5"', "'1e3'", "|\n  word", ">\n  word"):
        assert not value(written).is_plain


@pytest.mark.parametrize("text", ["", "\n", "# a comment", "---", "---\n...", "~", "null"])
def test_an_empty_file_has_no_root_and_no_fault(text: str) -> None:
    assert tree(text) == Tree(None)


# --- places ------------------------------------------------------------------------------------


def test_a_node_knows_its_line_and_column() -> None:
    found = root('first: 1\n\n# a comment\nsecond:\n  - {k: "v"}\n  -\n    deep: x\nempty:\nlast: |\n  text\n')
    where = {
        entry.key.text: (entry.key.line, entry.key.column, entry.value.line, entry.value.column)
        for entry in found.entries
    }
    assert where == {"first": (1, 1, 1, 8), "second": (4, 1, 5, 3), "empty": (8, 1, 8, 7), "last": (9, 1, 9, 7)}
    one, two = under(found, "second").items
    assert (one.line, one.column, under(one, "k").column) == (5, 5, 9)
    assert (two.line, two.column, under(two, "deep").line, under(two, "deep").column) == (7, 5, 7, 11)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: \u00e9\u00e9 \nb: x", 2, 4),
        ("'\U0001f600\U0001f600': 1\nb: x", 2, 4),
        ("{'\U0001f600': 1, b: x}", 1, 13),
        ("a: 1\r\nb: x", 2, 4),
        ("a: 1\rb: x", 2, 4),
        ("---\nb: x", 2, 4),
        ("%YAML 1.1\n---\nb: x", 3, 4),
        ("b:\tx", 1, 4),
    ],
)
def test_columns_count_characters(text: str, line: int, column: int) -> None:
    found = under(root(text), "b")
    assert (found.line, found.column) == (line, column)


words = st.text("abcxyz \u00e9\U0001f600", min_size=1, max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=12,
)


@given(document=st.dictionaries(words, json_values, min_size=1, max_size=4), indent=st.sampled_from([None, 0, 2, 5]))
@settings(max_examples=100)
def test_every_node_of_json_stands_where_the_text_has_it(document: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    lines = text.split("\n")

    def check(node: Node, expected: Any) -> None:
        here = lines[node.line - 1][node.column - 1 :]
        if isinstance(expected, dict):
            assert here.startswith("{")
            for entry, (key, inner) in zip(node.entries, expected.items(), strict=True):
                check(entry.key, key)
                check(entry.value, inner)
        elif isinstance(expected, list):
            assert here.startswith("[")
            for item, inner in zip(node.items, expected, strict=True):
                check(item, inner)
        else:
            assert here.startswith(json.dumps(expected, ensure_ascii=False))

    check(root(text), document)


@given(document=st.dictionaries(words, json_values, min_size=1, max_size=4))
@settings(max_examples=100)
def test_the_tree_holds_what_yaml_holds(document: dict[str, Any]) -> None:
    def content(node: Node) -> Any:
        if node.kind == MAPPING:
            return {entry.key.text: content(entry.value) for entry in node.entries}
        if node.kind == LIST:
            return [content(item) for item in node.items]
        return node.text if node.kind == STR else yaml.safe_load(node.text)

    assert content(root(yaml.safe_dump(document, allow_unicode=True))) == document


WITHOUT_C = """
import sys, yaml
yaml.__dict__.pop("CSafeLoader", None)
from approval_tui.domain.yaml_tree import read_tree
print([repr(read_tree(text, "file.yaml")) for text in TEXTS] == RESULTS)
"""


def test_without_the_c_parser_everything_is_the_same() -> None:
    texts = [
        'a: 1\nb: [x, "y", {k: ~}]\n? c\n: |\n  text\n',
        "a: 1\na: 2\n? [x]\n: y",
        "a: &a [*a]",
        "a: [b",
        "a: b: c",
        "'\u00e9\U0001f600': 1e3",
        "a: !mine x",
        "",
        "- 1",
        "a: " + "[" * 60,
        "a: *b",
        "---\na: 1\n---\nb: 2",
    ]
    results = [repr(tree(text)) for text in texts]
    program = f"TEXTS = {texts!r}\nRESULTS = {results!r}\n{WITHOUT_C}"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=LONG)
    assert (done.stdout, done.stderr) == ("True\n", "")


# --- faults ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "file.yaml:3:1: a: stands twice (first in line 1)"),
        ("a: {b: 1, c: 2, 'b': 3}", "file.yaml:1:17: a.b: stands twice (first in line 1)"),
        ("a:\n  - b: 1\n    b: 1", "file.yaml:3:5: a[0].b: stands twice (first in line 2)"),
        ("1: x\n'1': y", "file.yaml:2:1: 1: stands twice (first in line 1)"),
        ("? [a, b]\n: c", "file.yaml:1:3: a key must be a plain word"),
        ("a: {{b: c}: d}", "file.yaml:1:5: a key must be a plain word"),
        ("a: &x {b: *x}", "file.yaml:1:8: a.b: refers to itself"),
        ("a: &x [1, *x]", "file.yaml:1:4: a[1]: refers to itself"),
        ("a: &x {b: [{c: *x}]}", "file.yaml:1:13: a.b[0].c: refers to itself"),
    ],
)
def test_what_stands_twice_or_in_itself_is_a_fault(text: str, problem: str) -> None:
    assert faults(text) == [problem]
    assert tree(text).root is not None


def test_of_a_key_that_stands_twice_the_first_is_kept() -> None:
    found = tree("a: 1\nb: 2\na: 3").root
    assert found is not None
    assert [(entry.key.text, entry.value.text) for entry in found.entries] == [("a", "1"), ("b", "2")]


def test_all_faults_of_a_tree_are_noted() -> None:
    assert [each.partition(": ")[0] for each in faults("a: 1\na: 2\n? [x]\n: 1\nb: &b {c: *b, d: 1, d: 2}")] == [
        "file.yaml:2:1", "file.yaml:3:3", "file.yaml:5:8", "file.yaml:5:21",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [b", "file.yaml:1:6: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: b: c", "file.yaml:1:5: not YAML: mapping values are not allowed here"),
        ("a: 'b", "file.yaml:1:6: not YAML: found unexpected end of stream"),
        ("\ta: b", "file.yaml:1:1: not YAML: found character '\\t' that cannot start any token"),
        ("a: *b", "file.yaml:1:4: not YAML: found undefined alias 'b'"),
        ("a: &x 1\nb: &x 2", "file.yaml:2:4: not YAML: second occurrence"),
        ("a: 1\n---\nb: 2", "file.yaml:2:1: not YAML: but found another document"),
        ("%YAML 2.0\n---\na: 1", "file.yaml:1:1: not YAML: found incompatible YAML document (version 1.* is required)"),
        ("a: @b", "file.yaml:1:4: not YAML: found character '@' that cannot start any token"),
        ("[a, b]", "file.yaml:1:1: the file must hold keys and values"),
        ("word", "file.yaml:1:1: the file must hold keys and values"),
        ("\n\n- a", "file.yaml:3:1: the file must hold keys and values"),
    ],
)
def test_what_is_no_yaml_or_holds_no_keys_says_where(text: str, problem: str) -> None:
    assert faults(text) == [problem]
    assert tree(text).root is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("  - a", "file.yaml:1:3: the file must hold keys and values"),
        ("a: \0", "file.yaml:1:4: not YAML: it holds the character U+0000, which YAML does not allow"),
        ("a: 1\nb: 'x\x1b'", "file.yaml:2:6: not YAML: it holds the character U+001B, which YAML does not allow"),
        ("a: \ud800", "file.yaml:1:4: not YAML: it holds the character U+D800, which YAML does not allow"),
        ("\n{a: " + "[" * 60, "file.yaml:2:54: not YAML: it is nested deeper than 50 levels"),
        ('a: "\\U00110000"', "file.yaml:1:7: not YAML: found an escape for what is no character"),
        ('a: "\\UFFFFFFFF"', "file.yaml:1:7: not YAML: found an escape for what is no character"),
        ("a: !mine [1]", "file.yaml:1:4: a: has the tag !mine, which means nothing here"),
        ("a: [!!set {b: 1}]", "file.yaml:1:5: a[0]: has the tag !!set, which means nothing here"),
    ],
)
def test_trouble_with_the_file_itself_has_its_place(text: str, problem: str) -> None:
    assert faults(text) == [problem]


def test_a_tag_that_pretends_to_be_one_of_yaml_is_no_kind_of_ours() -> None:
    assert value("!mine:str x").kind == "!mine:str"
    assert value("!<urn:int> 5").kind == "urn:int"


# --- depth and size ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000, "a: " + "[" * 100_000 + "]" * 100_000],
    ids=lambda text: text[:10],
)
def test_nesting_is_bounded_before_the_c_parser_can_end_the_process(text: str) -> None:
    (problem,) = faults(text)
    assert re.fullmatch(r"file\.yaml(:1:\d+)?: not YAML: it is nested deeper than 50 levels", problem)


def test_nesting_has_its_bound() -> None:
    inner = DEEPEST_NESTING - 1  # the root is a level too
    assert faults(f"a: {'[' * inner}{']' * inner}") == []
    assert len(faults(f"a: {'[' * (inner + 1)}{']' * (inner + 1)}")) == 1


def test_an_alias_is_the_node_that_it_stands_for() -> None:
    found = root("a: &x {k: 1}\nb: *x")
    assert under(found, "a") == under(found, "b")


def test_aliases_within_aliases_come_to_an_end() -> None:
    layers = [f"k{layer}: &{layer} [{', '.join([f'*{layer - 1}' if layer else 'x'] * 10)}]" for layer in range(40)]
    (problem,) = faults("\n".join(layers))
    assert problem.endswith(f"its aliases stand for more than {MOST_NODES:,} values")


def test_a_file_of_many_values_is_read() -> None:
    assert len(root("\n".join(f"k{number}: {number}" for number in range(5000))).entries) == 5000
