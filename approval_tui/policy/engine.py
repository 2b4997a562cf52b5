"""The engine: what a policy says of one call. Pure; deny beats require_approval beats allow, whatever the order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from reprlib import Repr
from typing import Any, NamedTuple

from approval_tui.domain.canonical import JsonObject, canonical_hash
from approval_tui.domain.counters import LARGEST_COUNT, Counter, Reservation
from approval_tui.domain.lifecycle import ALLOW, DENY, REQUIRE_APPROVAL, highest_risk
from approval_tui.domain.models import NO_REQUIREMENTS, Requirements
from approval_tui.domain.names import folded_name, in_quotes
from approval_tui.domain.verdicts import Finding, Verdict
from approval_tui.policy.conditions import Absent, ArgumentReader, Check, Key, check_of, path_keys
from approval_tui.policy.globs import fits, folded_glob
from approval_tui.policy.language import EVALUATE, EVERY_TOOL, STATE
from approval_tui.policy.model import Condition, Policy, Rule

HIDDEN = "(hidden)"
DEFAULT_DENY = "(default deny)"
DEFAULT_ASK = "(default require_approval)"

_NOBODY = "The rules that ask for approval name too few reviewers in common, so that nobody could approve it"
_UNCOUNTABLE = "is no amount that can be counted"
_MOST_TOOLS_KEPT = 1024
_LONGEST_QUOTE = 200

Counts = Mapping[Counter, int]
NO_COUNTS: Counts = {}


class PolicyEngine:
    """Judges calls by one policy; safe to use from many threads."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._counters = {
            STATE + rule.state.name_in(tool.scope): Counter(rule.state.name_in(tool.scope), rule.state.window)
            for tool in policy.tools
            for rule in tool.rules
            if rule.state is not None
        }
        self._compiled = {
            tool.name: tuple(self._compile(rule, tool.scope) for rule in tool.rules) for tool in policy.tools
        }
        self._by_tool: dict[str, _Applicable] = {}

    def evaluate(self, tool: str, arguments: JsonObject, counts: Counts = NO_COUNTS) -> Verdict:
        """What the policy says of a call with these arguments, which must be plain JSON values.

        `counts` are the present values of counters; one that lacks counts as zero. A rule that denies or asks
        also matches where its conditions cannot be evaluated. Never raises; the same input gives the same verdict.
        """
        applicable = self._applicable(tool)
        if applicable.refusal is not None:
            return Verdict(DENY, deciding=applicable.refusal, rule_hash=applicable.refusal.rule_hash)
        reader = ArgumentReader(arguments)
        amounts = {rule.counter: rule.amount(reader) for rule in applicable.rules if rule.counter is not None}
        findings: list[Finding] = []
        asking: list[Rule] = []
        reservations: list[Reservation] = []
        for rule in applicable.rules:
            why = rule.objection(reader, counts, amounts)
            if why is not None:
                findings.append(_finding(rule.rule, DENY if rule.rule.action == EVALUATE else rule.rule.action, why))
                if rule.rule.action == REQUIRE_APPROVAL:
                    asking.append(rule.rule)
            elif rule.counter is not None and rule.rule.action == EVALUATE:
                reservations.append(rule.reservation(amounts[rule.counter]))
        return self._verdict(applicable, findings, asking, tuple(reservations), counts)

    def counts_needed(self, tool: str) -> tuple[Counter, ...]:
        """The counters whose values a verdict on this tool depends on, but for limits, which the store keeps."""
        return self._applicable(tool).counts_needed

    def looks_at_arguments(self, tool: str) -> bool:
        """Whether a verdict on this tool depends on the call's arguments."""
        return any(rule.looks_at_arguments for rule in self._applicable(tool).rules)

    def hides(self, tool: str) -> bool:
        """Whether the policy has the tool not even shown to agents."""
        return any(name == EVERY_TOOL or fits(tool, name) for name in self.policy.hide)

    def names_without_tool(self, tools: Sequence[str]) -> tuple[str, ...]:
        """The names and globs of the policy that stand for none of these tools: a misspelt one holds nothing."""
        names = dict.fromkeys([*(each.name for each in self.policy.tools), *self.policy.hide])
        return tuple(name for name in names if name != EVERY_TOOL and not any(fits(tool, name) for tool in tools))

    def name_like(self, tool: str) -> str | None:
        """A name of the policy that a careless server takes for this tool's, which the policy itself has not."""
        return self._applicable(tool).lookalike

    def _verdict(
        self,
        applicable: _Applicable,
        findings: list[Finding],
        asking: list[Rule],
        reservations: tuple[Reservation, ...],
        counts: Counts,
    ) -> Verdict:
        relied_on = {counter: counts.get(counter, 0) for counter in applicable.counts_needed}
        deciding = next((each for each in findings if each.verdict == DENY), None)
        if deciding is not None:
            losing = tuple(each for each in findings if each is not deciding)
            return Verdict(DENY, deciding, losing, deciding.rule_hash, counts=relied_on)
        if not findings and applicable.asks_by_default is not None:
            findings = [applicable.asks_by_default]
        if not findings:
            return Verdict(ALLOW, reservations=reservations, counts=relied_on)
        requirements = _strictest([rule.requirements for rule in asking])
        if requirements is None:
            nobody = findings[0]._replace(verdict=DENY, message=_NOBODY, why=_NOBODY)
            return Verdict(DENY, nobody, tuple(findings[1:]), nobody.rule_hash, counts=relied_on)
        approvals = self.policy.approvals
        hashes = sorted({each.rule_hash for each in findings})
        return Verdict(
            REQUIRE_APPROVAL,
            deciding=findings[0],
            losing=tuple(findings[1:]),
            rule_hash=hashes[0] if len(hashes) == 1 else canonical_hash({"type": "rules", "rules": hashes}),
            requirements=requirements,
            risk=highest_risk(*(rule.risk for rule in asking)),
            timeout=_first([rule.approval_timeout for rule in asking], approvals.timeout),
            dedupe_window=approvals.dedupe_window,
            hold=_first([rule.hold for rule in asking], approvals.hold),
            reservations=reservations,
            counts=relied_on,
        )

    # --- which rules ---------------------------------------------------------------------------

    def _applicable(self, tool: str) -> _Applicable:
        """The rules of a tool: its own, then those of globs in the order of the file, then those of `*`."""
        known = self._by_tool.get(tool)
        if known is None:
            if len(self._by_tool) >= _MOST_TOOLS_KEPT:
                self._by_tool.clear()  # an agent may invent names without end
            known = self._by_tool[tool] = self._find_applicable(tool)
        return known

    def _find_lookalike(self, tool: str) -> str | None:
        """A name under which something is denied, asked or hidden, which a careless server takes for this tool's."""
        if tool in self._compiled or tool in self.policy.hide:
            return None
        folded = folded_name(tool)
        guarded = [name for name, rules in self._compiled.items() if rules and name != EVERY_TOOL]
        names = (*guarded, *(name for name in self.policy.hide if name != EVERY_TOOL))
        return next((name for name in names if not fits(tool, name) and fits(folded, folded_glob(name))), None)

    def _find_applicable(self, tool: str) -> _Applicable:
        policy = self.policy
        if self.hides(tool):
            return _Applicable(
                refusal=_default_finding(HIDDEN, "hide", DENY, f"Tool {in_quotes(tool)} is hidden by policy")
            )
        globs = [each.name for each in policy.tools if each.name not in (tool, EVERY_TOOL) and fits(tool, each.name)]
        own = [tool] if tool in self._compiled and tool != EVERY_TOOL else []
        is_listed = bool(own or globs)
        if policy.default == DENY and not is_listed:
            message = f"Tool {in_quotes(tool)} is not permitted by policy"
            refusal = _default_finding(DEFAULT_DENY, "default", DENY, message)
            return _Applicable(refusal, lookalike=self._find_lookalike(tool))
        names = [*own, *globs, *([EVERY_TOOL] if EVERY_TOOL in self._compiled else [])]
        rules = tuple(rule for name in names for rule in self._compiled[name])
        asks = policy.default == REQUIRE_APPROVAL and not is_listed
        message = f"Tool {in_quotes(tool)} needs approval: no rule of the policy is about it"
        return _Applicable(
            rules=rules,
            asks_by_default=_default_finding(DEFAULT_ASK, "default", REQUIRE_APPROVAL, message) if asks else None,
            lookalike=self._find_lookalike(tool),
            counts_needed=tuple(sorted({counter for rule in rules for counter in rule.counts_needed})),
        )

    def _compile(self, rule: Rule, scope: str) -> _CompiledRule:
        own_path = None if rule.state is None else STATE + rule.state.name_in(scope)
        limits = [each for each in rule.conditions if each.path == own_path and each.op in ("lt", "lte")]
        checks = []
        for condition in rule.conditions:
            if condition in limits and rule.action == EVALUATE:
                continue
            counter = self._counters[condition.path] if condition.path.startswith(STATE) else None
            keys = () if counter is not None else path_keys(condition.path)
            checks.append(_CompiledCheck(condition, check_of(condition), keys, counter))
        most = min(map(_most, limits), default=None)
        own_counter = None if own_path is None else self._counters[own_path]
        why_asked = " and ".join(map(str, rule.conditions)) or "the rule asks for every call"
        source = None if rule.state is None else rule.state.increment_from
        amount_keys = None if source is None else path_keys(source)
        return _CompiledRule(rule, tuple(checks), own_counter, most, why_asked, amount_keys)


class _CompiledCheck(NamedTuple):
    """One condition, ready to be asked of a call."""

    condition: Condition
    check: Check
    keys: tuple[Key, ...]
    counter: Counter | None


class _CompiledRule(NamedTuple):
    """One rule with its checks; a limit on its own counter is `most`, which the store holds."""

    rule: Rule
    checks: tuple[_CompiledCheck, ...]
    counter: Counter | None
    most: int | None
    why_asked: str
    amount_keys: tuple[Key, ...] | None

    @property
    def counts_needed(self) -> tuple[Counter, ...]:
        return tuple(check.counter for check in self.checks if check.counter is not None)

    @property
    def looks_at_arguments(self) -> bool:
        counts_argument = self.rule.state is not None and self.rule.state.increment_from is not None
        return counts_argument or any(check.counter is None for check in self.checks)

    def objection(self, reader: ArgumentReader, counts: Counts, amounts: Mapping[Counter, int | None]) -> str | None:
        """Why the rule denies the call, or asks; None where it has nothing against it."""
        if self.rule.action == DENY:
            return "the rule denies every call"
        why_asked = self.why_asked
        for check in self.checks:
            actual: Any
            if check.counter is None:
                actual = reader.value_at(check.keys)
            else:
                actual = counts.get(check.counter, 0) + (amounts.get(check.counter) or 0)
            answer = check.check(actual)
            if self.rule.action == EVALUATE:
                if not answer:
                    return _unmet(check.condition, actual, answer)
            elif answer is False:
                return None
            elif answer is None:
                why_asked = _unmet(check.condition, actual, answer)
        if self.rule.action == REQUIRE_APPROVAL:
            return why_asked
        return self._over_limit(counts, amounts)

    def _over_limit(self, counts: Counts, amounts: Mapping[Counter, int | None]) -> str | None:
        if self.counter is None:
            return None
        amount = amounts[self.counter]
        if amount is None:
            source = self.rule.state.increment_from if self.rule.state else None
            return f"{source} {_UNCOUNTABLE}"
        if self.most is not None and counts.get(self.counter, 0) + amount > self.most:
            return f"{self.counter.name} would pass its limit of {self.most}"
        return None

    def amount(self, reader: ArgumentReader) -> int | None:
        """What the call adds to the rule's counter, a part counting as a whole; None for what cannot be counted.

        Less than zero cannot: an agent would make room for itself.
        """
        assert self.rule.state is not None
        if self.amount_keys is None:
            return self.rule.state.increment
        value = reader.value_at(self.amount_keys)
        if not isinstance(value, int | float) or type(value) is bool or not 0 <= value <= LARGEST_COUNT:
            return None
        return math.ceil(value)

    def reservation(self, amount: int | None) -> Reservation:
        """What a call that may run adds to the rule's counter."""
        assert self.counter is not None
        return Reservation(self.counter, amount or 0, self.most, self.rule.name, _message(self.rule))


class _Applicable(NamedTuple):
    """What a policy has to say of one tool: a refusal of all its calls, or rules."""

    refusal: Finding | None = None
    rules: tuple[_CompiledRule, ...] = ()
    asks_by_default: Finding | None = None
    lookalike: str | None = None
    counts_needed: tuple[Counter, ...] = ()


class _Quote(Repr):
    """Quotes the beginning of a value that may have megabytes; `Repr` alone would sort all the keys of an object."""

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        return super().repr_dict(dict(islice(x.items(), self.maxdict + 1)), level)


_QUOTE = _Quote()
_QUOTE.maxstring = _QUOTE.maxother = _QUOTE.maxlong = _LONGEST_QUOTE


# --- parts of a verdict ------------------------------------------------------------------------


def _finding(rule: Rule, verdict: str, why: str) -> Finding:
    message = why if why.endswith(_UNCOUNTABLE) else _message(rule)  # the rule's words are about its limit
    return Finding(rule.name, rule.path, verdict, rule.hash, message, why)


def _default_finding(name: str, path: str, verdict: str, message: str) -> Finding:
    rule_hash = canonical_hash({"type": "default", "rule": name, "verdict": verdict})
    return Finding(name, path, verdict, rule_hash, message, message)


def _message(rule: Rule) -> str:
    """What the agent is told; the words are Intercept's where a rule denies without words of its own."""
    said = (
        f'Rule "{rule.name}" asks for approval' if rule.action == REQUIRE_APPROVAL else f'Denied by rule "{rule.name}"'
    )
    return rule.on_deny or said


def _unmet(condition: Condition, actual: Any, answer: bool | None) -> str:
    """Why a condition does not hold, or cannot be evaluated, with the value that was found."""
    if isinstance(actual, Absent):
        found = actual.words
    else:
        found = "null" if actual is None else _QUOTE.repr(actual)
    cannot = "" if answer is False else ", which cannot be evaluated"
    return f"{condition.path} is {found}{cannot}; the rule says {condition}"


def _most(limit: Condition) -> int:
    """The most that a counter may hold under `lt` or `lte`; less than zero means nothing at all."""
    value = limit.value
    most: int = math.ceil(value) - 1 if limit.op == "lt" else math.floor(value)
    return max(-1, min(most, LARGEST_COUNT))


def _strictest(all_requirements: Sequence[Requirements]) -> Requirements | None:
    """What satisfies all of these; None where nothing can."""
    strictest: Requirements | None = NO_REQUIREMENTS
    for each in all_requirements:
        strictest = None if strictest is None else strictest.and_also(each)
    return strictest


def _first(values: Sequence[int | None], default: int | None) -> int | None:
    """The first that says something: the tool's own rules come before those of globs and of `*`."""
    return next((value for value in values if value is not None), default)
