"""The policy's document: what it means, and every fault of it at once, each at its place."""

from __future__ import annotations

import json

import pytest
import yaml

from approval_tui.domain.clock import DAY, HOUR, MINUTE, SECOND
from approval_tui.domain.counters import WINDOWS
from approval_tui.domain.errors import PolicyError
from approval_tui.domain.models import Requirements
from approval_tui.domain.sinks import Webhook
from approval_tui.policy.document import parse_policy
from approval_tui.policy.model import Approvals, Condition, CountingRule, Policy, Rule, ToolRules
from tests.policy.documents import (
    EVERY_KEY,
    INTERCEPT_APPROVALS,
    INTERCEPT_DEFAULT_DENY,
    INTERCEPT_GENERATED,
    INTERCEPT_PAYMENTS,
    RIGHT,
    faults,
    parse,
    places,
    rule_of,
)
from tests.policy.faults import FAULTS, Faulty

# --- what a document means ---------------------------------------------------------------------


def test_a_policy_of_intercept_means_what_it_says() -> None:
    policy = parse(INTERCEPT_PAYMENTS)
    assert policy.description == "What an agent may do with payments"
    assert policy.hide == ("transfer_account", "list_webhooks")
    assert [tool.name for tool in policy.tools] == [
        "create_charge",
        "create_refund",
        "create_issue",
        "delete_customer",
        "*",
    ]
    single, spent = policy.tools[0].rules
    assert single == Rule(
        name="single charge",
        path="tools.create_charge.rules[0]",
        conditions=(
            Condition("args.amount", "lte", 50000),
            Condition("args.currency", "in", ["usd", "eur"]),
        ),
        on_deny="A charge may be 500.00 at most, in dollars or euros",
    )
    assert spent.conditions == (Condition("state.create_charge.spent", "lt", 1_000_000),)
    assert spent.state == CountingRule("spent", DAY, increment_from="args.amount")
    assert policy.tools[1].rules[0].state == CountingRule("refunds", DAY, increment=1)
    (customers_stay,) = policy.tools[3].rules
    assert (customers_stay.action, customers_stay.on_deny) == ("deny", "No agent deletes a customer")


@pytest.mark.parametrize("text", [INTERCEPT_PAYMENTS, INTERCEPT_GENERATED, INTERCEPT_DEFAULT_DENY, INTERCEPT_APPROVALS])
def test_what_intercept_writes_is_read_without_a_doubt(text: str) -> None:
    assert parse(text).warnings == ()


def test_every_key_is_read() -> None:
    policy = parse(EVERY_KEY)
    assert (policy.default, policy.hide, policy.warnings) == ("require_approval", ("debug_*", "no"), ())
    assert policy.approvals == Approvals(
        timeout=90 * MINUTE,
        dedupe_window=0,
        hold=0,
        webhook=Webhook("http://[::1]:8080/hook?from=policy", "s3cret", ("requested", "decided", "expired"), True),
    )
    spent, people = policy.tools[0].rules
    assert spent.conditions == (
        Condition("state.pay.spent", "lte", 1000.5),
        Condition("state._global.calls", "lt", 500),
    )
    assert people == Rule(
        name="people",
        path="tools.pay.rules[1]",
        action="require_approval",
        conditions=(Condition("args.to.country", "not_in", ["de", "no", None, {"code": 1}]),),
        on_deny="Ask the accountants",
        approval_timeout=90 * SECOND,
        requirements=Requirements(quorum=2, reviewers=("ann", "bo", "cy"), reason_required=True, evidence="shown"),
        risk="high",
        hold=20 * SECOND,
    )
    assert policy.tools[1] == ToolRules("delete_[a-z]*", (Rule("never", "tools.delete_[a-z]*.rules[0]", "deny"),))
    assert [condition.value for condition in policy.tools[2].rules[0].conditions] == [
        {"deep": [1, {"er": True}]}, None, ["x", 1], -1, 0.5, "^feat/", "", "x", 1, False,
    ]  # fmt: skip
    assert policy.tools[3].rules[0].state == CountingRule("calls", MINUTE, increment=2)


def test_what_is_not_said_has_its_default() -> None:
    assert parse('version: "1"\n') == Policy()
    assert (Policy().default, Policy().hide, Policy().tools, Policy().approvals) == ("allow", (), (), Approvals())
    assert rule_of("{name: n, conditions: [{path: args.x, op: eq, value: 1}]}").action == "evaluate"


@pytest.mark.parametrize("default", ["allow", "deny", "require_approval"])
def test_the_default_is_kept(default: str) -> None:
    assert parse(f'version: "1"\ndefault: {default}\n').default == default
    assert parse(f"version: '1'\ndefault: \"{default}\"\n").default == default


@pytest.mark.parametrize("version", ['"1"', "'1'", "1"])
def test_the_version_needs_no_quotes(version: str) -> None:
    assert parse(f"version: {version}\n") == Policy()


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_a_document_means_the_same_as_json(text: str) -> None:
    policy = parse(text)
    again = parse(json.dumps(yaml.safe_load(text), ensure_ascii=False))
    assert (again.tools, again.approvals, again.hide) == (policy.tools, policy.approvals, policy.hide)


def test_the_secret_of_a_webhook_is_not_printed() -> None:
    webhook = parse(INTERCEPT_APPROVALS).approvals.webhook
    assert webhook is not None
    assert webhook.secret == "not a real one"
    assert webhook.secret not in repr(webhook)
    assert webhook.events == ("requested",)


# --- rate_limit --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count", "window"),
    [
        ("5/hour", 5, "hour"),
        ("10/day", 10, "day"),
        ("100/minute", 100, "minute"),
        ("1/hour", 1, "hour"),
        ('"5/hour"', 5, "hour"),
        ("999999999999999/day", 999_999_999_999_999, "day"),
    ],
)
def test_a_rate_limit_is_a_condition_on_a_counter_of_its_own(text: str, count: int, window: str) -> None:
    rule = rule_of(f"{{name: n, rate_limit: {text}}}", tool="create_issue")
    assert rule.action == "evaluate"
    assert rule.conditions == (Condition(f"state.create_issue._rate_{window}", "lte", count),)
    assert rule.state == CountingRule(f"_rate_{window}", WINDOWS[window], increment=1)


def test_a_rate_limit_says_so_unless_the_rule_has_words_of_its_own() -> None:
    assert rule_of("{name: n, rate_limit: 3/day}").on_deny == "Rate limit of 3 per day reached. Try again later."
    assert rule_of("{name: n, rate_limit: 3/day, on_deny: Tomorrow}").on_deny == "Tomorrow"
    assert rule_of("{name: n, rate_limit: 3/day, on_deny: ''}").on_deny == (
        "Rate limit of 3 per day reached. Try again later."
    )


def test_the_rate_limit_of_every_tool_is_counted_globally() -> None:
    rule = rule_of("{name: n, rate_limit: 60/minute}", tool="'*'")
    assert rule.conditions == (Condition("state._global._rate_minute", "lte", 60),)


@pytest.mark.parametrize(("window", "length"), [("minute", MINUTE), ("hour", HOUR), ("day", DAY)])
def test_a_counter_has_a_window(window: str, length: int) -> None:
    text = (
        f"{{name: n, conditions: [{{path: state.pay.c, op: lt, value: 1}}], state: {{counter: c, window: {window}}}}}"
    )
    assert rule_of(text).state == CountingRule("c", length)


# --- require_approval --------------------------------------------------------------------------


def test_the_conditions_of_require_approval_are_optional() -> None:
    assert rule_of("{name: n, action: require_approval}").conditions == ()
    assert rule_of("{name: n, action: require_approval, conditions: []}").conditions == ()
    rule = rule_of("{name: n, action: require_approval, conditions: [{path: args.amount, op: gt, value: 50000}]}")
    assert rule.conditions == (Condition("args.amount", "gt", 50000),)


def test_a_rule_that_asks_may_look_at_the_counter_of_another() -> None:
    policy = parse("""\
version: "1"
tools:
  pay:
    rules:
      - name: count
        conditions: [{path: state.pay.spent, op: lte, value: 1000}]
        state: {counter: spent, window: day, increment_from: args.amount}
      - name: ask
        action: require_approval
        conditions: [{path: state.pay.spent, op: gt, value: 500}]
""")
    assert policy.tools[0].rules[1].state is None
    assert policy.warnings == ()


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("1s", 1000), ("30m", 30 * MINUTE), ("1h30m", 90 * MINUTE), ("1000ms", 1000)]
)
def test_a_rule_may_have_a_timeout_of_its_own(text: str, milliseconds: int) -> None:
    rule = rule_of(f"{{name: n, action: require_approval, approval_timeout: {text}}}")
    assert rule.approval_timeout == milliseconds


@pytest.mark.parametrize("text", ["0", "0s", "'0s'", "0ms"])
def test_no_time_at_all_may_be_written_as_a_plain_zero(text: str) -> None:
    approvals = parse(f'version: "1"\napprovals: {{dedupe_window: {text}, hold: {text}}}').approvals
    assert (approvals.dedupe_window, approvals.hold) == (0, 0)


# --- faults ------------------------------------------------------------------------------------


@pytest.mark.parametrize("faulty", FAULTS, ids=lambda faulty: faulty.problems[0][:60])
def test_a_fault_is_told_at_its_place(faulty: Faulty) -> None:
    text, where = places(faulty.text)
    assert faults(text) == [f"{place}: {problem}" for place, problem in zip(where, faulty.problems, strict=True)]


ALL_KINDS = """\
version: ▶"2"
tools:
  reading:
    rules:
      - ▶conditions:
          - {path: args.x, op: ▶equals, value: 1}
          - {path: ▶context.x, op: eq, value: 1}
          - {path: args.x, op: in, value: ▶usd}
          - {path: args.x, op: lt, value: ▶"10"}
          - {path: args.x, op: regex, value: ▶"[a-"}
      - name: deny with conditions
        action: deny
        conditions:
          ▶- {path: args.x, op: eq, value: 1}
      - ▶name: evaluate without conditions
  counting:
    rules:
      - {name: count, rate_limit: ▶five/hour}
      - {name: conditions, rate_limit: ▶5/hour, conditions: [{path: args.x, op: eq, value: 1}]}
      - {name: state, rate_limit: ▶5/hour, state: {counter: c, window: hour}}
      - {name: window, rate_limit: ▶5/week}
      - {name: deny, rate_limit: ▶5/hour, action: deny}
"""


def test_faults_of_all_kinds_are_told_at_once() -> None:
    text, where = places(ALL_KINDS)
    problems = faults(text)
    assert [problem.partition(": ")[0] for problem in problems] == where
    assert [problem.partition(": ")[2] for problem in problems] == [
        "version: must be \"1\", not '2'",
        "tools.reading.rules[0]: must have a name",
        "tools.reading.rules[0].conditions[0].op: must be eq, neq, in, not_in, lt, lte, gt, gte, regex, not_regex, "
        "contains, not_contains or exists, not 'equals'",
        "tools.reading.rules[0].conditions[1].path: must start with args. or state., not 'context.x'",
        "tools.reading.rules[0].conditions[2].value: must be a list for in, not 'usd'",
        "tools.reading.rules[0].conditions[3].value: must be a number for lt, not '10'",
        "tools.reading.rules[0].conditions[4].value: is no regular expression of RE2: missing ]: [a-",
        "tools.reading.rules[1].conditions: cannot be used with action deny, which refuses every call",
        "tools.reading.rules[2]: has action evaluate and needs at least one condition",
        "tools.counting.rules[0].rate_limit: must be a count of 1 or more per minute, hour or day, as 5/hour, "
        "not 'five/hour'",
        "tools.counting.rules[1].rate_limit: cannot stand beside conditions or state; make it a rule of its own",
        "tools.counting.rules[2].rate_limit: cannot stand beside conditions or state; make it a rule of its own",
        "tools.counting.rules[3].rate_limit: must be a count of 1 or more per minute, hour or day, as 5/hour, "
        "not '5/week'",
        "tools.counting.rules[4].rate_limit: cannot be used with action deny; make it a rule of its own",
    ]


def test_the_error_is_told_as_a_whole_and_says_what_to_do() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy("default: block\nhide: x", "/etc/agent/policy.yaml")
    assert len(caught.value.problems) == 3
    assert all(problem.startswith("/etc/agent/policy.yaml:") for problem in caught.value.problems)
    assert str(caught.value).startswith("\n".join(caught.value.problems))
    assert caught.value.not_done == "No call may run on it."
    assert "policy validate" in caught.value.to_do


def test_a_counter_counts_for_one_rule_only() -> None:
    text, where = places("""\
version: "1"
tools:
  pay:
    rules:
      - {name: one, rate_limit: 5/hour}
      - {name: another window, rate_limit: 5/day}
      - ▶{name: two, rate_limit: 10/hour}
""")
    assert faults(text) == [
        f"{where[0]}: tools.pay.rules[2]: counts state.pay._rate_hour, which tools.pay.rules[0] counts already"
    ]


def test_counters_of_two_tools_are_two_counters() -> None:
    rule = "{rules: [{name: n, rate_limit: 5/hour}]}"
    assert parse(f'version: "1"\ntools: {{a: {rule}, b: {rule}, "*": {rule}}}').warnings == ()


def test_names_with_dots_cannot_make_one_counter_of_two() -> None:
    text, where = places("""\
version: "1"
tools:
  a.b: {rules: [{name: n, conditions: [{path: args.x, op: lt, value: 1}], state: {counter: c, window: day}}]}
  a: {rules: [▶{name: n, conditions: [{path: args.x, op: lt, value: 1}], state: {counter: b.c, window: minute}}]}
""")
    assert faults(text) == [
        f"{where[0]}: tools.a.rules[0]: counts state.a.b.c, which tools.a.b.rules[0] counts already"
    ]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("state.pay.spend", "; did you mean state.pay.spent?"),
        ("state.Pay.spent", "; did you mean state.pay.spent?"),
        ("state.spent", "; did you mean state.pay.spent?"),
        ("state.xyz", ""),
    ],
)
def test_a_condition_on_a_counter_that_nothing_counts_is_a_fault(path: str, hint: str) -> None:
    text, where = places(f"""\
version: "1"
tools:
  pay:
    rules:
      - name: n
        conditions:
          - {{path: state.pay.spent, op: lt, value: 1}}
          - {{op: lt, value: 1, path: ▶{path}}}
        state: {{counter: spent, window: day}}
""")
    assert faults(text) == [
        f"{where[0]}: tools.pay.rules[0].conditions[1].path: is {path!r}, which no state counts{hint}"
    ]


def test_a_counter_with_another_fault_is_not_called_missing_too() -> None:
    text, where = places("""\
version: "1"
tools:
  pay:
    rules:
      - name: n
        conditions: [{path: state.pay.spent, op: lt, value: 1}]
        state: {counter: spent, window: ▶week, increment: ▶0}
""")
    assert [problem.partition(": ")[0] for problem in faults(text)] == where


def test_fewer_reviewers_than_the_quorum_needs_are_a_fault() -> None:
    text, where = places(
        'version: "1"\ntools: {a: {rules: [{name: n, action: require_approval, quorum: 3, reviewers: ▶[ann, bo]}]}}'
    )
    assert faults(text) == [f"{where[0]}: tools.a.rules[0].reviewers: names 2, and the quorum needs 3"]


def test_two_names_that_may_be_one_persons_make_no_quorum() -> None:
    text, where = places(
        'version: "1"\ntools: {a: {rules: [{name: n, action: require_approval, quorum: 2, reviewers: ▶[ann, Ann]}]}}'
    )
    said = "names 1 (names that may be one person's count once), and the quorum needs 2"
    assert faults(text) == [f"{where[0]}: tools.a.rules[0].reviewers: {said}"]


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("timeout", "999ms", "must be a duration of at least 1s, such as 30s, 10m or 1h30m, not '999ms'"),
        ("timeout", "0s", "must be a duration of at least 1s, such as 30s, 10m or 1h30m, not '0s'"),
        ("timeout", "3651d", "must be a duration of at least 1s, such as 30s, 10m or 1h30m, not '3651d'"),
        ("hold", "3651d", "must be a duration, such as 30s, 10m or 1h30m, not '3651d'"),
    ],
)
def test_a_duration_has_its_bounds(key: str, value: str, problem: str) -> None:
    text, where = places(f'version: "1"\napprovals: {{{key}: ▶{value}}}')
    assert faults(text) == [f"{where[0]}: approvals.{key}: {problem}"]


@pytest.mark.parametrize("url", ["http://h:99999/", "http://h:0/", "http://h/\\x01", "http://h/\\u00a0", "http://[1]/"])
def test_an_address_that_cannot_be_one_is_a_fault(url: str) -> None:
    text, where = places(f'version: "1"\napprovals: {{notify: {{webhook: {{url: ▶"{url}", secret: s}}}}}}')
    (problem,) = faults(text)
    assert problem.startswith(f"{where[0]}: approvals.notify.webhook.url: must be a URL that begins with http://")


# --- files that are no policy ------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing but a comment\n", "---\n", "---\n...\n", "~", "null\n"])
def test_an_empty_file_is_no_policy(text: str) -> None:
    assert faults(text) == ['policy.yaml:1:1: the file is empty; a policy begins with version: "1"']


@pytest.mark.parametrize("text", ["- version: 1", "[]", "version 1", "5", '"version"'])
def test_a_file_without_keys_is_no_policy(text: str) -> None:
    assert faults(text) == ["policy.yaml:1:1: the file must hold keys and values"]


@pytest.mark.parametrize(
    ("marked", "problem"),
    [
        ('version: "1"\ntools: [a▶', "not YAML: expected ',' or ']', but got '<stream end>'"),
        ('version: "1"\na: b▶: c', "not YAML: mapping values are not allowed here"),
        ('version: "1"\n▶\thide: []', "not YAML: found character '\\t' that cannot start any token"),
        ('version: "1"\nhide: ▶*nobody', "not YAML: found undefined alias 'nobody'"),
        ('version: "1"\n▶---\nversion: "1"', "not YAML: but found another document"),
        ("▶%YAML 3.0\n---\nversion: 1", "not YAML: found incompatible YAML document (version 1.* is required)"),
        ('version: "1"\nhide: ["\\▶q"]', "not YAML: found unknown escape character 'q'"),
        ('version: "1"\nhide: ▶&a [*a]', "hide[0]: refers to itself"),
        ('version: "1"\ntools: &t {▶pay: *t}', "tools.pay: refers to itself"),
        ('version: "1"\nhide: []\n▶hide: [a]', "hide: stands twice (first in line 2)"),
        ('version: "1"\ntools:\n  pay:\n  ▶"pay":', "tools.pay: stands twice (first in line 3)"),
        ('version: "1"\n? ▶[a, b]\n: c', "a key must be a plain word"),
    ],
)
def test_what_is_no_policy_says_where(marked: str, problem: str) -> None:
    text, where = places(marked)
    assert f"{where[0]}: {problem}" in faults(text)


def test_a_rule_that_stands_at_two_places_is_read_at_both() -> None:
    policy = parse('version: "1"\ntools: {a: {rules: &r [{name: n, rate_limit: 1/day}]}, b: {rules: *r}}')
    assert [tool.rules[0].conditions[0].path for tool in policy.tools] == ["state.a._rate_day", "state.b._rate_day"]


@pytest.mark.parametrize("nothing", ["", '""', "~", "' '"])
def test_words_that_are_left_empty_are_no_words_as_intercept_has_it(nothing: str) -> None:
    text = f"description: {nothing}\ntools: {{t: {{rules: [{{name: n, rate_limit: 5/hour,\n  on_deny: {nothing} }}]}}}}"
    policy = parse_policy(f'version: "1"\n{text}', "policy.yaml")
    assert policy.description is None
    assert policy.tools[0].rules[0].on_deny == "Rate limit of 5 per hour reached. Try again later."


@pytest.mark.parametrize("secret", ["whsec_", "whsec_geheim", "whsec_Z2VoZWlt!"])
def test_a_secret_that_says_it_is_encoded_must_be_base64_and_is_not_repeated(secret: str) -> None:
    document = f'version: "1"\napprovals: {{notify: {{webhook: {{url: "http://h/", secret: ▶{secret}}}}}}}'
    text, where = places(document)
    why = "begins with whsec_, which must be followed by base64"
    assert faults(text) == [f"{where[0]}: approvals.notify.webhook.secret: {why}"]
