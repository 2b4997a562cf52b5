"""The JSON Schema for editors says the same as the validator, but for what a schema cannot say."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from approval_tui.domain.counters import LARGEST_COUNT, WINDOWS
from approval_tui.domain.errors import PolicyError
from approval_tui.domain.lifecycle import RISKS
from approval_tui.domain.limits import LONGEST_NAME, LONGEST_TEXT
from approval_tui.domain.sinks import SINK_EVENTS, Webhook
from approval_tui.policy import language
from approval_tui.policy.model import CountingRule, Policy, Rule
from approval_tui.policy.regexes import LONGEST_PATTERN
from approval_tui.policy.rule_reading import EVIDENCES, MOST_QUORUM
from tests.policy.documents import RIGHT, RULE, parse, places
from tests.policy.faults import FAULTS, ONE

SCHEMA: dict[str, Any] = json.loads(files("approval_tui.policy").joinpath("policy.schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
PARTS: dict[str, Any] = {
    "policy": SCHEMA,
    "approvals": SCHEMA["$defs"]["approvals"],
    "notify": SCHEMA["$defs"]["approvals"]["properties"]["notify"],
    **{name: SCHEMA["$defs"][name] for name in ("webhook", "tool", "rule", "condition", "state")},
}
"""The schemas of all mappings whose keys are words of the language."""


def schema_accepts(text: str) -> bool:
    """Whether an editor shows no fault; it sees the data, not the text."""
    return VALIDATOR.is_valid(yaml.safe_load(text))


def problems(text: str) -> tuple[str, ...]:
    """What the validator says."""
    try:
        parse(text)
    except PolicyError as error:
        return error.problems
    return ()


def subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Every mapping inside a schema, itself included."""
    if isinstance(schema, dict):
        yield schema
        for inner in schema.values():
            yield from subschemas(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from subschemas(inner)


# --- the schema itself -------------------------------------------------------------------------


def test_it_is_a_schema_of_the_draft_that_it_names() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert SCHEMA["$id"] == f"urn:approval-tui:policy:{language.VERSION}"


def test_every_reference_leads_somewhere() -> None:
    references = {each["$ref"] for each in subschemas(SCHEMA) if "$ref" in each}
    assert references == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


@pytest.mark.parametrize("part", PARTS)
def test_every_key_has_a_description(part: str) -> None:
    for key, schema in PARTS[part]["properties"].items():
        target = SCHEMA["$defs"].get(schema.get("$ref", "").removeprefix("#/$defs/"), {})
        description = schema.get("description", target.get("description", ""))
        assert description.endswith("."), key
        assert description[0].isupper() or description.split()[0] in (*language.ACTIONS, "shown"), key


def test_at_every_level_the_keys_are_those_of_the_language() -> None:
    assert {part: tuple(schema["properties"]) for part, schema in PARTS.items()} == {
        "policy": language.TOP_KEYS,
        "approvals": language.APPROVALS_KEYS,
        "notify": language.NOTIFY_KEYS,
        "webhook": language.WEBHOOK_KEYS,
        "tool": language.TOOL_KEYS,
        "rule": language.RULE_KEYS,
        "condition": language.CONDITION_KEYS,
        "state": language.STATE_KEYS,
    }
    closed = [each for each in subschemas(SCHEMA) if each.get("additionalProperties") is False]
    assert len(closed) == len(PARTS)
    assert all(schema["additionalProperties"] is False for schema in PARTS.values())


def test_the_words_are_those_of_the_language() -> None:
    enums = {
        f"{part}.{key}": tuple(schema["enum"])
        for part, within in PARTS.items()
        for key, schema in within["properties"].items()
        if "enum" in schema
    }
    assert enums == {
        "policy.version": (language.VERSION, int(language.VERSION)),
        "policy.default": language.DEFAULTS,
        "rule.action": language.ACTIONS,
        "rule.evidence": EVIDENCES,
        "rule.risk": RISKS,
        "condition.op": language.OPERATORS,
        "state.window": tuple(WINDOWS),
    }
    assert tuple(PARTS["webhook"]["properties"]["events"]["items"]["enum"]) == SINK_EVENTS


def test_what_depends_on_the_operator_names_the_same_operators() -> None:
    by_kind = {
        each["then"]["properties"]["value"]["type"]: each["if"]["properties"]["op"]
        for each in PARTS["condition"]["allOf"]
    }
    assert by_kind == {
        "array": {"enum": list(language.LIST_OPERATORS)},
        "number": {"enum": list(language.NUMBER_OPERATORS)},
        "string": {"enum": list(language.TEXT_OPERATORS)},
        "boolean": {"const": "exists"},
    }


def test_what_depends_on_the_action_names_the_same_keys() -> None:
    asking, denying, limiting = PARTS["rule"]["allOf"]
    assert asking["if"]["properties"]["action"]["const"] == language.ACTIONS[2]
    assert tuple(asking["else"]["properties"]) == language.APPROVAL_ONLY_KEYS
    assert denying["if"]["properties"]["action"]["const"] == language.ACTIONS[1]
    assert limiting["else"]["if"]["properties"]["action"]["const"] == language.EVALUATE


def test_the_bounds_are_those_of_the_validator() -> None:
    rule, state, definitions = PARTS["rule"]["properties"], PARTS["state"]["properties"], SCHEMA["$defs"]
    assert (rule["quorum"]["minimum"], rule["quorum"]["maximum"]) == (1, MOST_QUORUM)
    assert (state["increment"]["minimum"], state["increment"]["maximum"]) == (1, LARGEST_COUNT)
    assert definitions["name"]["maxLength"] == LONGEST_NAME
    assert {definitions[name]["maxLength"] for name in ("text", "words", "path")} == {LONGEST_TEXT}
    patterns = [each["maxLength"] for each in subschemas(PARTS["condition"]) if each.get("type") == "string"]
    assert patterns == [LONGEST_PATTERN]
    assert rule["rate_limit"]["pattern"] == f"^[1-9][0-9]{{0,14}}/({'|'.join(WINDOWS)})$"
    starts = [start.rstrip(".") for start in (language.ARGUMENTS, language.STATE)]
    assert definitions["path"]["pattern"] == rf"^({'|'.join(starts)})(\.[^.]+)+$"
    assert state["increment_from"]["pattern"] == rf"^{starts[0]}(\.[^.]+)+$"


def test_the_defaults_are_those_of_the_model() -> None:
    defaults = {
        f"{part}.{key}": schema["default"]
        for part, within in PARTS.items()
        for key, schema in within["properties"].items()
        if "default" in schema
    }
    rule = Rule("", "")
    assert defaults == {
        "policy.default": Policy().default,
        "webhook.events": list(Webhook("", "").events),
        "webhook.allow_private": Webhook("", "").allow_private,
        "rule.action": rule.action,
        "rule.quorum": rule.requirements.quorum,
        "rule.reason_required": rule.requirements.reason_required,
        "rule.evidence": rule.requirements.evidence,
        "state.increment": CountingRule("", 1).increment,
    }


# --- documents ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_a_document_that_is_right_passes_both(text: str) -> None:
    assert list(VALIDATOR.iter_errors(yaml.safe_load(text))) == []
    assert problems(text) == ()


def test_a_document_with_a_fault_fails_both() -> None:
    for faulty in FAULTS:
        text, _ = places(faulty.text)
        assert not schema_accepts(text), text
        assert problems(text), text


def approvals(text: str) -> str:
    return f'version: "1"\napprovals: {text}'


def webhook(url: str) -> str:
    return approvals(f"{{notify: {{webhook: {{url: '{url}', secret: s}}}}}}")


def value(text: str) -> str:
    return RULE + f"{{name: n, conditions: [{{path: args.x, op: eq, value: {text}}}]}}"


A_DURATION = r"'(?:[0-9]{1,15}(?:\.[0-9]{1,9})?(?:ms|s|m|h|d))+'"

BEYOND_A_SCHEMA: dict[str, tuple[str, list[str]]] = {
    "a counter that two rules count": (
        r"counts state\.\S+, which \S+ counts already",
        [
            'version: "1"\ntools: {a: {rules: [{name: m, rate_limit: 1/day}, {name: n, rate_limit: 2/day}]}}',
        ],
    ),
    "a counter that nothing counts": (
        r"is .*, which no state counts(?:; did you mean .*)?",
        [RULE + "{name: n, conditions: [{path: state.pay.c, op: lt, value: 1}]}"],
    ),
    "a pattern that is none": (
        r"is no regular expression of RE2: .*",
        [
            RULE + f"{{name: n, conditions: [{{path: args.x, op: {op}, value: '{pattern}'}}]}}"
            for op, pattern in (("regex", "[a-"), ("not_regex", "(?=ahead)"), ("regex", r"(a)\1"), ("regex", "a{2001}"))
        ],
    ),
    "fewer reviewers than the quorum needs": (
        r"names \d+, and the quorum needs \d+",
        [RULE + "{name: n, action: require_approval, quorum: 2, reviewers: [ann]}"],
    ),
    "how long a duration is": (
        rf"must be a duration.*, not {A_DURATION}",
        [approvals(text) for text in ("{timeout: 999ms}", "{timeout: 0s}", "{hold: 3651d}", f"{{hold: {'9' * 15}d}}")]
        + [RULE + "{name: n, action: require_approval, approval_timeout: 0.5s}"],
    ),
    "whether an address can be one": (
        r"must be a URL that begins with http:// or https:// and names a host, not .*",
        [webhook(url) for url in ("http://h:99999", "http://h:0", "http://[1]", "http://[::g]/", "http://h\u2100/x")],
    ),
    "whether a secret is base64": (
        r"begins with whsec_, which must be followed by base64",
        [approvals(f"{{notify: {{webhook: {{url: 'http://h/', secret: {each}}}}}}}") for each in ("whsec_", "whsec_*")],
    ),
    "a whole number with a point": (
        r"must be .*, not '0?[0-9]+\.0*'",
        [
            "version: 1.0",
            approvals("{hold: 0.0}"),
            RULE + "{name: n, action: require_approval, quorum: 2.0}",
            RULE + f"{{name: n, {ONE}, state: {{counter: c, window: day, increment: 1.}}}}",
        ],
    ),
    "a key that stands twice": (
        r"stands twice \(first in line \d+\)",
        [
            'version: "1"\nversion: "1"',
            'version: "1"\ntools: {a: {rules: []}, "a": {rules: []}}',
            value("{a: 1, a: 1}"),
        ],
    ),
    "a merge": (
        r"is no key here",
        ['version: "1"\n<<: {default: deny}', 'version: "1"\n"tools": {}\n<<: [{hide: []}]'],
    ),
    "a value that is read in two ways": (
        r"(?:'.*' is (?:read as|not read as|no plain number).*|has no value; write null.*)",
        [value(text) for text in ("no", "12:30", "1_000", "0777", ".inf", ".5", "", "[yes]", "{a: 0x1F}")],
    ),
    "a number that is text to YAML 1.1": (
        r"'.*' is a number to some readers .*",
        [value(text) for text in ("1e3", "0o17", "08", "[1e+20]")],
    ),
    "true and false in other words": (
        r"must be true or false, not '(?:yes|no|on|off)'",
        [
            RULE + f"{{name: n, action: require_approval, reason_required: {word}}}"
            for word in ("yes", "no", "on", "off")
        ],
    ),
    "other bases of a whole number": (
        r"must be .*, not '(?:0x1|0b1|01|\+1)'",
        [f"version: {number}" for number in ("0x1", "0b1", "01", "+1")]
        + [RULE + f"{{name: n, action: require_approval, quorum: {number}}}" for number in ("0x1", "0b1", "01")],
    ),
    "a lone surrogate": (
        r"holds a lone surrogate, which is no character",
        ['version: "1"\ndescription: "\\ud800"', value('"\\udfff"')],
    ),
    "nesting without a use": (
        r"not YAML: it is nested deeper than 50 levels",
        [value("[" * 60 + "]" * 60)],
    ),
}
"""What the validator alone refuses: the reason it gives, and documents that show it."""


@pytest.mark.parametrize("what", BEYOND_A_SCHEMA)
def test_what_a_schema_cannot_say_the_validator_says(what: str) -> None:
    reason, texts = BEYOND_A_SCHEMA[what]
    for text in texts:
        assert schema_accepts(text), text
        found = problems(text)
        assert found, text
        assert all(re.search(rf": {reason}$", problem, re.DOTALL) for problem in found), found


# --- documents that are made up ----------------------------------------------------------------

REASONS = [reason for reason, _ in BEYOND_A_SCHEMA.values()]


def check_agreement(document: Any, text: str) -> None:
    """Fails unless both accept the document or both refuse it, but for what a schema cannot say."""
    found = problems(text)
    seen = [error.message for error in VALIDATOR.iter_errors(document)]
    if seen:
        assert found, (text, seen)
    else:
        beyond = [any(re.search(rf": {reason}$", problem, re.DOTALL) for reason in REASONS) for problem in found]
        assert all(beyond), (text, found)


def as_yaml(document: Any) -> str:
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


def as_json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False)


def with_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """A document with one rule."""
    return {"version": "1", "tools": {"pay": {"rules": [{"name": "n", **rule}]}}}


SENSIBLE: dict[str, list[Any]] = {
    "version": ["1", 1],
    "description": ["words", ""],
    "default": list(language.DEFAULTS),
    "hide": [["a", "b_*"], [], None],
    "approvals": [{}, {"timeout": "5m"}],
    "tools": [{}, None, {"a": {"rules": []}}],
    "timeout": ["10m", "1h30m"],
    "dedupe_window": ["0s", 0, "5m"],
    "notify": [{}],
    "webhook": [{"url": "https://example.org/", "secret": "s"}],
    "url": ["http://h/", "HTTPS://h:80/x?y#z", "http://u:p@[::1]/"],
    "secret": ["s"],
    "events": [["requested"], ["decided", "decided"]],
    "allow_private": [True, False],
    "rules": [[], None, [{"name": "n", "rate_limit": "5/hour"}]],
    "name": ["n", "12"],
    "action": list(language.ACTIONS),
    "conditions": [[], [{"path": "args.x", "op": "eq", "value": 1}]],
    "on_deny": ["words", ""],
    "rate_limit": ["5/hour", "100/day"],
    "state": [{"counter": "c", "window": "day"}],
    "approval_timeout": ["30m"],
    "quorum": [1, 2, 100],
    "reviewers": [["ann"], ["ann", "bo"]],
    "reason_required": [True, False],
    "evidence": ["shown", "none"],
    "risk": list(RISKS),
    "hold": ["10s", 0],
    "path": ["args.x", "args.a.b", "state.pay.c"],
    "op": list(language.OPERATORS),
    "value": [1, "a", None, True, [1, "a"], {"a": [1]}, 0.5, ""],
    "counter": ["c", "calls"],
    "window": list(WINDOWS),
    "increment": [1, 5],
    "increment_from": ["args.x"],
}
"""For every key of the language, values that it can have."""

ANYTHING: list[Any] = [
    None, True, False, 0, 1, -1, 101, 1.5, 1.0, 2**53, "", " ", "word", "no", "12:30", "5", "5/hour", "0/hour",
    "5/week", "10m", "0s", "500ms", "4000d", "10", "-1m", "args.x", "state.pay.c", "state.x", "foo.x", "args.",
    "args..x", "[a-", "deny", "Deny", "allow", "evaluate", "require_approval", "eq", "in", "lt", "regex", "exists",
    "minute", "week", "requested", "http://h/", "ftp://h/", "http://h:99999/", "http://", "*", "**", "_global", "high",
    "shown", "x" * 257, "x" * 2001, "x" * 16385, [], ["ann"], ["ann", "ann"], [1], [[]], [None], {}, {"a": 1}, {"": 1},
    {"rules": []},
]  # fmt: skip

KEYS = [*SENSIBLE, "nope", "Name", "rate-limit", "*", "**", "_global", "", "x" * 257]

CONDITION = {"path": "args.x", "op": "eq", "value": 1}
COUNTED = {"path": "state.pay.c", "op": "lt", "value": 5}
RULES: list[dict[str, Any]] = [
    {"rate_limit": "5/hour", "on_deny": "words"},
    {"action": "deny", "conditions": []},
    {"action": "evaluate", "conditions": [{"path": "args.x", "op": "in", "value": ["a"]}]},
    {
        "conditions": [
            {"path": "args.x", "op": "regex", "value": "a"},
            {"path": "args.y", "op": "exists", "value": True},
        ]
    },
    {"conditions": [CONDITION], "state": {"counter": "c", "window": "day", "increment": 2}},
    {"conditions": [COUNTED], "state": {"counter": "c", "window": "day", "increment_from": "args.x"}},
    {"action": "require_approval", "conditions": [CONDITION], "quorum": 2, "reviewers": ["ann", "bo"]},
    {"action": "require_approval", "risk": "high", "evidence": "shown", "hold": "5s", "reason_required": True},
    {"action": "require_approval", "approval_timeout": "5m"},
]
WEBHOOK = {"url": "http://h/", "secret": "s", "events": ["expired"]}
SMALL: list[Any] = [
    *(with_rule(rule) for rule in RULES),
    {"version": 1, "description": "words", "default": "deny", "hide": ["a"], "tools": {"*": {"rules": []}}},
    {"version": "1", "approvals": {"timeout": "5m", "dedupe_window": "0s", "hold": 0, "notify": {"webhook": WEBHOOK}}},
]
BASES = [*SMALL, *(yaml.safe_load(text) for text in RIGHT.values())]
KINDS: list[Any] = [None, True, 1, 1.5, "", "word", [], ["word"], {}, {"word": 1}]


@pytest.mark.parametrize("conditions", [None, [], [CONDITION]])
@pytest.mark.parametrize("action", [None, *language.ACTIONS])
def test_every_mixture_of_keys_is_judged_alike(action: str | None, conditions: list[Any] | None) -> None:
    others = [key for key in language.RULE_KEYS if key not in ("name", "action", "conditions")]
    first = {} if action is None else {"action": action}
    second = {} if conditions is None else {"conditions": conditions}
    for mixed in itertools.chain.from_iterable(itertools.combinations(others, count) for count in range(3)):
        document = with_rule({**first, **second, **{key: SENSIBLE[key][0] for key in mixed}})
        check_agreement(document, as_json(document))


@pytest.mark.parametrize("op", language.OPERATORS)
def test_every_kind_of_value_is_judged_alike(op: str) -> None:
    for value in (
        None,
        True,
        5,
        1.5,
        "a",
        "",
        [],
        ["a", 1],
        [None, [True]],
        {},
        {"a": {"b": [1]}},
        {"": 1},
        [{" ": 1}],
    ):
        document = with_rule({"conditions": [{"path": "args.x", "op": op, "value": value}]})
        check_agreement(document, as_json(document))


def containers(document: Any) -> list[Any]:
    """Every list and mapping inside a document, itself included."""
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    found = [each for value in inner for each in containers(value)]
    return [document, *found] if isinstance(document, dict | list) else found


def keys_beside(container: dict[str, Any]) -> list[str]:
    """The keys that may stand beside those of a mapping, or any where it has none of the language."""
    beside = [key for part in PARTS.values() if container.keys() & part["properties"] for key in part["properties"]]
    return beside or KEYS


@pytest.mark.parametrize("base", SMALL, ids=lambda base: as_json(base)[15:75])
def test_whatever_lacks_or_is_of_another_kind_is_judged_alike(base: Any) -> None:
    for index, container in enumerate(containers(base)):
        for place in container if isinstance(container, dict) else range(len(container)):
            for kind in KINDS:
                document = copy.deepcopy(base)
                containers(document)[index][place] = copy.deepcopy(kind)
                check_agreement(document, as_json(document))
            document = copy.deepcopy(base)
            del containers(document)[index][place]
            check_agreement(document, as_json(document))


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A document that was right before it was changed at one or two random places."""
    document = copy.deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(1, 2))):
        container = draw(st.sampled_from(containers(document)))
        change = draw(st.sampled_from(["remove", "replace", "add", "mix"]))
        anything = copy.deepcopy(draw(st.sampled_from(ANYTHING)))
        if change == "add" and isinstance(container, list):
            container.append(draw(st.sampled_from([anything, *copy.deepcopy(container)])))
        elif change == "add":
            container[draw(st.sampled_from(KEYS))] = anything
        elif change == "mix" and isinstance(container, dict):
            key = draw(st.sampled_from(keys_beside(container)))
            container[key] = copy.deepcopy(draw(st.sampled_from(SENSIBLE.get(key, ANYTHING))))
        elif container:
            place = draw(st.sampled_from(list(container) if isinstance(container, dict) else range(len(container))))
            if change == "remove":
                del container[place]
            else:
                container[place] = anything
    return document


@given(document=changed(), write=st.sampled_from([as_yaml, as_json]))
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
def test_the_schema_and_the_validator_agree_on_any_document(document: Any, write: Any) -> None:
    text = write(document)
    assert yaml.safe_load(text) == document
    check_agreement(document, text)
