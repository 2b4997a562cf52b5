"""Badges: a glyph and a word for every status, outcome and risk, so that no meaning rests on colour alone."""

from __future__ import annotations

import pytest

from approval_tui.display.badges import IN_DOUBT, NO_RISK, Badge, risk_badge, status_badge
from approval_tui.display.visible import is_all_visible
from approval_tui.display.width import cell_width
from approval_tui.domain.lifecycle import CONSUMED, OUTCOMES, RISKS, STATUSES
from tests.display.requests import a_request

ROLES = {"good", "bad", "warning", "quiet", "plain"}

STATUS_BADGES = [status_badge(a_request(status=status)) for status in STATUSES]
OUTCOME_BADGES = [status_badge(a_request(status=CONSUMED, outcome=outcome)) for outcome in OUTCOMES]
RISK_BADGES = [risk_badge(risk) for risk in (*RISKS, None)]


@pytest.mark.parametrize("badge", [*STATUS_BADGES, *OUTCOME_BADGES, *RISK_BADGES, IN_DOUBT], ids=lambda b: b.word)
def test_a_badge_has_a_visible_glyph_a_letter_for_plain_terminals_and_a_word(badge: Badge) -> None:
    assert len(badge.glyph) == len(badge.letter) == 1
    assert cell_width(badge.letter) == 1
    assert is_all_visible(badge.glyph + badge.word)
    assert badge.letter.isascii()
    assert badge.word.isascii()
    assert badge.role in ROLES
    assert badge.text() == f"{badge.glyph} {badge.word}"
    assert badge.text(plain=True) == f"{badge.letter} {badge.word}"


@pytest.mark.parametrize("badges", [[*STATUS_BADGES, IN_DOUBT], [*OUTCOME_BADGES, IN_DOUBT], RISK_BADGES])
def test_badges_of_one_kind_differ_in_word_and_letter(badges: list[Badge]) -> None:
    assert len({badge.word for badge in badges}) == len(badges)
    assert len({badge.letter for badge in badges}) == len(badges)


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_is_shown_by_its_own_name(status: str) -> None:
    assert status_badge(a_request(status=status)).word == status


@pytest.mark.parametrize(
    ("outcome", "word", "role"),
    [("succeeded", "succeeded", "good"), ("failed", "failed", "bad"), ("not_run", "not run", "quiet")],
)
def test_a_consumed_request_shows_what_became_of_its_call(outcome: str, word: str, role: str) -> None:
    badge = status_badge(a_request(status=CONSUMED, outcome=outcome))
    assert (badge.word, badge.role) == (word, role)


def test_a_claim_in_doubt_is_shown_before_anything_else() -> None:
    assert status_badge(a_request(status=CONSUMED, in_doubt=True)) is IN_DOUBT
    assert IN_DOUBT.role == "bad"


def test_high_risk_stands_out_and_no_risk_is_not_low_risk() -> None:
    assert risk_badge("high").word == "HIGH"
    assert risk_badge("high").role == "bad"
    assert risk_badge(None) is NO_RISK
    assert NO_RISK.word != risk_badge("low").word


def test_a_risk_of_a_newer_version_is_shown_as_unrated_rather_than_low() -> None:
    assert risk_badge("critical") is NO_RISK
