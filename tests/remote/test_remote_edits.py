"""Over a server, too, a gate says what a reviewer changed, and a request says where no edit could run."""

from __future__ import annotations

import pytest

from approval_tui import Gate
from approval_tui.domain.calls import Admission
from approval_tui.domain.models import DENIAL
from tests.gate.both_forms import FORMS, MAKE_DEPLOY, reviewing
from tests.gate.policies import edit
from tests.remote.gates import only, use
from tests.server.serving import Served
from tests.support import approve, assert_sound


@pytest.mark.parametrize("form", FORMS)
def test_a_guarded_call_says_what_was_changed(form: str, gate: Gate, served: Served) -> None:
    with reviewing(served.desk, lambda request: edit(served.desk, request, {"command": "make test"})):
        call = use(form, gate, lambda call: call)
    assert call.edit_told == (
        'A reviewer changed the arguments of this call before approving it: command was "make deploy", is "make test".'
    )
    assert_sound(served.desk)


@pytest.mark.parametrize("taken_as", [DENIAL, None])
def test_how_an_edit_is_taken_travels_with_the_request(taken_as: str | None, gate: Gate, served: Served) -> None:
    with reviewing(served.desk, lambda request: approve(served.desk, request)):
        right = gate.claim_blocking("shell", MAKE_DEPLOY, edit_taken_as=taken_as)
    assert not isinstance(right, Admission)
    assert (right.request.edit_taken_as, only(served).edit_taken_as) == (taken_as, taken_as)
