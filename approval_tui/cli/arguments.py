"""The registry of commands: the words of each, its arguments, and the function that does it.

One file, though a long one: every further module would cost each command at its start.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

from approval_tui.domain.clock import SECOND
from approval_tui.domain.coding_agents import CODING_AGENTS
from approval_tui.domain.lifecycle import APPROVED, CONSUMED, FINAL, OUTCOMES, PENDING, POLICY_VERDICTS, RISKS, STATUSES
from approval_tui.domain.proxy_choices import DEFAULT_PENDING_CODE, DEFAULT_REQUESTER, ON_PENDING, ROLLBACK_ON
from approval_tui.domain.roles import ROLES
from approval_tui.integrations.coding_agents.hook_times import DEFAULT_WAIT, LONGEST_WAIT
from approval_tui.version import __version__

PROGRAM = "approval-tui"
DEFAULT_BIND = "127.0.0.1:9111"
Parser = argparse.ArgumentParser
_NOT_WAITING = (APPROVED, *FINAL, CONSUMED, "in_doubt")


class Command(NamedTuple):  # a dataclass costs six times as much at start-up
    """One command: its words, a line of help, its arguments, and the function that does it.

    `handler` is `module:function` under `approval_tui.cli.commands`; the function takes the parsed arguments
    and the Environment and returns the exit code.
    """

    name: str
    help: str
    add_arguments: Callable[[Parser], None]
    handler: str
    has_json: bool = True


def add_shared_options(parser: Parser, *, has_json: bool) -> None:
    """What every command takes; a command that prints data takes --json too."""
    parser.add_argument(
        "--store",
        metavar="PLACE",
        help="the store's file, or its postgresql:// URL (else APPROVAL_TUI_STORE, else the config)",
    )
    parser.add_argument("--config", metavar="FILE", help="the configuration (else APPROVAL_TUI_CONFIG)")
    if has_json:
        parser.add_argument("--json", action="store_true", help="print JSON, exact and ASCII-escaped")


def _no_arguments(parser: Parser) -> None:
    """Nothing beyond what every command has."""


def _id(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", help="the request's id, or its first 8 or more characters if unique")


def _reviewer(parser: Parser) -> None:
    parser.add_argument(
        "--reviewer", "--actor", metavar="NAME", help="who decides (else the config's reviewer, else your user name)"
    )


def _reason(parser: Parser) -> None:
    parser.add_argument("--reason", metavar="TEXT", help="why; it is recorded and the requester sees it")


def _limit(parser: Parser, default: int | None, what: str) -> None:
    parser.add_argument("--limit", metavar="N", type=_count, default=default, help=f"at most so many {what}")


def _matching(parser: Parser) -> None:
    parser.add_argument("--requester", metavar="NAME", help="only this requester's")
    parser.add_argument("--tool", metavar="NAME", help="only this tool's")
    parser.add_argument("--session", metavar="NAME", help="only this session's")
    parser.add_argument("--risk", choices=RISKS, help="only of this risk")
    _text(parser, "that hold this text anywhere")


def _text(parser: Parser, which: str) -> None:
    parser.add_argument(
        "--text", metavar="WORD", action="append", help=f"only those {which}; given again, each must occur"
    )


def _console(parser: Parser) -> None:
    _reviewer(parser)
    parser.add_argument("--readonly", action="store_true", help="look, and let nothing be decided here")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")


def _list(parser: Parser) -> None:
    parser.add_argument("--status", choices=(*STATUSES, "in_doubt"), default=PENDING, help="default: pending")
    _matching(parser)
    _limit(parser, 1000, "requests")


def _show(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--reveal", action="store_true", help="show what is masked as a secret, too")


def _decide(parser: Parser) -> None:
    _id(parser)
    _reviewer(parser)
    _reason(parser)
    parser.add_argument("--digest", metavar="DIGEST", help="what you looked at; another digest is refused")


def _approve(parser: Parser) -> None:
    _decide(parser)
    parser.add_argument("--edit", metavar="JSON", help="approve these arguments instead; - reads them from stdin")
    parser.add_argument(
        "--for-session", action="store_true", help="also the same call for the rest of its session, without asking"
    )


def _grant_terms(parser: Parser) -> None:
    parser.add_argument(
        "--any", metavar="NAME", action="append", default=[], help="this argument may be anything (a.b: b inside of a)"
    )
    parser.add_argument(
        "--glob",
        metavar="NAME=PATTERN",
        type=_named_pattern,
        action="append",
        default=[],
        help="this argument fits the pattern: * is one word, ** one path",
    )
    parser.add_argument("--always", action="store_true", help="in every session, not only in that of the request")
    parser.add_argument(
        "--for", metavar="DURATION", type=_duration, dest="ends_after", help="how long (else 12h, with --always 7d)"
    )
    parser.add_argument("--uses", metavar="N", type=_count, help="how often at most (else any number of times)")
    _reviewer(parser)


def _grant_add(parser: Parser) -> None:
    _id(parser)
    _grant_terms(parser)
    parser.add_argument("--digest", metavar="DIGEST", help="what you looked at; another digest is refused")


def _grant_test(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", help="a request, with the options of `grant add`, or a grant that there is")
    _grant_terms(parser)


def _session_id(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", help="any request of the session, or its first 8 or more characters")


def _session_hold(parser: Parser) -> None:
    _session_id(parser)
    _reviewer(parser)
    _reason(parser)
    parser.add_argument("--deny-waiting", action="store_true", help="deny what waits of it, too")


def _session_release(parser: Parser) -> None:
    _session_id(parser)
    _reviewer(parser)
    _reason(parser)


def _session_list(parser: Parser) -> None:
    parser.add_argument("--all", action="store_true", help="those that were released, too")


def _bulk(parser: Parser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        help="what you looked at, by id and digest, as `list --json` prints it; - is stdin",
    )
    _reviewer(parser)
    _reason(parser)


def _grant_revoke(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", help="the grant's id, as `grant list` prints it")
    _reviewer(parser)
    _reason(parser)


def _grant_list(parser: Parser) -> None:
    parser.add_argument("--all", action="store_true", help="those that ended, too")


def _expire(parser: Parser) -> None:
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("id", metavar="ID", nargs="?", help="the request's id, or a unique prefix of 8 or more")
    chosen.add_argument("--all-stale", action="store_true", help="record every expiry whose time has passed")
    _reviewer(parser)


def _revoke(parser: Parser) -> None:
    _id(parser)
    _reviewer(parser)
    _reason(parser)


def _resolve(parser: Parser) -> None:
    _revoke(parser)
    parser.add_argument("--outcome", choices=OUTCOMES, required=True, help="what became of the call")


def _history(parser: Parser) -> None:
    parser.add_argument("--status", choices=_NOT_WAITING, help="only these")
    _matching(parser)
    parser.add_argument("--before", metavar="ID", help="the page after the one that ended with this request")
    _limit(parser, 50, "requests")


def _audit_list(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", nargs="?", help="only the events of this request, oldest first")
    parser.add_argument("--before", metavar="N", type=_count, help="only events before this number")
    _text(parser, "whose name, request or content holds this text")
    _limit(parser, None, "events (of the whole log: 50)")


def _verify(parser: Parser) -> None:
    parser.add_argument("--head", metavar="FILE|JSON", help="a checkpoint that `audit head --json` printed; - is stdin")


def _export(parser: Parser) -> None:
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="default: jsonl")
    parser.add_argument("--output", metavar="FILE", help="write to this file, whole or not at all (else stdout)")


def _submit(parser: Parser) -> None:
    parser.add_argument("--tool", required=True, metavar="NAME", help="the tool that would be called")
    parser.add_argument("--args", required=True, metavar="JSON", help="its arguments; - reads them from stdin")
    parser.add_argument("--requester", required=True, metavar="NAME", help="who asks")
    parser.add_argument("--server", metavar="NAME", help="the server that has the tool")
    parser.add_argument("--session", metavar="NAME", help="the requester's run")
    parser.add_argument("--context", metavar="JSON", help="where the call would run; - reads it from stdin")
    parser.add_argument("--reason", metavar="TEXT", help="why the requester wants it")
    parser.add_argument("--risk", choices=RISKS, help="how dangerous it is")
    parser.add_argument("--timeout", metavar="10m", type=_duration, help="how long a person has to decide")
    parser.add_argument("--wait", action="store_true", help="wait for the decision; the exit code says which it was")


def _wait(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--timeout", metavar="10m", type=_duration, help="how long to wait (else until it is decided)")


def _consume(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--fingerprint", metavar="F", help="refuse unless the request is for this very call")
    parser.add_argument("--requester", metavar="NAME", help="refuse unless the request is this requester's")


def _outcome(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("outcome", choices=OUTCOMES, help="what became of the call")
    parser.add_argument("--claim", required=True, metavar="CLAIM", help="the claim that consume printed")
    parser.add_argument("--detail", metavar="TEXT", help="more about it")


def _cancel(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--requester", metavar="NAME", help="refuse unless the request is this requester's")
    parser.add_argument("--reason", metavar="TEXT", help="why")


def _hook(parser: Parser) -> None:
    _hook_options(parser, _hook_wait, "at most 1h")


def _hook_options(parser: Parser, wait: Callable[[str], int], bounds: str) -> None:
    parser.add_argument(
        "--wait", metavar="50s", type=wait, default=DEFAULT_WAIT, help=f"how long a person has, {bounds} (50s)"
    )
    parser.add_argument("--policy", metavar="FILE", help="which calls run, which never run, and which ask")
    parser.add_argument(
        "--fail-closed", action="store_true", help="deny where nobody decided (Codex always does before a call)"
    )
    parser.add_argument("--requester", metavar="NAME", help="who asks (else the agent's name)")


def _hook_agent(parser: Parser) -> None:
    parser.add_argument("agent", choices=CODING_AGENTS, help="whose hook")


def _hook_file(parser: Parser) -> None:
    _hook_agent(parser)
    parser.add_argument(
        "--scope",
        choices=("user", "project"),
        default="user",
        help="for all of your projects (user), or for that of this folder (project)",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")


def _hook_install(parser: Parser) -> None:
    _hook_file(parser)
    _hook_options(parser, _installed_wait, "1s to 1h")


def _hook_doctor(parser: Parser) -> None:
    parser.add_argument(
        "agent", choices=CODING_AGENTS, nargs="?", help="only this one's (else every agent's that is there)"
    )


def _validate(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="the file to check (else the one that is in force)")


def _policy_validate(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="the policy to check (else the one that is in force)")


def _policy_test(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", help="the policy")
    parser.add_argument("--tool", required=True, metavar="NAME", help="the tool that would be called")
    parser.add_argument("--args", required=True, metavar="JSON", help="its arguments; - reads them from stdin")
    parser.add_argument(
        "--expect", choices=POLICY_VERDICTS, help="end with exit code 1 if the policy says something else"
    )


def _policy_replay(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", help="the policy")
    parser.add_argument("--since", metavar="WHEN", type=_moment, help="only calls since then: 7d (ago), or 2026-11-01")
    _limit(parser, 100, "differences, the newest")


def _proxy(parser: Parser) -> None:
    parser.add_argument("-c", "--policy", metavar="FILE", help="the policy (else APPROVAL_TUI_POLICY, else the config)")
    _server(parser)
    parser.add_argument(
        "--requester", metavar="NAME", default=DEFAULT_REQUESTER, help=f"who asks (default: {DEFAULT_REQUESTER})"
    )
    parser.add_argument("--session", metavar="NAME", help="the requester's run (else a new one)")
    parser.add_argument("--server", metavar="NAME", help="what the server is called (else its command, or its host)")
    parser.add_argument("--hold", metavar="30s", type=_hold, help="how long a call waits for a decision; 0: not")
    parser.add_argument("--on-pending", choices=ON_PENDING, help="how an undecided call is answered (default: error)")
    parser.add_argument(
        "--pending-code", metavar="N", type=_code, help=f"the error's code (default: {DEFAULT_PENDING_CODE})"
    )
    parser.add_argument(
        "--rollback-on",
        choices=ROLLBACK_ON,
        help="what gives an approval back (default: not_run, a call that never ran)",
    )


def _server(parser: Parser) -> None:
    parser.add_argument("--upstream", metavar="URL", help="a server at a URL (streamable HTTP; needs the extra mcp)")
    parser.add_argument(
        "--header", metavar="'NAME: VALUE'", action="append", type=_header, help="a header for the server at the URL"
    )
    parser.add_argument("command", metavar="COMMAND", nargs="*", help="after --: what starts the server")


def _serve(parser: Parser) -> None:
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--bind", metavar="HOST:PORT", default=DEFAULT_BIND, help=f"where to listen (default: {DEFAULT_BIND})"
    )
    place.add_argument("--uds", metavar="PATH", help="listen on a socket in the file system, which is yours alone")
    parser.add_argument("--group", metavar="NAME", help="with --uds: this group may use the socket, too")
    parser.add_argument("--allow-remote", action="store_true", help="listen where other machines can reach it")
    parser.add_argument("--tls-cert", metavar="FILE", help="the certificate chain (PEM); other machines need it")
    parser.add_argument("--tls-key", metavar="FILE", help="its key, without a password")
    parser.add_argument("--policy", metavar="FILE", help="which calls run, which never run, and which ask")


def _token_create(parser: Parser) -> None:
    parser.add_argument("--role", choices=ROLES, required=True, help="a reviewer decides, an agent asks")
    parser.add_argument(
        "--name", metavar="NAME", required=True, help="who it is: the reviewer's or the requester's name"
    )
    parser.add_argument("--expires", metavar="30d", type=_duration, help="when it ends (else when it is revoked)")
    _reviewer(parser)


def _token_revoke(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", help="the token's id, as `token list` prints it")
    _reviewer(parser)


def _token_list(parser: Parser) -> None:
    parser.add_argument("--all", action="store_true", help="those that ended, too")


def _store_init(parser: Parser) -> None:
    parser.add_argument(
        "--agent-role", metavar="ROLE", action="append", default=[], help="a database role that asks and never decides"
    )
    parser.add_argument(
        "--reviewer-role", metavar="ROLE", action="append", default=[], help="a database role that decides"
    )


def _store_prune(parser: Parser) -> None:
    parser.add_argument(
        "--before", metavar="WHEN", type=_moment, required=True, help="what is older: 90d (ago), or 2026-08-01"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go and what keeps the rest")
    parser.add_argument("--archive", metavar="FILE", help="first write the events that go to this new file")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    _reviewer(parser)


def _store_check(parser: Parser) -> None:
    parser.add_argument("--quick", action="store_true", help="do not verify the log and the requests")


def _store_copy(parser: Parser) -> None:
    parser.add_argument("source", metavar="FROM", help="the store that is copied: a path or a URL")
    parser.add_argument("target", metavar="TO", help="the new one, or an unfinished copy of FROM: a path or a URL")


def _store_backup(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", help="the new file")


def _policy_scan(parser: Parser) -> None:
    _server(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this new file (else stdout)")
    parser.add_argument("--timeout", metavar="30s", type=_duration, default=30_000, help="how long the server may take")


def _demo(parser: Parser) -> None:
    parser.add_argument("--auto", action="store_true", help="decide by itself, verify, and print what happened")
    parser.add_argument("--keep", action="store_true", help="keep the scratch folder")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 1 or more")
    return int(text)


def _named_pattern(text: str) -> tuple[str, str]:
    name, sign, pattern = text.partition("=")
    if not name or not sign or not pattern:
        raise argparse.ArgumentTypeError("it is written as NAME=PATTERN")
    return name, pattern


def _code(text: str) -> int:
    number = text.removeprefix("-")
    if not (number.isascii() and number.isdigit() and len(number) <= 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no error code, a whole number such as -32003")
    return int(text)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    is_name = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    if not colon or not is_name or not value.strip().isascii() or not value.strip().isprintable():
        raise argparse.ArgumentTypeError("a header is written as 'Name: value', in ASCII")
    return name, value.strip()


def _duration(text: str) -> int:
    from approval_tui.domain.clock import parse_duration
    from approval_tui.domain.errors import InvalidInput

    try:
        return parse_duration(text)
    except InvalidInput as error:
        raise argparse.ArgumentTypeError(f"{error.happened} {error.to_do}") from None


def _hook_wait(text: str) -> int:
    wait = _duration(text)
    if wait > LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"{text!r} is more than 1h")
    return wait


def _installed_wait(text: str) -> int:
    wait = _hook_wait(text)
    if wait < SECOND:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 1s")
    return wait


def _hold(text: str) -> int:
    return 0 if text == "0" else _duration(text)


def _moment(text: str) -> int:
    """Milliseconds UTC of a duration ago, or of a date or time of ISO 8601; without a zone it is UTC."""
    from datetime import UTC, datetime

    from approval_tui.domain.clock import parse_duration, system_clock
    from approval_tui.domain.errors import InvalidInput

    try:
        return system_clock() - parse_duration(text)
    except InvalidInput:
        pass
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a duration such as 7d nor a date such as 2026-11-01"
        ) from None


CONSOLE = Command("", "the console, or without a terminal the list of what waits", _console, "start:console")
COMMANDS = (
    Command("list", "what waits for a decision", _list, "look:list_requests"),
    Command("show", "one request with everything it holds", _show, "look:show"),
    Command("approve", "say yes to a request", _approve, "decide:approve"),
    Command("deny", "say no to a request", _decide, "decide:deny"),
    Command("expire", "end a pending request without a verdict", _expire, "decide:expire"),
    Command("revoke", "take an approval back before it is used", _revoke, "decide:revoke"),
    Command("resolve", "say what became of a call that is in doubt", _resolve, "decide:resolve"),
    Command("bulk approve", "say yes to several requests, each as it was looked at", _bulk, "bulk:approve"),
    Command("bulk deny", "say no to several requests, each as it was looked at", _bulk, "bulk:deny"),
    Command("grant add", "let calls such as that of a request run without asking", _grant_add, "grant:add"),
    Command("grant test", "what a grant approves now, and would have approved", _grant_test, "grant:test"),
    Command("grant list", "calls that run without asking, in a session or always", _grant_list, "grant:list_grants"),
    Command("grant revoke", "let such a call be asked again", _grant_revoke, "grant:revoke"),
    Command("session show", "what a session asked and did, and its grants", _session_id, "session:show"),
    Command("session hold", "let nothing of a session run until it is released", _session_hold, "session:hold"),
    Command("session release", "let it go on", _session_release, "session:release"),
    Command("session list", "the sessions that are held back", _session_list, "session:list_holds"),
    Command("history", "what no longer waits, newest first", _history, "look:history"),
    Command("audit list", "the events of the audit log, newest first", _audit_list, "audit:list_events"),
    Command("audit verify", "check that nobody edited the log or the requests", _verify, "audit:verify"),
    Command("audit head", "a checkpoint of the log, to keep elsewhere", _no_arguments, "audit:head"),
    Command("audit export", "the whole log as JSON Lines or CSV", _export, "audit:export", has_json=False),
    Command("submit", "ask for a decision on a call", _submit, "ask:submit"),
    Command("wait", "wait until a request is decided", _wait, "ask:wait"),
    Command("consume", "use an approval, once; prints the claim", _consume, "ask:consume"),
    Command("outcome", "say what became of a claimed call", _outcome, "ask:outcome"),
    Command("cancel", "withdraw a request", _cancel, "ask:cancel"),
    Command("config path", "where the configuration is", _no_arguments, "config:path"),
    Command("config show", "the settings in force", _no_arguments, "config:show"),
    Command("config validate", "check a configuration; names every fault", _validate, "config:validate"),
    Command("policy validate", "check a policy; names every fault", _policy_validate, "policy:validate"),
    Command("policy test", "what a policy says of one call, and why", _policy_test, "policy:test"),
    Command("policy replay", "what a policy would have changed in the history", _policy_replay, "policy:replay"),
    Command(
        "policy schema", "the JSON Schema of policies, for editors", _no_arguments, "policy:schema", has_json=False
    ),
    Command(
        "policy scan", "ask a server for its tools, and write a policy to start from", _policy_scan, "scan:scan", False
    ),
    Command("proxy", "stand between an MCP client and its server, and ask", _proxy, "proxy:proxy", has_json=False),
    Command("proxy status", "the proxies, what they decided, and which rules deny most", _no_arguments, "proxy:status"),
    Command("serve", "the store over HTTP, for scripts and for agents on their own", _serve, "serve:serve", False),
    Command("token create", "let a reviewer or an agent use the server", _token_create, "token:create"),
    Command("token list", "who may use the server", _token_list, "token:list_tokens"),
    Command("token revoke", "end a token at once", _token_revoke, "token:revoke"),
    Command("store init", "make a store, and the database roles that use it", _store_init, "store_init:init"),
    Command("store check", "whether the store is sound and fit", _store_check, "store_check:check"),
    Command(
        "store copy", "copy a store into a new one, from and to a file or PostgreSQL", _store_copy, "store_copy:copy"
    ),
    Command("store backup", "the store as it is now, in one file", _store_backup, "store_copy:back_up"),
    Command("store prune", "seal what is old and over, and delete it", _store_prune, "store_prune:prune"),
    Command("hook claude-code", "answer Claude Code's hook on stdin", _hook, "hook:claude_code", has_json=False),
    Command("hook codex", "answer Codex's hook on stdin", _hook, "hook:codex", has_json=False),
    Command("hook install", "put the hook into a coding agent's settings", _hook_install, "hook_install:install"),
    Command("hook uninstall", "take the hook out of a coding agent's settings", _hook_file, "hook_install:uninstall"),
    Command("hook doctor", "check the hooks, with a test question that is denied", _hook_doctor, "hook_install:doctor"),
    Command("notify run", "tell webhooks and chats of what waits", _no_arguments, "notify:run", has_json=False),
    Command("notify test", "send a test to each of them, and say who took it", _no_arguments, "notify:try_out"),
    Command("demo", "three agents at work in a scratch folder, to try it out", _demo, "start:demo", has_json=False),
)
BY_NAME = {command.name: command for command in COMMANDS}
GROUPS = frozenset(command.name.split(" ")[0] for command in COMMANDS if " " in command.name)
"""The first words of commands of two words."""
