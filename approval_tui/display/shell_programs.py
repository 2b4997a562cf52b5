"""What well-known programs do, by their names and options, in the words of the marks of a shell command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from approval_tui.display.shell_tokens import ASSIGNMENT, Word

MARKS_OF_PROGRAMS = (
    SUDO := "sudo",
    NETWORK := "network",
    RUNS := "runs what it is given",
    DELETES := "deletes",
    PERMISSIONS := "changes permissions",
    ENVIRONMENT := "environment",
    VARIABLE := "variable",
)


_SUDO = {"sudo", "sudoedit", "doas", "su", "pkexec", "run0"}
_NETWORK = {
    *("curl", "wget", "ssh", "scp", "sftp", "rsync", "nc", "ncat", "netcat", "telnet", "ftp", "socat", "http", "https"),
    *("httpie", "aria2c", "pip", "pip3", "pipx", "uv", "uvx", "npm", "npx", "pnpm", "yarn", "bunx", "cargo", "go"),
    *("gem", "brew", "apt", "apt-get", "dnf", "yum", "apk", "docker", "podman", "gh", "aws", "gcloud", "az", "kubectl"),
}
_GIT_NETWORK = {"clone", "fetch", "pull", "push", "remote", "ls-remote", "submodule"}
_SHELLS = {"sh", "bash", "zsh", "dash", "ksh", "fish"}
_RUNS = {*_SHELLS, "eval", "source", ".", "ssh"}
_DELETES = {"rm", "rmdir", "unlink", "shred", "truncate", "dd"}
_PERMISSIONS = {"chmod", "chown", "chgrp", "setfacl", "chattr"}

#: The letters of the options with which an interpreter runs a text.
_INTERPRETERS = {"python": "c", "pypy": "c", "node": "ep", "nodejs": "ep", "perl": "eE", "ruby": "e", "php": "rRBE"}
_VERSIONED = re.compile(r"(python|pypy|node|nodejs|perl|ruby|php|pip)[0-9.]+")

#: Programs that run another: the options that take a word of their own, and how many words stand before that program.
_WRAPPERS: dict[str, tuple[str, int]] = {
    "sudo": ("-u -g -h -p -C -T -r -t -D -R -U --user --group --host --prompt --chdir --chroot --role --type", 0),
    "doas": ("-u -C", 0),
    "pkexec": ("--user", 0),
    "run0": ("-u -g -D --user --group --chdir --unit --slice --nice --setenv --property --description", 0),
    "env": ("-u -C --unset --chdir", 0),
    "nohup": ("", 0),
    "time": ("-f -o --format --output", 0),
    "timeout": ("-s -k --signal --kill-after", 1),
    "nice": ("-n --adjustment", 0),
    "ionice": ("-c -n -p -P -u --class --classdata", 0),
    "stdbuf": ("-i -o -e --input --output --error", 0),
    "setsid": ("", 0),
    "xargs": ("-a -d -E -I -L -n -P -s --arg-file --delimiter --max-lines --max-args --max-procs --max-chars", 0),
    "exec": ("-a", 0),
    "command": ("", 0),
    "builtin": ("", 0),
    "eval": ("", 0),
    "busybox": ("", 0),
    "chroot": ("", 1),
    "flock": ("-w -E --timeout --conflict-exit-code", 1),
    "watch": ("-n -q --interval --equexit", 0),
    "strace": ("-o -e -p -s -u -E", 0),
}
_WITHOUT_A_MARK = {"sudo", "doas", "pkexec", "run0", "command", "builtin", "busybox"}
_SHELL_TEXT = re.compile(r"-[A-Za-z]{0,8}c[A-Za-z]{0,8}")
_FIND_RUNS = {"-exec", "-execdir", "-ok", "-okdir"}
_GIT_OPTIONS = {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--config-env", "--super-prefix"}
_HELP = {"--help", "--version"}

MOST_WRAPPERS = 20
"""Programs behind one another (`sudo env nice …`) that are looked at."""


Found = list[tuple[Word, str]]
"""Marks, each with the word that it is about."""


def program_marks(words: Sequence[Word], *, is_fed: bool) -> Found:
    """What the programs of a simple command do; `is_fed` says that it reads a pipe or a file."""
    found: Found = []
    positions = [_behind_assignments(words, 0, found)]
    looked_at = 0
    while positions and looked_at < MOST_WRAPPERS:
        at = positions.pop(0)
        looked_at += 1
        if at >= len(words):
            continue
        word = words[at]
        if word.is_uncertain and word.text not in ("[", "[["):
            found.append((word, VARIABLE))
            continue
        name = program_name(word.text)
        found += [(word, mark) for mark in _own_marks(name, words, at, is_fed=is_fed)]
        if name == "find":
            runs = (place + 1 for place in range(at + 1, len(words)) if words[place].text in _FIND_RUNS)
            positions += islice(runs, MOST_WRAPPERS)
        elif name in _WRAPPERS:
            behind = _behind_wrapper(name, words, at, found)
            if behind < len(words):
                if name not in _WITHOUT_A_MARK:
                    found.append((word, RUNS))
                positions.append(behind)
        elif name in ("python", "pypy"):
            module = next((place for place in range(at + 1, len(words)) if words[place].text[:1] != "-"), 0)
            if module and words[module - 1].text.endswith("m"):
                positions.append(module)
    return found


def program_name(text: str) -> str:
    """The name by which a program is known, without its folders and its version."""
    name = text.rsplit("/", 1)[-1].removesuffix(".exe")
    versioned = _VERSIONED.fullmatch(name)
    return versioned.group(1) if versioned else name


def texts_that_run(words: Sequence[Word]) -> list[Word]:
    """Words that are commands themselves, as in `bash -c TEXT`, `su -c TEXT` and `eval TEXT`."""
    is_shell = False
    for place, word in enumerate(words):
        name = program_name(word.text)
        if name == "eval":
            return list(words[place + 1 :])
        if is_shell and _SHELL_TEXT.fullmatch(word.text):
            return list(words[place + 1 : place + 2])
        is_shell = is_shell or name in _SHELLS or name == "su"
    return []


def _behind_assignments(words: Sequence[Word], at: int, found: Found) -> int:
    """The first place from this one on where no `NAME=value` stands."""
    while at < len(words) and ASSIGNMENT.match(words[at].text):
        found.append((words[at], ENVIRONMENT))
        at += 1
    return at


def _behind_wrapper(name: str, words: Sequence[Word], at: int, found: Found) -> int:
    """The place of the program that this one runs; behind the last word where it runs none."""
    options, operands = _WRAPPERS[name]
    with_words = options.split()
    at += 1
    while at < len(words):
        text = words[at].text
        if name == "command" and text in ("-v", "-V"):
            return len(words)
        if text == "--" or (text[:1] == "-" and not words[at].is_expanded):
            at += 2 if _takes_a_word(text, with_words) else 1
        elif ASSIGNMENT.match(text) and name in ("sudo", "env"):
            at = _behind_assignments(words, at, found)
        elif operands:
            operands -= 1
            at += 1
        else:
            break
    return at


def _takes_a_word(option: str, with_words: Sequence[str]) -> bool:
    """Whether the next word belongs to this option; of letters behind one dash, only the last can take one."""
    if option.startswith("--"):
        return option in with_words
    letters = [f"-{letter}" in with_words for letter in option[1:20]]
    return any(letters) and letters.index(True) == len(option) - 2


def _own_marks(name: str, words: Sequence[Word], at: int, *, is_fed: bool) -> Iterator[str]:
    """The marks of a program, whatever stands behind it."""
    rest = words[at + 1 :]
    if name in _SUDO:
        yield SUDO
    if name in _DELETES or name.startswith("mkfs") or (name == "find" and any(w.text == "-delete" for w in rest)):
        yield DELETES
    if name in _PERMISSIONS:
        yield PERMISSIONS
    if name == "export" and rest:
        yield ENVIRONMENT
    if name == "git":
        yield from _git_marks(rest)
    if rest and all(word.text in _HELP for word in rest):
        return
    if name in _NETWORK:
        yield NETWORK
    if name in _RUNS or (name in _INTERPRETERS and _runs_a_text(name, rest, is_fed=is_fed)):
        yield RUNS


def _runs_a_text(name: str, rest: Sequence[Word], *, is_fed: bool) -> bool:
    """Whether an interpreter runs an argument or what it reads, and no file."""
    letters = set(_INTERPRETERS[name])
    for word in rest:
        if word.text[:1] != "-" or word.text == "-":
            return word.text == "-"
        if word.text in ("--eval", "--print") or (word.text[1] != "-" and letters.intersection(word.text)):
            return True
        if word.text == "-m":
            return False
    return is_fed or not rest


def _git_marks(rest: Sequence[Word]) -> Iterator[str]:
    at = 0
    while at < len(rest) and rest[at].text[:1] == "-":
        at += 2 if rest[at].text in _GIT_OPTIONS else 1
    if at >= len(rest):
        return
    command, options = rest[at].text, {word.text for word in rest[at + 1 :]}
    if rest[at].is_uncertain:
        yield VARIABLE
    if command in _GIT_NETWORK:
        yield NETWORK
    is_forced = command == "push" and any(option.startswith(("--force", "-f", "+")) for option in options)
    if (
        command == "clean"
        or is_forced
        or (command == "reset" and "--hard" in options)
        or (command == "checkout" and "--" in options)
    ):
        yield DELETES
