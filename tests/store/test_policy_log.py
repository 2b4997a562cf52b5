"""What gates say of their policies, as the log keeps it: what changed, the newest of each file, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approval_tui.domain.clock import HOUR
from approval_tui.domain.policy_notes import SAID_AGAIN_AFTER, PolicyNote, PolicyStanding
from approval_tui.store import open_store_blocking
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.hostile import HOSTILE_TEXTS
from tests.store.tampering import attack
from tests.support import ManualClock, assert_sound

GOOD = PolicyNote("/srv/policy.yaml", "v1:sha256:aa", (), "release-bot")
OTHER = PolicyNote("/srv/policy.yaml", "v1:sha256:bb", (), "release-bot")
BAD = PolicyNote("/srv/policy.yaml", "", ("/srv/policy.yaml:2:3: default: must be allow or deny",), "release-bot")
WORSE = PolicyNote("/srv/policy.yaml", "", ("/srv/policy.yaml: cannot be read: Is a directory",), "release-bot")

Say = Callable[[PolicyNote], bool]


@pytest.fixture
def say(store: BlockingStore) -> Say:
    return store.requester.note_policy


def said(store: BlockingStore) -> list[str]:
    return [event.name for event in reversed(store.reviewer.events(most=10_000))]


def notes(store: BlockingStore) -> list[PolicyNote]:
    return [standing.note for standing in store.reviewer.policy_standings()]


# --- only what changed -------------------------------------------------------------------------


def test_what_the_log_says_already_is_not_said_again(store: BlockingStore, say: Say) -> None:
    assert [say(each) for each in (GOOD, GOOD, BAD, BAD, GOOD, OTHER, OTHER, WORSE, BAD)] == [
        True,
        False,
        True,
        False,
        True,
        True,
        False,
        True,
        True,
    ]
    names = ["reloaded", "rejected", "reloaded", "reloaded", "rejected", "rejected"]
    assert said(store) == [f"policy_{name}" for name in names]
    assert_sound(store)


def test_another_gate_with_the_same_policy_says_nothing_new(store: BlockingStore, say: Say) -> None:
    assert say(GOOD)
    assert not say(PolicyNote(GOOD.file, GOOD.hash, (), "build-bot"))
    assert notes(store) == [GOOD]


def test_what_is_said_has_no_request_and_says_everything(store: BlockingStore, say: Say) -> None:
    say(BAD)
    (event,) = store.reviewer.events()
    assert (event.name, event.request_id) == ("policy_rejected", None)
    assert event.body["details"] == {
        "file": BAD.file,
        "hash": "",
        "problems": list(BAD.problems),
        "requester": "release-bot",
    }


def test_that_a_policy_cannot_be_used_is_said_again_after_a_while_and_what_is_in_force_is_not(
    store: BlockingStore, clock: ManualClock, say: Say
) -> None:
    assert say(GOOD)
    clock.move(10 * SAID_AGAIN_AFTER)
    assert not say(GOOD)
    assert say(BAD)
    clock.move(SAID_AGAIN_AFTER - 1)
    assert not say(BAD)
    clock.move(1)
    assert say(BAD)
    assert not say(BAD)
    assert store.reviewer.policy_standings() == (PolicyStanding(BAD, clock.now),)


def test_it_is_known_after_closing_and_opening(store_location: str) -> None:
    for expected in (True, False):
        with open_store_blocking(store_location) as store:
            assert store.requester.note_policy(GOOD) is expected


async def test_the_async_form_says_the_same(store: BlockingStore, async_store: AsyncStore, say: Say) -> None:
    assert await async_store.requester.note_policy(BAD)
    assert not say(BAD)
    assert list(await async_store.reviewer.policy_standings()) == list(store.reviewer.policy_standings())


# --- the newest of each file -------------------------------------------------------------------


def test_the_newest_of_each_file_stands_the_newest_first(store: BlockingStore, clock: ManualClock, say: Say) -> None:
    assert store.reviewer.policy_standings() == ()
    elsewhere = PolicyNote("/srv/other.yaml", "v1:sha256:cc")
    for each in (GOOD, elsewhere, BAD):
        say(each)
        clock.move(HOUR)
    assert store.reviewer.policy_standings() == (
        PolicyStanding(BAD, clock.now - HOUR),
        PolicyStanding(elsewhere, clock.now - 2 * HOUR),
    )


def test_many_files_are_all_known(store: BlockingStore, say: Say) -> None:
    files = [PolicyNote(f"/srv/{number}.yaml", f"v1:sha256:{number}") for number in range(250)]
    assert all(say(each) for each in files)
    assert notes(store) == files[::-1]
    assert not any(say(each) for each in files)
    assert len(said(store)) == 250


def test_a_file_that_changes_often_hides_no_other(store: BlockingStore, say: Say) -> None:
    broken = PolicyNote("/srv/broken.yaml", "", ("/srv/broken.yaml:1:1: the file is empty",))
    say(broken)
    for number in range(250):
        say(PolicyNote("/srv/busy.yaml", f"v1:sha256:{number}"))
    assert notes(store) == [PolicyNote("/srv/busy.yaml", "v1:sha256:249"), broken]
    assert not say(broken)


# --- hostile ones ------------------------------------------------------------------------------


def test_hostile_names_and_faults_are_kept_as_they_are(store: BlockingStore, say: Say) -> None:
    for name, text in HOSTILE_TEXTS.items():
        fault = text[:900]
        note = PolicyNote(f"/srv/{text}.yaml", "", (f"{fault}:1:1: {fault}", fault), text)
        assert say(note), name
        assert not say(note), name
        assert notes(store)[0] == note, name
    assert_sound(store)


def test_a_name_that_is_no_text_is_kept_in_its_escaped_form(store: BlockingStore, say: Say) -> None:
    note = PolicyNote("/srv/caf\udce9.yaml", "", ("/srv/caf\udce9.yaml:1:1: \ud800",), "\udfff")
    assert say(note)
    assert not say(note)
    assert notes(store) == [PolicyNote("/srv/caf\\udce9.yaml", "", ("/srv/caf\\udce9.yaml:1:1: \\ud800",), "\\udfff")]
    assert_sound(store)


def test_of_very_many_and_very_long_faults_the_log_keeps_the_first_and_how_many_there_were(
    store: BlockingStore, say: Say
) -> None:
    faults = tuple(f"/srv/policy.yaml:{number}:1: {'x' * 10_000}" for number in range(50_000))
    note = PolicyNote("/srv/policy.yaml", "", faults)
    assert say(note)
    assert not say(note)
    (kept,) = notes(store)
    assert kept.problems[0] == f"{faults[0][:2000]}..."
    assert (len(kept.problems), kept.problems[-1]) == (21, "49,980 more")
    assert not say(note)
    assert say(PolicyNote("/srv/policy.yaml", "", faults[:-1]))
    assert_sound(store)


@pytest.mark.parametrize("body", ["", "no JSON", "[]", "{}", '{"details": 5}', '{"details": {"problems": 7}}'])
def test_events_that_nobody_of_ours_wrote_stop_neither_reading_nor_saying(
    store: BlockingStore, say: Say, body: str
) -> None:
    say(GOOD)
    attack(store, "UPDATE events SET body = ?", (body,))
    say(OTHER)
    assert notes(store)[0] == OTHER
    assert all(note.problems == () for note in notes(store))
