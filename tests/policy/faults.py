"""Documents with faults: each mark is a place, and each problem is what is wrong there, in the order of the file."""

from __future__ import annotations

from typing import NamedTuple

from tests.policy.documents import RULE


class Faulty(NamedTuple):
    """A document with marks, and what is wrong at each of them, as `path: reason`."""

    text: str
    problems: tuple[str, ...]


def faulty(text: str, *problems: str) -> Faulty:
    """A document without its version, which is added."""
    return Faulty(f'version: "1"\n{text}', problems)


def faulty_rule(text: str, *problems: str) -> Faulty:
    """A document with one rule, written on one line; its path is added to the problems."""
    return Faulty(RULE + text, tuple(f"tools.pay.rules[0]{each}" for each in problems))


NOT_A_DURATION = "must be a duration, such as 30s, 10m or 1h30m, not"
NOT_A_TIMEOUT = "must be a duration of at least 1s, such as 30s, 10m or 1h30m, not"
NOT_A_RATE = "must be a count of 1 or more per minute, hour or day, as 5/hour, not"
NOT_A_URL = "must be a URL that begins with http:// or https:// and names a host, not"

TOP_FAULTS = (
    Faulty("▶tools: {}", ("version: is missing; write version: \"1\"",)),
    *(
        Faulty(f"version: ▶{value}", (f"version: must be \"1\", not {said}",))
        for value, said in (
            ('"2"', "'2'"), ("2", "'2'"), ("1.5", "'1.5'"), ("true", "'true'"), ("[1]", "a list"), ('""', "''"),
            ("one", "'one'"), ("null", "'null'"),
        )
    ),
    Faulty("version:▶\ntools: {}", ('version: must be "1", not nothing',)),
    faulty("▶defualt: deny", "defualt: is no key here; did you mean default?"),
    faulty("▶xyz: 1", "xyz: is no key here"),
    faulty("▶Tools: {}", "Tools: is no key here; did you mean tools?"),
    faulty("default: ▶block", "default: must be allow, deny or require_approval, not 'block'"),
    faulty("default: ▶Deny", "default: must be allow, deny or require_approval, not 'Deny'; did you mean deny?"),
    faulty("default: ▶[deny]", "default: must be allow, deny or require_approval, not a list"),
    faulty("default: ▶''", "default: must be allow, deny or require_approval, not ''"),
    faulty("description: ▶[a]", "description: must be text, not a list"),
    faulty("description: ▶5", "description: must be text, not '5'; put it in quotes"),
    faulty("description:\n  ▶a: b", "description: must be text, not a mapping"),
    faulty(f"description: ▶{'x' * 16385}", "description: has 16,385 characters; 16,384 are the most"),
    faulty("hide: ▶git_push", "hide: must be a list of names of tools, not 'git_push'"),
    faulty("hide: ▶{git_push: true}", "hide: must be a list of names of tools, not a mapping"),
    faulty("hide: [git_push, ▶'']", "hide[1]: must not be empty"),
    faulty("hide: [git_push, ▶'  ']", "hide[1]: must not be empty"),
    faulty("hide:\n  - a\n  - b\n  - ▶a", "hide[2]: 'a' stands twice"),
    faulty("hide: [▶5, ▶[a]]", "hide[0]: must be text, not '5'; put it in quotes", "hide[1]: must be text, not a list"),
    faulty(f"hide: [▶{'x' * 257}]", "hide[0]: has 257 characters; 256 are the most"),
    faulty("approvals: ▶10m", "approvals: must hold keys such as timeout, not '10m'"),
    faulty("approvals: ▶null", "approvals: must hold keys such as timeout, not 'null'"),
    faulty("approvals:\n  ▶timout: 10m", "approvals.timout: is no key here; did you mean timeout?"),
    *(
        faulty(f"approvals: {{timeout: ▶{value}}}", f"approvals.timeout: {NOT_A_TIMEOUT} {said}")
        for value, said in (
            ("ten", "'ten'"), ("10", "'10'"), ("0", "'0'"), ('""', "''"), ("-10m", "'-10m'"), ("10 m", "'10 m'"),
            ("[10m]", "a list"), ("{m: 10}", "a mapping"), ("null", "'null'"), ("1.5", "'1.5'"), ("10M", "'10M'"),
            ("1h30", "'1h30'"), ("true", "'true'"),
        )
    ),
    faulty("approvals: {dedupe_window: ▶5}", f"approvals.dedupe_window: {NOT_A_DURATION} '5'"),
    faulty("approvals: {hold: ▶soon}", f"approvals.hold: {NOT_A_DURATION} 'soon'"),
    faulty("approvals: {notify: ▶[webhook]}", "approvals.notify: must hold the key webhook, not a list"),
    faulty("approvals: {notify: {▶webhok: {}}}", "approvals.notify.webhok: is no key here; did you mean webhook?"),
    faulty("approvals: {▶webhook_url: x}", "approvals.webhook_url: is no key here"),
    faulty("tools: ▶[pay]", "tools: must hold names, not a list"),
    faulty("tools: ▶pay", "tools: must hold names, not 'pay'"),
    faulty("tools: {pay: ▶[]}", "tools.pay: must hold the key rules, not a list"),
    faulty("tools: {pay: {▶rule: []}}", "tools.pay.rule: is no key here; did you mean rules?"),
    faulty("tools: {pay: {rules: ▶{name: x}}}", "tools.pay.rules: must be a list of rules, not a mapping"),
    faulty("tools: {pay: {rules: ▶5/hour}}", "tools.pay.rules: must be a list of rules, not '5/hour'"),
    faulty("tools: {▶_global: {rules: []}}", "tools._global: is what the counters of * are called; no tool can be"),
    faulty("tools: {▶'**': {rules: []}}", "tools.**: stands for every tool; write it as *"),
    faulty("tools: {▶'': {rules: []}}", "tools.: must not be empty"),
    faulty(f"tools: {{▶{'x' * 257}: {{rules: []}}}}", f"tools.{'x' * 257}: has 257 characters; 256 are the most"),
)  # fmt: skip

WEBHOOK_FAULTS = tuple(
    faulty(f"approvals: {{notify: {{webhook: {text}}}}}", *(f"approvals.notify.webhook{each}" for each in problems))
    for text, *problems in (
        ("▶http://h/", ": must hold keys such as url, not 'http://h/'"),
        ("▶▶{}", ": must have the key secret", ": must have the key url"),
        ("▶{url: http://h/}", ": must have the key secret"),
        ("▶{secret: s}", ": must have the key url"),
        ("{url: http://h/, secret: ▶''}", ".secret: must not be empty"),
        ("{url: http://h/, secret: ▶5}", ".secret: must be text, not '5'; put it in quotes"),
        ("{url: http://h/, secret: s, allow_private: ▶1}", ".allow_private: must be true or false, not '1'"),
        ("{url: http://h/, secret: s, ▶event: x}", ".event: is no key here; did you mean events?"),
        ("{url: http://h/, secret: s, events: ▶requested}", ".events: must be a list of words, not 'requested'"),
        ("{url: http://h/, secret: s, events: ▶[]}", ".events: must name an event; nothing would be sent"),
        (
            "{url: http://h/, secret: s, events: [decided, ▶expire]}",
            ".events[1]: must be requested, decided or expired, not 'expire'; did you mean expired?",
        ),
        *(
            (f"{{url: ▶'{url}', secret: s}}", f".url: {NOT_A_URL} {url!r}")
            for url in (
                "ftp://h/", "h/hook", "//h/hook", "http:/h", "http://", "https:///hook", "http://:80", "http://?h",
                "javascript://h", "http://h/a b", " http://h", "http://[::1", "http://h:port/", "file:///etc/passwd",
            )
        ),
        ("{url: ▶[http://h/], secret: s}", ".url: must be text, not a list"),
    )
)  # fmt: skip

ACTIONS_ARE = "must be evaluate, deny or require_approval"
NO_MIXTURE = ".rate_limit: cannot stand beside conditions or state; make it a rule of its own"
NO_CONDITIONS = ": has action evaluate and needs at least one condition"

RULE_FAULTS = (
    faulty_rule("▶5", ": must hold keys such as name, not '5'"),
    faulty_rule("▶[]", ": must hold keys such as name, not a list"),
    faulty_rule("▶{rate_limit: 5/hour}", ": must have a name"),
    faulty_rule("{name: ▶'', rate_limit: 5/hour}", ".name: must not be empty"),
    faulty_rule("{name: ▶12, rate_limit: 5/hour}", ".name: must be text, not '12'; put it in quotes"),
    faulty_rule("{name: n, rate_limit: 5/hour, ▶ratelimit: 1}", ".ratelimit: is no key here; did you mean rate_limit?"),
    faulty_rule("{name: n, action: ▶allow}", f".action: {ACTIONS_ARE}, not 'allow'"),
    faulty_rule(
        "{name: n, action: ▶require_aproval, quorum: 2}",
        f".action: {ACTIONS_ARE}, not 'require_aproval'; did you mean require_approval?",
    ),
    faulty_rule("{name: n, action: deny, on_deny: ▶[no]}", ".on_deny: must be text, not a list"),
    # what the actions need and cannot have
    faulty_rule("▶{name: n}", NO_CONDITIONS),
    faulty_rule("▶{name: n, action: evaluate}", NO_CONDITIONS),
    faulty_rule("{name: n, conditions: ▶[]}", NO_CONDITIONS),
    faulty_rule("▶{name: n, state: {counter: c, window: day}}", NO_CONDITIONS),
    faulty_rule("{name: n, conditions: ▶{path: args.x}}", ".conditions: must be a list of conditions, not a mapping"),
    faulty_rule("{name: n, conditions: ▶null}", ".conditions: must be a list of conditions, not 'null'"),
    faulty_rule(
        "{name: n, action: deny, conditions: ▶[{path: args.x, op: eq, value: 1}]}",
        ".conditions: cannot be used with action deny, which refuses every call",
    ),
    faulty_rule(
        "{name: n, action: require_approval, state: ▶{counter: c, window: day}}",
        ".state: cannot be used with action require_approval; make it a rule of its own",
    ),
    *(
        faulty_rule(
            f"{{name: n, rate_limit: 5/hour, {key}: ▶{value}}}",
            f".{key}: has no meaning with action evaluate, only require_approval",
        )
        for key, value in (
            ("quorum", 2), ("reviewers", "[ann]"), ("reason_required", "true"), ("evidence", "shown"), ("risk", "low"),
            ("hold", "10s"),
        )
    ),
    faulty_rule(
        "{name: n, action: deny, risk: ▶high}", ".risk: has no meaning with action deny, only require_approval"
    ),
    # rate_limit
    *(
        faulty_rule(f"{{name: n, rate_limit: ▶{value}}}", f".rate_limit: {NOT_A_RATE} {said}")
        for value, said in (
            ("five/hour", "'five/hour'"), ("0/hour", "'0/hour'"), ("-1/hour", "'-1/hour'"), ("5/week", "'5/week'"),
            ('"5"', "'5'"), ("5", "'5'"), ('""', "''"), ("5/", "'5/'"), ("/hour", "'/hour'"), ("5/Hour", "'5/Hour'"),
            ("5 / hour", "'5 / hour'"), ("1.5/hour", "'1.5/hour'"), ("[5/hour]", "a list"), ("null", "'null'"),
            ("1e3/hour", "'1e3/hour'"), ("05/hour", "'05/hour'"), ("5/hour/day", "'5/hour/day'"),
            ("1234567890123456/day", "'1234567890123456/day'"),
        )
    ),
    faulty_rule("{name: n, rate_limit: ▶5/hour, conditions: [{path: args.x, op: eq, value: 1}]}", NO_MIXTURE),
    faulty_rule("{name: n, rate_limit: ▶5/hour, state: {counter: c, window: hour}}", NO_MIXTURE),
    faulty_rule(
        "{name: n, rate_limit: ▶5/hour, action: deny}",
        ".rate_limit: cannot be used with action deny; make it a rule of its own",
    ),
    faulty_rule(
        "{name: n, rate_limit: ▶5/hour, action: require_approval}",
        ".rate_limit: cannot be used with action require_approval; make it a rule of its own",
    ),
    # what a decision needs
    *(
        faulty_rule(f"{{name: n, action: require_approval, {key}: ▶{value}}}", f".{key}: {reason}")
        for key, value, reason in (
            ("quorum", "0", "must be a whole number from 1 to 100, not '0'"),
            ("quorum", "101", "must be a whole number from 1 to 100, not '101'"),
            ("quorum", "two", "must be a whole number from 1 to 100, not 'two'"),
            ("quorum", "1.5", "must be a whole number from 1 to 100, not '1.5'"),
            ("quorum", "true", "must be a whole number from 1 to 100, not 'true'"),
            ("quorum", "[2]", "must be a whole number from 1 to 100, not a list"),
            ("reviewers", "ann", "must be a list of names, not 'ann'"),
            ("reviewers", "[]", "must name a reviewer; nobody could decide"),
            ("reason_required", "1", "must be true or false, not '1'"),
            ("reason_required", "'true'", "must be true or false, not 'true'"),
            ("evidence", "table", "must be shown or none, not 'table'"),
            ("evidence", "true", "must be shown or none, not 'true'"),
            ("risk", "hi", "must be low, medium or high, not 'hi'; did you mean high?"),
            ("risk", "3", "must be low, medium or high, not '3'"),
            ("hold", "5", f"{NOT_A_DURATION} '5'"),
            ("approval_timeout", "0", f"{NOT_A_TIMEOUT} '0'"),
            ("approval_timeout", "half an hour", f"{NOT_A_TIMEOUT} 'half an hour'"),
        )
    ),
    faulty_rule(
        "{name: n, action: require_approval, reviewers: [ann, ▶ann, ▶5, bo]}",
        ".reviewers[1]: 'ann' stands twice",
        ".reviewers[2]: must be text, not '5'; put it in quotes",
    ),
)  # fmt: skip

CONDITION_FAULTS = tuple(
    faulty_rule(f"{{name: n, conditions: [{text}]}}", *(f".conditions[0]{each}" for each in problems))
    for text, *problems in (
        ("▶args.x", ": must hold keys such as path, not 'args.x'"),
        ("▶▶▶{}", ": must have the key op", ": must have the key path", ": must have the key value"),
        (
            "▶{path: ▶foo.x, op: ▶eqq}",
            ": must have the key value",
            ".path: must start with args. or state., not 'foo.x'",
            ".op: must be eq, neq, in, not_in, lt, lte, gt, gte, regex, not_regex, contains, not_contains or exists, "
            "not 'eqq'; did you mean eq?",
        ),
        ("{path: args.x, op: eq, value: 1, ▶not: true}", ".not: is no key here"),
        *(
            (f"{{path: ▶{path}, op: eq, value: 1}}", f".path: {reason}")
            for path, reason in (
                ("foo.bar", "must start with args. or state., not 'foo.bar'"),
                ("args", "must start with args. or state., not 'args'"),
                ("arguments.x", "must start with args. or state., not 'arguments.x'"),
                ("Args.x", "must start with args. or state., not 'Args.x'"),
                ("'args.'", "has an empty part: 'args.'"),
                ("args..x", "has an empty part: 'args..x'"),
                ("args.x.", "has an empty part: 'args.x.'"),
                ("''", "must not be empty"),
                ("5", "must be text, not '5'; put it in quotes"),
                ("[args.x]", "must be text, not a list"),
            )
        ),
        *(
            (f"{{path: args.x, op: {op}, value: ▶{value}}}", f".value: must be {kind} for {op}, not {said}")
            for op, value, kind, said in (
                ("in", "usd", "a list", "'usd'"), ("not_in", "{a: 1}", "a list", "a mapping"),
                ("in", "", "a list", "nothing"), ("lt", "'5'", "a number", "'5'"),
                ("lte", "five", "a number", "'five'"),
                ("gt", "[5]", "a number", "a list"), ("gte", "true", "a number", "'true'"),
                ("gte", "null", "a number", "'null'"), ("exists", "'true'", "true or false", "'true'"),
                ("exists", "1", "true or false", "'1'"), ("exists", "null", "true or false", "'null'"),
            )
        ),
        *(
            (
                f"{{path: args.x, op: {op}, value: ▶{value}}}",
                f".value: must be a regular expression in quotes, not {said}",
            )
            for op, value, said in (
                ("regex", "5", "'5'"), ("not_regex", "[a]", "a list"), ("regex", "{a}", "a mapping"),
            )
        ),
        (
            f"{{path: args.x, op: regex, value: ▶{'x' * 2001}}}",
            ".value: has 2,001 characters; 2,000 are the most",
        ),
        ("{path: args.x, op: eq, value: {a: [{▶'': 1}]}}", ".value.a[0].: must not be empty"),
    )
)  # fmt: skip

ONE = "conditions: [{path: args.x, op: eq, value: 1}]"

STATE_FAULTS = tuple(
    faulty_rule(f"{{name: n, {ONE}, state: {text}}}", *(f".state{each}" for each in problems))
    for text, *problems in (
        ("▶spent", ": must hold keys such as counter, not 'spent'"),
        ("▶null", ": must hold keys such as counter, not 'null'"),
        ("▶▶{}", ": must have the key counter", ": must have the key window"),
        ("▶{window: day}", ": must have the key counter"),
        ("▶{counter: c}", ": must have the key window"),
        ("{counter: ▶'', window: day}", ".counter: must not be empty"),
        ("{counter: c, window: ▶week}", ".window: must be minute, hour or day, not 'week'"),
        ("{counter: c, window: ▶''}", ".window: must be minute, hour or day, not ''"),
        ("{counter: c, window: ▶hours}", ".window: must be minute, hour or day, not 'hours'; did you mean hour?"),
        (
            "{counter: c, window: day, increment: ▶0}",
            ".increment: must be a whole number from 1 to 9,007,199,254,740,991, not '0'",
        ),
        (
            "{counter: c, window: day, increment: ▶9007199254740992}",
            ".increment: must be a whole number from 1 to 9,007,199,254,740,991, not '9007199254740992'",
        ),
        ("{counter: c, window: day, ▶incremental: 2}", ".incremental: is no key here; did you mean increment?"),
        (
            "{counter: c, window: day, increment_from: ▶state.pay.c}",
            ".increment_from: must start with args., not 'state.pay.c'",
        ),
        (
            "{counter: c, window: day, increment_from: ▶amount}",
            ".increment_from: must start with args., not 'amount'",
        ),
        ("{counter: c, window: day, increment_from: ▶'args.'}", ".increment_from: has an empty part: 'args.'"),
    )
)

FAULTS = (*TOP_FAULTS, *WEBHOOK_FAULTS, *RULE_FAULTS, *CONDITION_FAULTS, *STATE_FAULTS)
