"""What is said to be unusual about a request: few sentences, each exact, and none where nothing is."""

from __future__ import annotations

import pytest

from approval_tui.display.glyphs import ASCII, UNICODE
from approval_tui.display.reading_aids import MARK, NOTE, PLAIN, AidRow
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.unusual import MOST_DIFFERENCES, TITLE, unusual_sentences, what_is_unusual
from approval_tui.display.unusual_rows import MOST_ROWS_OF_A_KIND
from tests.display.pasts import FIRST, a_past, marks, rows_of, said, used
from tests.display.requests import MOMENT, a_request

AT = "(2027-01-15T08:00:00.000Z):"
SECRET = "hunter22-and-more"

# --- whether there is anything to say ----------------------------------------------------------


def test_the_same_call_as_one_that_was_approved_is_not_unusual() -> None:
    request = a_request(arguments={"a": 1, "b": {"c": 2}})
    assert what_is_unusual(request, a_past(used(arguments={"b": {"c": 2}, "a": 1})), Redactor()) == ()
    older = used(arguments={"b": {"c": 2}, "a": 1})
    assert said(request, a_past(used(arguments={"a": 2}), older)) == []


@pytest.mark.parametrize("status", ["consumed", "denied", "expired", "cancelled"])
def test_nothing_is_said_of_a_request_that_is_over(status: str) -> None:
    past = a_past(is_first=True)
    assert what_is_unusual(a_request(status=status), past, Redactor()) == ()


@pytest.mark.parametrize("status", ["pending", "approved"])
def test_what_can_still_be_decided_or_taken_back_has_its_marks(status: str) -> None:
    (aid,) = what_is_unusual(a_request(status=status), a_past(is_first=True), Redactor())
    assert (aid.title, aid.rows) == (TITLE, (AidRow("• ", FIRST, MARK),))


def test_arguments_that_cannot_be_read_have_no_marks() -> None:
    assert rows_of(a_request(arguments_text="{"), a_past(is_first=True)) == ()
    assert rows_of(a_request(arguments_text="[]"), a_past()) == ()


# --- firsts ------------------------------------------------------------------------------------


def test_of_the_very_first_request_only_that_is_said() -> None:
    past = a_past(is_first=True, is_first_of_requester=True, is_first_of_tool=True)
    assert said(a_request(arguments={"url": "https://a.example/", "path": "/etc/x"}), past) == [FIRST]


def test_letters_that_deceive_are_said_of_the_very_first_request_too() -> None:
    first, letters = said(a_request(arguments={"command": "rm сору"}), a_past(is_first=True))
    assert first == FIRST
    assert "Cyrillic" in letters


FIRSTS = {
    "a new requester of a new tool": (
        {"is_first_of_requester": True, "is_first_of_tool": True, "is_first_of_requester_for_tool": True},
        ["the first request of this requester", "the first call of this tool by anybody"],
    ),
    "a new tool": (
        {"is_first_of_tool": True, "is_first_of_requester_for_tool": True},
        ["the first call of this tool by anybody"],
    ),
    "nothing approved": ({}, ["no call of this tool was approved before"]),
    "nothing approved among many": (
        {"calls_looked_at": 1000},
        ["none of the last 1,000 calls of this tool was approved before"],
    ),
}


@pytest.mark.parametrize(("fields", "words"), FIRSTS.values(), ids=FIRSTS.keys())
def test_what_happens_for_the_first_time_is_said_once(fields: dict[str, bool], words: list[str]) -> None:
    assert said(a_request(), a_past(**fields)) == words


def test_a_requester_that_never_asked_for_a_tool_is_said_to_be_new_to_it() -> None:
    others = used(requester="ann-bot")
    new = {"is_first_of_requester_for_tool": True}
    assert said(a_request(), a_past(others, **new)) == ["the first call of this tool by this requester"]
    assert said(a_request(), a_past(others, **new, calls_looked_at=1000)) == [
        "none of the last 1,000 calls of it is by this requester"
    ]
    assert said(a_request(), a_past(others, **new, is_first_of_requester=True)) == [
        "the first request of this requester"
    ]


def test_a_tool_of_a_server_that_was_never_approved_is_said_to_be_of_it() -> None:
    files, other = used(server="files"), used(server="other")
    assert said(a_request(server="new"), a_past(other, files)) == [
        'no approved call of this tool was of this server; the last one was of "other"'
    ]
    assert said(a_request(server="new"), a_past(used(server=None), files, calls_looked_at=1000)) == [
        "none of the last 2 approved calls of this tool was of this server; the last one had none"
    ]
    assert said(a_request(server=None), a_past(files)) == [
        'no approved call of this tool was without a server; the last one was of "files"'
    ]


# --- differences -------------------------------------------------------------------------------


def test_the_last_call_of_the_same_requester_and_server_is_what_a_call_is_compared_with() -> None:
    request = a_request(server="s", arguments={"n": 1})
    past = a_past(
        used(server="other", arguments={"n": 5}),
        used(server="s", requester="ann-bot", arguments={"n": 4}),
        used(server="s", arguments={"n": 3}, decided_at=MOMENT),
        used(server="s", arguments={"n": 2}),
    )
    assert rows_of(request, past) == (
        AidRow("• ", f"other than the last approved call of this tool by this requester {AT}", MARK),
        AidRow("│ ", "argument n: was 3, is 1", PLAIN),
    )


def test_where_its_requester_has_none_another_ones_call_is_taken_and_named() -> None:
    past = a_past(used(requester="ann, by this requester", arguments={"n": 3}))
    heading, words = said(a_request(arguments={"n": 1}), past)
    assert heading == (
        f'other than the last approved call of this tool, which was by another requester, "ann, by this requester" {AT}'
    )
    assert words == "argument n: was 3, is 1"


def test_what_ran_is_compared_and_not_what_the_agent_had_asked() -> None:
    edited = used(arguments={"n": 1}, edited_arguments={"n": 2})
    assert said(a_request(arguments={"n": 1}), a_past(edited))[1:] == ["argument n: was 2, is 1"]
    assert said(a_request(arguments={"n": 2}), a_past(edited)) == []


def test_where_the_call_would_run_is_compared_too() -> None:
    request = a_request(context={"host": "web-2"})
    assert said(request, a_past(used(context={"host": "web-1"})))[-1] == 'context host: was "web-1", is "web-2"'


def test_so_many_differences_are_listed_and_the_others_counted() -> None:
    request = a_request(arguments={f"k{number}": number for number in range(12)}, context={"a": 1})
    rows = rows_of(request, a_past(used(arguments={})))
    assert len(rows) == 1 + MOST_DIFFERENCES + 1
    assert rows[-1] == AidRow("│ ", f"{13 - MOST_DIFFERENCES} more values are other, new or missing", NOTE)


def test_a_secret_that_is_other_is_said_to_be_and_stays_masked() -> None:
    request = a_request(arguments={"password": SECRET, "command": f"login --token={SECRET}"})
    before = used(arguments={"password": SECRET[::-1], "command": f"login --token={SECRET[::-1]}"})
    words = said(request, a_past(before))[1:]
    assert words == [
        "argument password: is other in what is masked",
        "argument command: is other in what is masked",
    ]
    lifted = said(request, a_past(before), Redactor().lifted())
    assert f'argument password: was "{SECRET[::-1]}", is "{SECRET}"' in lifted


# --- letters and names -------------------------------------------------------------------------


def test_a_word_of_mixed_letters_is_said_with_where_it_stands_and_what_it_looks_like() -> None:
    request = a_request(arguments={"to": {"account": "pаypаl"}})
    assert marks(request, a_past(used())) == [
        "word that mixes Cyrillic letters (а) with Latin ones in argument to.account: "
        '"pаypаl", which looks like "paypal"'
    ]


def test_a_word_of_letters_that_only_look_latin_is_said() -> None:
    assert marks(a_request(arguments={"command": "make сору"}), a_past(used())) == [
        'word of Cyrillic letters alone in argument command: "сору", which looks like "copy"'
    ]


def test_a_host_of_letters_that_only_look_latin_is_said_amid_text_of_its_alphabet() -> None:
    request = a_request(arguments={"note": "Зайди на https://аррӏе.com/ или на https://сахар.рф/"})
    assert marks(request, a_past()) == [
        "no call of this tool was approved before",
        'word of Cyrillic letters alone in argument note: "аррӏе", which looks like "apple"',
    ]


def test_a_word_in_another_shape_is_said_in_a_key_too() -> None:
    assert marks(a_request(arguments={"ｓｈｅｌｌ": 1}), a_past(used())) == [
        'word with letters of another shape (ｓ ｈ ｅ ｌ) in the key of argument "ｓｈｅｌｌ": '
        '"ｓｈｅｌｌ", which looks like "shell"'
    ]


def test_a_russian_call_is_not_unusual_for_its_letters() -> None:
    request = a_request(arguments={"query": "сахар", "note": "Купи сахар и соль."})
    assert marks(request, a_past(used())) == []
    assert marks(a_request(arguments={"query": "сахар"}), a_past(used(arguments={"query": "мука"}))) == []
    assert marks(a_request(arguments={"query": "сахар"}), a_past(used())) != []


def test_of_many_such_words_the_first_are_listed_and_the_others_counted() -> None:
    request = a_request(arguments={"command": " ".join(f"x{'а' * number}" for number in range(1, 11))})
    words = marks(request, a_past(used()))
    assert len(words) == MOST_ROWS_OF_A_KIND + 1
    assert words[-1] == f"{10 - MOST_ROWS_OF_A_KIND} more words of such letters"


def test_a_name_that_looks_like_an_older_one_is_said_with_it() -> None:
    past = a_past(is_first_of_tool=True, tools=("other", "shell"))
    assert said(a_request(tool="shеll"), past)[1:] == [
        'word that mixes Cyrillic letters (е) with Latin ones in the tool\'s name: "shеll", which looks like "shell"',
        'tool whose name looks like another one that was seen before: "shеll", "shell"',
    ]


def test_a_name_that_differs_in_capitals_or_separators_is_said_until_it_is_approved() -> None:
    request = a_request(requester="Release_Bot")
    words = "requester whose name differs only in capitals or separators from another one that was seen before: "
    names = '"Release_Bot", "release-bot"'
    others = ("release-bot", "Release_Bot", "research-bot")
    assert words + names in said(request, a_past(requesters=others))
    assert words + names in said(request, a_past(used(), requesters=others))
    assert said(request, a_past(used(requester="Release_Bot"), requesters=others)) == []
    assert said(a_request(server="S"), a_past(used(server="S"), servers=("s", "S"))) == []
    (words,) = marks(a_request(server="fi-les"), a_past(used(server="fi-les", arguments={}), servers=("x",))) or ("",)
    assert words == ""


def test_a_name_of_deceiving_letters_is_said_though_it_was_approved() -> None:
    past = a_past(used(server="fіles"), servers=("files", "fіles"))
    words = said(a_request(server="fіles"), past)
    assert 'server whose name looks like another one that was seen before: "fіles", "files"' in words


def test_that_not_all_names_were_compared_is_said_of_a_new_name_alone() -> None:
    words = "its names were compared with many others, but not with all"
    assert words in said(a_request(), a_past(are_all_names=False, is_first_of_tool=True))
    assert said(a_request(), a_past(used(), are_all_names=False)) == []


# --- places ------------------------------------------------------------------------------------


def test_a_host_that_no_approved_call_named_is_said() -> None:
    past = a_past(used(arguments={"url": "https://a.example/1"}), used(arguments={"url": "ann@b.example"}))
    known = a_request(arguments={"url": "https://A.example:443/2", "to": "bo@b.example"})
    assert marks(known, past) == []
    assert marks(a_request(arguments={"url": "https://evil.example/1"}), past) == [
        'host that no approved call of this tool named, in argument url: "evil.example"'
    ]


def test_a_path_that_no_approved_call_named_nor_its_folder_is_said() -> None:
    past = a_past(used(arguments={"path": "/srv/app/a"}), are_all_approved=False)
    assert marks(a_request(arguments={"path": "/srv/app/b"}), past) == []
    assert marks(a_request(arguments={"path": "/srv/app/../other/b"}), past) == [
        'path that none of the last approved calls of this tool named, nor its folder, in argument path: "/srv/other/b"'
    ]


def test_what_lies_in_the_folder_in_which_approved_calls_ran_is_known() -> None:
    here = {"working_directory": "/work"}
    past = a_past(used(arguments={"command": "ls"}, context=here))
    assert marks(a_request(arguments={"command": "cat src/x ./y /work/z"}, context=here), past) == []
    assert len(marks(a_request(arguments={"command": "cat ../secret"}, context=here), past)) == 1


def test_places_of_a_tool_that_was_never_approved_are_not_said() -> None:
    request = a_request(arguments={"url": "https://evil.example/", "path": "/etc/x"})
    assert said(request, a_past()) == ["no call of this tool was approved before"]


def test_punycode_is_said_always_with_what_it_shows() -> None:
    request = a_request(arguments={"url": "https://xn--80ak6aa92e.com/"})
    words = 'host in punycode in argument url: "xn--80ak6aa92e.com", shown as "аррӏе.com", which looks like "apple.com"'
    assert said(request, a_past()) == ["no call of this tool was approved before", words]
    assert said(request, a_past(used(arguments=request.arguments))) == [words]


def test_a_secret_is_in_no_mark() -> None:
    secret = "/Jalr/K7MDENG/bPx"
    request = a_request(arguments={"command": f"export SECRET_KEY={secret}; cat {secret}/x", "password": "/etc/сору"})
    words = said(request, a_past(used()))
    assert words
    assert not any("Jalr" in each or "K7MD" in each or "сору" in each for each in words)
    assert mask(secret) in " ".join(words)


def test_a_password_in_a_url_hides_no_host() -> None:
    for user in ("ann:tok_3f9c2b7a81d04e55", "ghp_0123456789abcdefghij0123"):
        request = a_request(arguments={"url": f"https://{user}@evil.example/"})
        words = 'host that no approved call of this tool named, in argument url: "evil.example"'
        assert marks(request, a_past(used())) == [words]


# --- bounds and other terminals ----------------------------------------------------------------


def test_that_not_all_of_a_call_was_looked_at_is_said() -> None:
    note = "its texts are too long for all of them to be looked through here"
    past = a_past(used())
    for arguments in ({"a": "x" * 1_000_000}, {"a": ["x"] * 100_000}, {str(number): 1 for number in range(10_000)}):
        rows = rows_of(a_request(arguments=arguments), past)
        assert [row.role for row in rows if row.text == note] == [NOTE]
    assert note not in said(a_request(arguments={"a": "x" * 10_000}), past)


def test_sentences_are_the_rows_for_whoever_looks_at_no_screen() -> None:
    request, past = a_request(arguments={"n": 1}), a_past(used(arguments={}))
    assert unusual_sentences(request, past, Redactor()) == said(request, past)
    assert unusual_sentences(a_request(status="denied"), past, Redactor()) == []


def test_a_terminal_with_ascii_only_gets_ascii_only() -> None:
    request = a_request(arguments={"command": "make сору", "n": 1})
    rows = rows_of(request, a_past(used(requester="ü"), tools=("ß",)), glyphs=ASCII)
    assert {row.lead for row in rows} == {"* ", "| "}
    assert all(row.text.isascii() for row in rows)
    assert rows != rows_of(request, a_past(used(requester="ü")), glyphs=UNICODE)
