"""The places that a call's arguments name: hosts and paths, found by their spelling; nothing is resolved or opened.

This is for marks, which tell a reader where to look: what a program would make of an argument is not known here, so
something may be taken for a place that is none, and a place in an unknown form is not found.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

_LONGEST_PATH = 4096

_URL = re.compile(r"(?i)(?<![A-Za-z0-9+.-])(?!file:)[A-Za-z][A-Za-z0-9+.-]*+:/{2,3}([^\s/?#\"'<>`(){}|;,]++)")
_AT_HOST = re.compile(
    r"(?<![\w.%+-])[A-Za-z0-9._%+-]{1,64}+@((?:\[[0-9A-Fa-f:.]{2,45}\])|[\w.-]{1,255}+)(:(?=[\w/~.]))?"
)
_FOUR_NUMBERS = re.compile(r"(?<![\w.-])(\d{1,3}(?:\.\d{1,3}){3})(?![\w-])(?!\.\d)")
_PUNYCODE = re.compile(r"(?i)(?<![\w.-])(?=[\w.-]{0,255}?xn--)[\w.-]{4,255}+")
_NAME = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_LAST_LABEL = re.compile(r"(?i)[^\W\d_]{2,63}|xn--[a-z0-9-]{1,59}")

_HOST_KEYS = frozenset({"host", "hostname", "domain", "server"})
_TO_COPY = frozenset({"scp", "rsync", "sftp"})
_TO_REACH = frozenset({"curl", "wget", "nc", "ncat", "netcat", "telnet", "ping", "dig", "nslookup", "ftp"})
_SHELL = "ssh"
_ENDS = ("|", ";", "&", "\n")
_OF_SHELL = frozenset(f"-{letter}" for letter in "BbcDEeFIiJLlmOopPQRSWw")
"""Options behind which a word stands that is no host."""

_OF_OUTPUT = frozenset({
    "-o", "-O", "-d", "-D", "-H", "-F", "-T", "-X", "-A", "-e", "-b", "-c", "-u", "-w", "--output", "--data",
    "--header", "--form", "--request",
})  # fmt: skip
_OF_FILES = frozenset({
    "c", "cfg", "conf", "csv", "gz", "h", "html", "js", "json", "lock", "log", "md", "pdf", "png", "py", "rs", "sh",
    "sql", "tar", "toml", "ts", "txt", "xml", "yaml", "yml", "zip",
})  # fmt: skip

_PATH = re.compile(
    r"(?<![\w/:.~@%+\\$}-])(?:~[\w.-]{0,64}|\.\.?)?/[^\s\0\"'`|;&<>(){}$*?,\[\]]*+|(?<![\w/~.-])~(?![\w/])"
)
_HOME = re.compile(r"\$(?:HOME\b|\{HOME\})")
_LOCAL_URL = re.compile(r"(?i)(?i)(?<![a-z0-9+.-])file://[^/\s]*+(?=/)")
_PATH_KEYS = frozenset({
    "path", "file", "filepath", "filename", "directory", "dir", "folder", "cwd", "workdir", "source", "destination",
    "src", "dst", "target", "notebookpath", "paths", "files", "directories", "dirs", "folders", "sources",
    "destinations", "targets",
})  # fmt: skip
_CONTENT_KEYS = frozenset({
    "content", "contents", "body", "text", "message", "description", "oldstring", "newstring", "newsource", "oldtext",
    "newtext", "patch", "diff", "html", "markdown", "prompt", "query", "sql", "subject", "note", "notes", "summary",
    "comment", "title", "reason",
})  # fmt: skip
_BETWEEN_WORDS = dict.fromkeys(map(ord, "_- "))
_SHARED = ("/tmp", "/var/tmp")  # noqa: S108 - nothing is written there
_HOMES = ("home", "Users")
_NOTHING_THERE = frozenset({"/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr"})


def hosts_in(key: str, text: str) -> list[str]:
    """The hosts that a value under this key names, in lower case, each once."""
    found: dict[str, None] = {}
    for host in _hosts(key, text):
        plain = host.lower().rstrip(".")
        if plain:
            found[plain] = None
    return list(found)


def punycode_in(text: str) -> list[tuple[str, str | None]]:
    """The names in punycode that the text holds, each once, with what they stand for; None where that is nothing."""
    if "xn--" not in text.lower():
        return []
    return [(name, _decoded(name)) for name in dict.fromkeys(_PUNYCODE.findall(text))]


def paths_in(key: str, text: str, folder: str | None) -> list[str]:
    """The paths that a value under this key names, each once, without `.` and `..`.

    A relative one begins at `folder`; where that is not known, it is left out. `~` stays as it is.
    """
    name = key.lower().translate(_BETWEEN_WORDS)
    if name in _CONTENT_KEYS or (not text.strip()):
        return []
    if name in _PATH_KEYS and "\n" not in text and "://" not in text and "@" not in text:
        found: Iterable[str] = (text,)
    else:
        text = _LOCAL_URL.sub("", _HOME.sub("~", text))
        found = (match.group() for match in _PATH.finditer(text))
        is_command = any(sign in text for sign in " \n")
        found = (path.rstrip(".:") if path.rstrip(".:/") else path for path in found if path != "/" or is_command)
    whole = (_whole(path, folder) for path in found)
    return list(dict.fromkeys(path for path in whole if path is not None and path not in _NOTHING_THERE))


class KnownPaths:
    """The paths that approved calls named, the folders that these were in, and those in which the calls ran."""

    def __init__(self, paths: Iterable[str], folders: Iterable[str] = ()) -> None:
        """`folders` are those in which they ran."""
        self._paths = frozenset(paths)
        near = (folder for path in self._paths for folder in (path, posixpath.dirname(path)))
        self._folders = {folder for folder in near if not _is_wide(folder)}
        self._folders |= {folder for folder in folders if folder.startswith("/") and not _is_home(folder)}

    def covers(self, path: str) -> bool:
        """Whether it was named, or lies below a folder that was; not so through a hidden folder below that."""
        if path in self._paths or len(path) > _LONGEST_PATH:
            return path in self._paths
        while path not in self._folders:
            parent, _, last = path.rpartition("/")
            if not parent or last.startswith("."):
                return False
            path = parent
        return True


def _hosts(key: str, text: str) -> Iterator[str]:
    for match in _URL.finditer(text):
        yield from _of_authority(match.group(1))
    for match in _AT_HOST.finditer(text):
        host, is_followed = match.group(1), match.group(2) is not None
        if host.startswith("[") or _is_likely_host(host) or (is_followed and _NAME.fullmatch(host)):
            yield host
    for match in _FOUR_NUMBERS.finditer(text):
        if _is_address(match.group(1)):
            yield match.group(1)
    kind = key.lower().translate(_BETWEEN_WORDS)
    if kind in _HOST_KEYS:
        name = text.strip().partition("/")[0].partition(":")[0]
        if _NAME.fullmatch(name):
            yield name
    if kind not in _CONTENT_KEYS:  # where the name of a program is a word among others
        yield from _of_programs(text)


def _of_authority(authority: str) -> Iterator[str]:
    r"""The host of a URL's authority; two where a backslash in it makes programs disagree on where it ends."""
    for part in dict.fromkeys((authority, authority.partition("\\")[0])):
        host = part.rpartition("@")[2]
        if host.startswith("["):
            yield host.partition("]")[0] + "]"
            continue
        host = host.partition(":")[0].strip("\\!.*]")
        if host:
            yield host


def _of_programs(text: str) -> Iterator[str]:
    """The hosts that stand as words behind programs that reach others."""
    if not any(name in text for name in (_SHELL, *_TO_COPY, *_TO_REACH)):
        return
    program, before = "", ""
    for word in text.replace("\n", " \n ").split(" "):
        plain = word.strip("\"'()`$")
        name = plain.rpartition("/")[2]
        if not plain:
            continue
        if plain.startswith(_ENDS):
            program = ""
        elif name == _SHELL or name in _TO_COPY or name in _TO_REACH:
            program, before = name, ""
            continue
        elif program and not plain.startswith("-"):
            is_value = before in (_OF_SHELL if program == _SHELL else _OF_OUTPUT)
            host = None if is_value else _of_word(program, plain)
            if host is not None:
                yield host
            if program == _SHELL and not is_value:
                program = ""
        if plain.endswith(_ENDS):
            program = ""
        before = plain


def _of_word(program: str, word: str) -> str | None:
    """The host that a word names, as that program would read it."""
    word = word.rstrip(";|&").rpartition("@")[2]
    if "://" in word:
        return None
    if program in _TO_COPY:
        host, colon, _ = word.partition(":")
        return host if colon and _NAME.fullmatch(host) else None
    host = word.partition("/")[0].partition(":")[0].strip("\"'")
    if program == _SHELL:
        return host if _NAME.fullmatch(host) else None
    return host if _is_likely_host(host) and host.rpartition(".")[2].lower() not in _OF_FILES else None


def _is_likely_host(name: str) -> bool:
    """Whether it is a name with a dot that no version of a package has."""
    labels = name.rstrip(".").split(".")
    if len(labels) < 2 or not all(labels) or not _NAME.fullmatch(name.rstrip(".")):
        return False
    return _is_address(name) or (not labels[0].isdigit() and _LAST_LABEL.fullmatch(labels[-1]) is not None)


def _is_address(text: str) -> bool:
    numbers = text.split(".")
    return len(numbers) == 4 and all(number.isdecimal() and int(number) <= 255 for number in numbers)


def _decoded(name: str) -> str | None:
    """What a name in punycode stands for, label by label."""
    labels = []
    for label in name.split("."):
        if label[:4].lower() != "xn--":
            labels.append(label)
            continue
        try:
            labels.append(label[4:63].encode("ascii").decode("punycode"))
        except (UnicodeError, ValueError, OverflowError):
            return None
    return ".".join(labels)


def _whole(path: str, folder: str | None) -> str | None:
    """The path from the root or the home on; None for a relative one that begins nobody knows where."""
    path = _HOME.sub("~", path)
    if re.match(r"[A-Za-z]:[\\/]", path):
        return posixpath.normpath(path.replace("\\", "/"))
    if not path.startswith(("/", "~")):
        if folder is None or not folder.startswith("/"):
            return None
        path = f"{folder}/{path}"
    if path.startswith("/"):
        path = "/" + path.lstrip("/")
    return posixpath.normpath(path)


def _is_wide(folder: str) -> bool:
    """Whether so much lies below a folder that to have named something in it says nothing of the rest."""
    if folder in _SHARED:
        return False
    return folder.count("/") < (1 if folder.startswith("~") else 2) or _is_home(folder)


def _is_home(folder: str) -> bool:
    """Whether it is the root, or somebody's home."""
    names = [name for name in folder.split("/") if name]
    return not names or names == ["root"] or (len(names) == 2 and names[0] in _HOMES)
