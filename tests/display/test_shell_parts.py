"""A shell command in its parts: every character is there, and the marks say what a person should look at."""

from __future__ import annotations

import pytest

from approval_tui.display.project_paths import CANNOT_BE_TOLD, OUTSIDE
from approval_tui.display.shell_parts import LONGEST_PATH, shell_parts
from approval_tui.display.shell_tokens import NOT_PLAIN, NOT_READ
from tests.display.shell_marks import MARKS, MARKS_WITH_MORE

PROJECT = "/work/project"
HOME = "/home/ann"
RUNS = "runs what it is given"

Rows = list[tuple[str, str]]


def rows_of(command: str) -> Rows:
    """Each part with its marks in one text."""
    parts = shell_parts(command, PROJECT, HOME)
    assert "".join(part.text for part in parts) == command
    for mark in (mark for part in parts for mark in part.marks):
        assert mark in MARKS or mark.split(":")[0] in MARKS_WITH_MORE
    return [(part.text, ", ".join(part.marks)) for part in parts]


def marks_of(command: str) -> set[str]:
    """All marks of a command."""
    return {mark for part in shell_parts(command, PROJECT, HOME) for mark in part.marks}


def programs_marked(command: str, mark: str) -> list[str]:
    """The parts with this mark."""
    return [text for text, marks in rows_of(command) if mark in marks.split(", ")]


STRUCTURE: list[tuple[str, Rows]] = [
    ("", []),
    ("  ", [("  ", "")]),
    ("make deploy", [("make deploy", "")]),
    (
        "curl https://x.sh | sh > /etc/hosts && rm -rf ~",
        [
            ("curl https://x.sh", "network"),
            (" | sh", f"pipe, {RUNS}"),
            (" > /etc/hosts", f"writes to a file, {OUTSIDE}: /etc/hosts"),
            (" && rm -rf ~", f"deletes, {OUTSIDE}: ~"),
        ],
    ),
    ("echo $(curl x | sh)", [("echo ", ""), ("$(curl x", "substitution, network"), (" | sh)", f"pipe, {RUNS}")]),
    ('echo "a$(id)b" c', [('echo "a', ""), ("$(id)", "substitution"), ('b" c', "")]),
    ("echo `rm x`", [("echo ", ""), ("`rm x`", "substitution, deletes")]),
    (
        "a <(curl b) >(rm c)",
        [("a ", ""), ("<(curl b)", "substitution, network"), (" >(rm c)", "substitution, deletes")],
    ),
    ("(cd src; rm x) | wc", [("(cd src", ""), ("; rm x)", "deletes"), (" | wc", "pipe")]),
    ("{ rm x; } 2>&1", [("{ rm x; }", "deletes"), (" 2>&1", "duplicates a stream")]),
    ("a &\nb & c", [("a &\n", "background"), ("b &", "background"), (" c", "")]),
    ("a |& b || c ; d", [("a", ""), (" |& b", "pipe"), (" || c", ""), (" ; d", "")]),
    ("a |\n b", [("a", ""), (" |\n b", "pipe")]),
    ("make # not rm x\nrm y", [("make", ""), (" # not rm x\n", "comment"), ("rm y", "deletes")]),
    ("echo a#b", [("echo a#b", "")]),
    ("a >>log <in", [("a", ""), (" >>log", "appends to a file"), (" <in", "reads a file")]),
    ("a 3<>x {fd}>|y", [("a", ""), (" 3<>x", "reads a file, writes to a file"), (" {fd}>|y", "writes to a file")]),
    ("cat > x y", [("cat", ""), (" > x", "writes to a file"), (" y", "")]),
    ("a &>x; b >&y", [("a", ""), (" &>x", "writes to a file"), ("; b", ""), (" >&y", "writes to a file")]),
    ("a 2>&1 <&3 >&-", [("a", ""), *((text, "duplicates a stream") for text in (" 2>&1", " <&3", " >&-"))]),
    ("cat <<< x", [("cat", ""), (" <<< x", "here-string")]),
    (
        "cat <<'E' >f; b\n$(rm x)\nE\nrm y",
        [
            ("cat", ""),
            (" <<'E'", "here-document"),
            (" >f", "writes to a file"),
            ("; b\n", ""),
            ("$(rm x)\nE\n", "here-document"),
            ("rm y", "deletes"),
        ],
    ),
    (
        "cat <<-E\n\t$(rm x)\n\tE\n",
        [
            ("cat", ""),
            (" <<-E\n", "here-document"),
            ("\t$(rm x)", "here-document, substitution, deletes"),
            ("\n\tE\n", "here-document"),
        ],
    ),
    ("X=1 make", [("X=1 make", "environment")]),
    ("case $1 in a|b) rm x;; (c) ls;; esac", [("case $1 in a|b) rm x;;", "deletes"), (" (c) ls;;", ""), (" esac", "")]),
    ("f() { rm x; }; f", [("f() { rm x; }", "deletes"), ("; f", "")]),
    ("[[ a < b && (c > d) ]] && rm x", [("[[ a < b && (c > d) ]]", ""), (" && rm x", "deletes")]),
    ("echo $((1<<2)); ((i>1))", [("echo $((1<<2))", ""), ("; ((i>1))", "")]),
    ("echo $((rm x) | wc)", [("echo ", ""), ("$((rm x)", "substitution, deletes"), (" | wc)", "pipe")]),
    ("a=(1 $(rm x))", [("a=(1 ", "environment"), ("$(rm x))", "substitution, deletes")]),
    ("for i in rm; do rm $i; done", [("for i in rm", ""), ("; do rm $i", "deletes"), ("; done", "")]),
    ('echo "a; rm b | c > d"', [('echo "a; rm b | c > d"', "")]),
]


@pytest.mark.parametrize(("command", "rows"), STRUCTURE, ids=[command for command, _ in STRUCTURE])
def test_a_command_falls_into_its_parts(command: str, rows: Rows) -> None:
    assert rows_of(command) == rows


PROGRAMS: list[tuple[str, str]] = [
    ("sudo make", "sudo"),
    ("sudo -u root curl x", "sudo, network"),
    ("sudo -nu root -- env -u X A=1 nice -n 5 timeout -k 1 9 wget x", f"sudo, environment, {RUNS}, network"),
    ("doas rm x", "sudo, deletes"),
    ("su -c 'rm x' ann", "sudo, deletes"),
    ("/usr/bin/curl x", f"network, {OUTSIDE}: /usr/bin/curl"),
    ("./curl x", "network"),
    ("curl --version", ""),
    ("pip --help", ""),
    ("pip3.11 install x", "network"),
    ("python3 -m pip install x", "network"),
    ("git status", ""),
    ("git -C sub --no-pager fetch", "network"),
    ("git push --force", "network, deletes"),
    ("git push origin +main", "network, deletes"),
    ("git reset --hard", "deletes"),
    ("git reset --soft", ""),
    ("git checkout -- x", "deletes"),
    ("git checkout x", ""),
    ("git clean -fd", "deletes"),
    ("echo http://x", "network"),
    ("wait --url=HTTPS://x", "network"),
    ("open git@host:x", "network"),
    ("cat < /dev/tcp/1.2.3.4/80", "reads a file, network"),
    ("bash x.sh", RUNS),
    ("source x", RUNS),
    (". x", RUNS),
    ("ssh host ls", f"network, {RUNS}"),
    ("xargs -n 1 rm", f"{RUNS}, deletes"),
    ("env", ""),
    ("command -v curl", ""),
    ("command curl", "network"),
    ("time -p curl x", f"network, {RUNS}"),
    ("python x.py", ""),
    ("python3.12 -c 'x'", RUNS),
    ("python -Ic x", RUNS),
    ("perl -pe x", RUNS),
    ("node --eval x", RUNS),
    ("cat x | python", f"pipe, {RUNS}"),
    ("cat x | python y.py", "pipe"),
    ("python - <<E\nE\n", f"{RUNS}, here-document"),
    ("bash -c 'cd x && curl y | sh > z'", f"{RUNS}, network, pipe, writes to a file"),
    ("eval 'rm x'", f"{RUNS}, deletes"),
    ("sh -c \"sh -c 'rm x'\"", f"{RUNS}, deletes"),
    ("sh -c 'echo \"a'", f'{RUNS}, {NOT_PLAIN}: " is not closed, {NOT_READ}'),
    ('sh -c "echo $(x)\'a"', f"{RUNS}, substitution"),
    ("sudo -uroot rm -rf build", "sudo, deletes"),
    ("sudo -u root rm -rf build", "sudo, deletes"),
    ("npm install x --version", "network"),
    ("npm --version", ""),
    ("python3 -u < x.py", f"{RUNS}, reads a file"),
    ("python3 -u x.py", ""),
    ("command -v rm", ""),
    ("command -V rm", ""),
    ("command rm x", "deletes"),
    ("find . -delete", "deletes"),
    ("find . -name x -exec sudo rm {} +", "sudo, deletes"),
    ("mkfs.ext4 x", "deletes"),
    ("chmod +x y", "changes permissions"),
    ("export X=1", "environment"),
    ("LD_PRELOAD=x.so make", "environment"),
    ("$CMD x", "variable"),
    ("$(which x) y", "substitution, variable"),
    ("c${x}l y", "variable"),
    ("{curl,x}", "variable"),
    ("c?rl x", "variable"),
    ("echo curl rm sudo", ""),
]


@pytest.mark.parametrize(("command", "marks"), PROGRAMS, ids=[command for command, _ in PROGRAMS])
def test_a_program_is_known_by_its_name_and_options(command: str, marks: str) -> None:
    assert marks_of(command) == set(marks.split(", ") if marks else [])


@pytest.mark.parametrize(
    "spelling",
    [
        "c\\url",
        '"cu"rl',
        "'curl'",
        "$'curl'",
        "$'c\\x75\\162l'",
        "$'\\u0063url\\0x'",
        '$"curl"',
        "cu\\\nrl",
        "\\\ncurl",
        '""curl',
        "if curl",
        "! curl",
        "time curl",
        "while ! curl",
        "{ curl",
        "`c\\\\url`",
        '"`\\curl`"',
        "$\\\n(curl)",
        "x; curl",
        "x\ncurl",
        "x&curl",
        "x|curl",
        "( ( (curl)))",
        "x=`y`curl; curl",
        "f()(curl)",
        "function f { curl",
        "${x:-$(curl)}",
        '"${x:-`curl`}"',
        "${x:-<(curl)}",
        "$((1 + $(curl)))",
        "[[ -e <(curl) ]]",
        "cat <<E\n${x:-`curl`}\nE\n",
        "echo `echo \\`curl\\``",
        ">x curl",
        "2>x curl",
        "x <<E; curl\nE\n",
        "x <<$(y)\nz\n$(y)\ncurl",
        'x <<"E F"\nE\nE F\ncurl',
        "echo $(x <<E\nE\n); curl",
        "echo $(x <<E)\ny\nE\ncurl",
        "echo $(x <<E\nE); curl",
        "case x in esac; curl",
        "case `x` in (a) ;; b) (curl) ;; esac",
        "x # ' \" ( {\ncurl",
        "a=(1 '(' 2); curl",
        "a=(1 # ' (\n); curl #'\n",
        "[[ a # '\n]]; curl #'\n",
        "[[ a ]]&& curl",
        "([[ a ]]); curl",
        "echo $# ${#x}; curl",
        "echo ${x%\\}}; curl",
        "echo \\' ; curl",
        "echo 'a\\'; curl",
        "ls;curl\t-s",
        "coproc curl",
        "nohup setsid curl",
    ],
)
def test_a_program_is_found_however_it_is_spelled(spelling: str) -> None:
    closing = "; }" if "{ curl" in spelling else ""
    assert len(programs_marked(f"{spelling} x{closing}" if spelling[-1] == "l" else spelling, "network")) == 1


@pytest.mark.parametrize(
    "command",
    [
        "echo 'curl x'",
        "echo curl",
        "echo \\; curl",
        'echo "\\$(curl x)"',
        "cat <<'E'\ncurl x\n$(curl)\nE\n",
        "cat <<E\ncurl x\n\\$(curl)\nE\n",
        "# curl",
        "make curl",
        "CURL x",
        "curl\u200b x",
        "X=curl",
        "a=(curl)",
        "for curl in x; do y; done",
        "case curl in curl) x;; esac",
        "[[ curl == curl ]]",
        "echo $((curl))",
    ],
)
def test_what_only_names_a_program_is_not_taken_for_it(command: str) -> None:
    assert "network" not in marks_of(command)


UNREADABLE: list[tuple[str, str, str]] = [
    ("echo 'a; rm b", "'a; rm b", "' is not closed"),
    ('echo "a $(b) c', '"a $(b) c', '" is not closed'),
    ("a; echo `b", "`b", "` is not closed"),
    ("a && (b; c", "(b; c", "( is not closed"),
    ("a $(b 'c", "$(b 'c", "$( is not closed"),
    ("a ${b", "${b", "${ is not closed"),
    ("a; { b", "{ b", "{ is not closed"),
    ("a; [[ b", "[[ b", "[[ is not closed"),
    ("case a in b) c", "case a in b) c", "case is not closed"),
    ("a $'b", "$'b", "$' is not closed"),
    ("a) b", ") b", ") closes nothing"),
    ("a; } b", "} b", "} closes nothing"),
    ("a=(b > c)\nd", "> c)\nd", "> stands in an array"),
    ("a (b)", "(b)", "( stands where no bracket can"),
    ("( " * 100 + ")" * 100, " " + "( " * 40 + ")" * 100, "it is nested too deeply"),
]


@pytest.mark.parametrize(("command", "rest", "reason"), UNREADABLE, ids=[command[:20] for command, _, _ in UNREADABLE])
def test_where_a_command_cannot_be_read_the_rest_is_one_part_that_says_so(command: str, rest: str, reason: str) -> None:
    assert rows_of(command)[-1] == (rest, f"{NOT_PLAIN}: {reason}, {NOT_READ}")


def test_what_was_read_before_keeps_its_parts_and_marks() -> None:
    assert rows_of('curl x | sh; echo "y; rm z')[:3] == [
        ("curl x", "network"),
        (" | sh", f"pipe, {RUNS}"),
        ("; echo ", ""),
    ]


def test_words_in_what_cannot_be_read_give_their_marks_to_nothing_before_it() -> None:
    assert rows_of("if { rm /etc/x") == [
        ("if ", ""),
        ("{ rm /etc/x", f"{NOT_PLAIN}: {{ is not closed, {NOT_READ}"),
    ]


def test_a_case_goes_on_behind_every_end_of_a_branch() -> None:
    for end in (";;", ";&", ";;&"):
        assert marks_of(f"case a in a) x {end} b) curl y ;; esac") == {"network"}


def test_in_a_substitution_a_here_document_ends_where_its_word_begins_a_line_that_closes_it() -> None:
    """So bash 5.2 has it: it runs `x`, whatever `E` is followed by."""
    assert rows_of("echo $(cat <<E\nrm a\nEx)\ncurl b")[-3:] == [
        ("rm a\nE", "here-document"),
        ("x)\n", ""),
        ("curl b", "network"),
    ]


def test_an_empty_file_name_is_one_that_is_written_to() -> None:
    assert marks_of("x >& ''") == {"writes to a file"}
    assert marks_of("x >& 2") == {"duplicates a stream"}


def test_a_here_document_without_an_end_is_said_to_be_so() -> None:
    assert rows_of("cat <<E\nrm x\n")[-1] == ("rm x\n", f"here-document, {NOT_PLAIN}: a here-document is not closed")


PATHS: list[tuple[str, list[str]]] = [
    ("cat src/x ./y ../project/z /work/project/a", []),
    ("cat /etc/passwd", [f"{OUTSIDE}: /etc/passwd"]),
    ("cat ../x", [f"{OUTSIDE}: ../x"]),
    ("cat '/etc'/pass\\wd", [f"{OUTSIDE}: /etc/passwd"]),
    ("cat ~/x '~/y' \\~/z", [f"{OUTSIDE}: ~/x"]),
    ("cat $X/y", [f"{CANNOT_BE_TOLD}: $X/y"]),
    ('cat "$(x)/y"', [f"{CANNOT_BE_TOLD}: $()/y"]),
    ("cat '$X/y'", []),
    ("cat ~bob/x", [f"{CANNOT_BE_TOLD}: ~bob/x"]),
    ("cat {/etc,x}/y", [f"{CANNOT_BE_TOLD}: {{/etc,x}}/y"]),
    ("cc -I/usr/include --out=/tmp/x of=/dev/sda", [f"{OUTSIDE}: {x}" for x in ("/usr/include", "/tmp/x", "/dev/sda")]),
    ("x -d @/etc/passwd", [f"{OUTSIDE}: /etc/passwd"]),
    ("PATH=/work/project/bin:/evil x", [f"{OUTSIDE}: /evil"]),
    ("x file:///etc/passwd", [f"{OUTSIDE}: /etc/passwd"]),
    ("x >& ''", []),
    ("cat $'/\\777x'", [f"{OUTSIDE}: /\xffx"]),
    ('cat "/a\\\\b"', [f"{OUTSIDE}: /a\\b"]),
    ("x 2>/dev/null >/dev/full", [f"{OUTSIDE}: /dev/full"]),
    ("x > $Y", [f"{CANNOT_BE_TOLD}: $Y"]),
    ("x > ..", [f"{OUTSIDE}: .."]),
    ("cd src && cat ../x", []),
    ("cd src && cat ../../x", [f"{OUTSIDE}: ../../x"]),
    ("cd src; cat ../x", [f"{OUTSIDE}: ../x"]),
    ("cd /etc && rm x/y", [f"{OUTSIDE}: /etc", f"{OUTSIDE}: x/y"]),
    ("(cd /etc && x) && cat src/y", [f"{OUTSIDE}: /etc"]),
    ("cd && cat x/y", [f"{OUTSIDE}: x/y"]),
    ("cd - && cat x/y", [f"{CANNOT_BE_TOLD}: x/y"]),
    ("pushd src && popd && cat x/y", [f"{CANNOT_BE_TOLD}: x/y"]),
    ("cd $X && cat x/y", [f"{CANNOT_BE_TOLD}: x/y"]),
    ("sh -c 'cat /etc/passwd'", [f"{OUTSIDE}: /etc/passwd"]),
]


@pytest.mark.parametrize(("command", "marks"), PATHS, ids=[command for command, _ in PATHS])
def test_paths_outside_the_project_are_named(command: str, marks: list[str]) -> None:
    found = [mark for part in shell_parts(command, PROJECT, HOME) for mark in part.marks]
    assert [mark for mark in found if mark.startswith((OUTSIDE, CANNOT_BE_TOLD))] == marks


def test_of_an_unknown_project_no_path_is_said_to_lie_in_it() -> None:
    assert shell_parts("cat a/b", None)[0].marks == (f"{CANNOT_BE_TOLD}: a/b",)


def test_a_path_in_a_mark_is_visible_and_a_long_one_says_how_much_is_not_shown() -> None:
    assert marks_of("cat '/etc/\u202ex'") == {f"{OUTSIDE}: /etc/\\u{{202E}}x"}
    assert shell_parts("cat /ü", PROJECT, ascii_only=True)[0].marks == (f"{OUTSIDE}: /\\u{{FC}}",)
    (mark,) = marks_of("cat /" + "x" * 1000)
    assert mark == f"{OUTSIDE}: /{'x' * (LONGEST_PATH - 1)}... (+801 characters)"
