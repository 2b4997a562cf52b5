"""The policy that `policy scan` writes: valid whatever a server says of its tools, and every tool asks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.cli.starter_policy import starter_policy
from approval_tui.domain.lifecycle import REQUIRE_APPROVAL
from approval_tui.policy.document import parse_policy
from approval_tui.policy.engine import PolicyEngine
from approval_tui.policy.globs import is_glob

NAMES = st.one_of(
    st.sampled_from(
        ["read_file", "yes", "null", "*", "12", "~", "a: b", "- x", "#", '"', "\\", "x\ny", "get.*", "a b"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300),
)
WORDS = st.one_of(
    st.text(max_size=300), st.sampled_from(["x\n  evil: {rules: []}", "\u2028# y", "\x85- z", "\u202e", None, 5])
)
ANNOTATIONS = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["readOnlyHint", "destructiveHint", "openWorldHint", "x"]),
        st.sampled_from([True, False, None, "no"]),
    ),
)
SCHEMAS = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {
            "properties": st.dictionaries(
                st.text(max_size=20), st.sampled_from([{"type": "string"}, {}, None, {"type": ["a"]}])
            )
        }
    ),
)
TOOLS = st.lists(
    st.fixed_dictionaries({"name": NAMES, "description": WORDS, "annotations": ANNOTATIONS, "inputSchema": SCHEMAS}),
    max_size=5,
)


@given(TOOLS)
def test_whatever_a_server_says_the_policy_is_valid_and_every_tool_asks(tools: list[dict[str, Any]]) -> None:
    policy = parse_policy(starter_policy("server", tools), "starter.yaml")
    engine = PolicyEngine(policy)
    assert {engine.evaluate(tool["name"], {}).verdict for tool in tools} <= {REQUIRE_APPROVAL}
    names = {tool["name"] for tool in tools}
    nameable = {name for name in names if not is_glob(name) and name.strip() and len(name) <= 256}
    assert {each.name for each in policy.tools} == nameable
    assert policy.hide == ()


def test_what_a_server_says_stands_in_comments_one_visible_line_each() -> None:
    tool = {
        "name": "write",
        "description": "Writes.\nversion: \u202e2",
        "annotations": {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": True},
        "inputSchema": {"properties": {"path": {"type": "string"}, "mode": {}}, "required": ["path"]},
    }
    text = starter_policy("files", [tool])
    assert "  # Writes. version: \\u{202E}2\n" in text
    assert "  # arguments: path (string), mode (optional)\n" in text
    assert "  # says of itself: it changes things, it may destroy, once more changes nothing more\n" in text
    assert "        risk: high\n" in text


@pytest.mark.parametrize("hint", [False, None])
def test_what_may_not_destroy_has_no_risk_of_its_own(hint: bool | None) -> None:
    assert "risk" not in starter_policy("files", [{"name": "read", "annotations": {"destructiveHint": hint}}])


def test_a_server_without_tools_has_a_policy_too() -> None:
    text = starter_policy("empty\nhide: [x]", [])
    assert parse_policy(text, "starter.yaml").tools == ()
    assert "# A policy to start from, for empty hide: [x].\n" in text
