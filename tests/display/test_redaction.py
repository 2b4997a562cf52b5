"""Redaction: the secret and nothing else is masked, visibly, with its length, and a reviewer can lift it (rule R10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.visible import is_all_visible
from tests.display.hostile import LINEAR, growth

LETTERS = "Zx8Kq2Lm5Np7Rt3Vw9Yb1Cd4Fg6Hj0"
"""Characters as a random credential has them; no credential of anybody."""

KEY_BODY = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" + LETTERS] * 3)

#: Text before the secret, the secret, text after it.
SECRETS = {
    "private key": ("cat <<E\n", f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n-----END PRIVATE KEY-----", "\nE"),
    "OpenSSH key": (
        "",
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{KEY_BODY}\n-----END OPENSSH PRIVATE KEY-----",
        " # mine",
    ),
    "key of a language model": ("use ", f"sk-proj-{LETTERS}", " for it"),
    "key of another language model": ("use '", f"sk-ant-api03-{LETTERS}_-{LETTERS}", "' for it"),
    "payment key": ("charge with ", f"sk_live_{LETTERS}", "."),
    "restricted payment key": ("charge with ", f"rk_test_{LETTERS}", "."),
    "code host token": ("git push https://", f"ghp_{LETTERS}{LETTERS[:6]}", " main"),
    "very long code host token": ("", f"ghs_{LETTERS * 20}", " main"),
    "fine-grained code host token": ("(", f"github_pat_{LETTERS}_{LETTERS}", ")"),
    "other code host token": ("--header ", f"glpat-{LETTERS[:20]}", " --verbose"),
    "cloud access key": ("id=", "AKIAIOSFODNN7EXAMPLE", " region=eu"),
    "temporary cloud access key": ("id=", "ASIAIOSFODNN7EXAMPLE", ""),
    "map key": ("?key=", f"AIza{LETTERS}{LETTERS[:5]}", "&zoom=3"),
    "chat token": ("post with ", f"xoxb-1234567890-{LETTERS}", " to all"),
    "web token": ("", f"eyJ{LETTERS}.eyJ{LETTERS}.{LETTERS}", " expires"),
    "very long web token": ("", f"eyJ{LETTERS * 90}.eyJ{LETTERS * 200}.{LETTERS * 90}", " expires"),
    "webhook secret": ("verify ", f"whsec_{LETTERS}", " please"),
    "bearer": ("Authorization: Bearer ", LETTERS, "\nAccept: */*"),
    "basic": ("authorization: basic ", "cmVsZWFzZTpib3Q=", "\r\n"),
    "password in an address": ("clone https://release-bot:", "hunter22", "@example.org/app.git"),
    "password of a database": ("postgresql://app:", "s3cr:et", "@db:5432/app"),
    "address without a name": ("redis://:", "hunter22", "@cache"),
    "password in a command": ("mysql --password=", "hunter22", " --execute 'select 1'"),
    "variable": ("export API_KEY=", LETTERS, "; make"),
    "variable that ends otherwise": ("AWS_SECRET_ACCESS_KEY=", f"{LETTERS}/{LETTERS}", " aws s3 ls"),
    "secret key": ("SECRET_KEY = '", "django-insecure-word", "'"),
    "very long token": ("token=", LETTERS * 40, "&next=1"),
    "words in quotes": ('passphrase="', "correct horse battery", '" and on'),
    "quotes that never close": ('token="', "correct-horse", " and on"),
    "JSON": ('{"password": "', "hunter22", '", "user": "ann"}'),
    "JSON in a quoted command": ('curl -d "{\\"client_secret\\":\\"', "hunter22", '\\"}" example.org'),
    "YAML": ("user: ann\ntoken: ", "hunter22", "\nport: 80"),
}


#: An open quote swallows what follows, so it stands for itself only.
closed_secrets = st.sampled_from([parts for name, parts in SECRETS.items() if name != "quotes that never close"])


@pytest.mark.parametrize(("before", "secret", "after"), SECRETS.values(), ids=SECRETS.keys())
def test_the_secret_and_nothing_else_is_masked_with_its_length(before: str, secret: str, after: str) -> None:
    assert Redactor().redact(before + secret + after) == f"{before}•••• {len(secret)} characters redacted{after}"


@pytest.mark.parametrize(("before", "secret", "after"), SECRETS.values(), ids=SECRETS.keys())
def test_a_lifted_redactor_shows_everything(before: str, secret: str, after: str) -> None:
    lifted = Redactor().lifted()
    assert lifted.is_lifted
    assert lifted.redact(before + secret + after) == before + secret + after


@pytest.mark.parametrize(
    "prose",
    [
        "Use basic authentication for the first release, and bearer authorization later.",
        "The bearer understands state-of-the-art cryptography; Basic Understanding is enough.",
        "The token is in the vault, the password is not.",
        "Rotate every secret. Change the API key. Ask for a passphrase.",
        "ALTER TABLE users ADD CONSTRAINT pk_users_and_organisations PRIMARY KEY (id);",
        "pip install sk-learn-contrib-and-more-things",
        "git checkout task-sk-2024-long-branch-name-for-everyone",
        "see https://example.org:8080/path@2, mail ann@example.org, 10:30@noon",
        "ssh -p 22 release-bot@example.org; scp a:b c@d:e",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "id 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b, commit 3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "grep -- '-----BEGIN PRIVATE KEY-----' keys/*; rm -rf build",
        "eyJ is how a web token begins. eyJhbGciOiJIUzI1NiJ9 is its first part.",
        "AKIA is a prefix; AKIAIOSFODNN7EXAMPLES is too long for a key.",
        "token=\npassword: ''\nsecret = \"\"\ntoken:\n  name: ci",
    ],
)
def test_what_only_speaks_of_secrets_is_left_as_it_is(prose: str) -> None:
    assert Redactor().redact(prose) == prose


def test_every_secret_of_a_text_is_masked_by_itself() -> None:
    text = f"a ghp_{LETTERS} b sk-proj-{LETTERS} c https://u:hunter22@h d"
    assert Redactor().redact(text) == (
        "a •••• 34 characters redacted b •••• 38 characters redacted c https://u:•••• 8 characters redacted@h d"
    )


def test_a_secret_that_has_two_shapes_is_masked_once_with_its_whole_length() -> None:
    token = f"eyJ{LETTERS}.eyJ{LETTERS}.{LETTERS}"
    assert Redactor().redact(f"Bearer {token}!") == f"Bearer •••• {len(token)} characters redacted!"
    assert Redactor().redact(f"token=x-ghp_{LETTERS}") == "token=•••• 36 characters redacted"


def test_a_secret_inside_a_longer_one_does_not_end_the_mask_early() -> None:
    inner = f"open ghp_{LETTERS} sesame"
    assert Redactor().redact(f'password="{inner}"') == f'password="{mask(inner)}"'


def test_a_secret_that_looks_like_a_mask_is_masked() -> None:
    assert Redactor().redact("password=••••hunter22") == "password=•••• 12 characters redacted"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "db_password",
        "Passphrase",
        "client-secret",
        "clientSecret",
        "api_key",
        "apiKey",
        "API-KEY",
        "accessToken",
        "aws_access_key_id",
        "accessKey",
        "private-key",
        "Authorization",
        "Cookie",
        "credentials",
    ],
)
def test_names_of_secrets_are_known_in_every_spelling(name: str) -> None:
    assert Redactor().is_secret_name(name)
    assert not Redactor().lifted().is_secret_name(name)


@pytest.mark.parametrize("name", ["command", "path", "pass", "key", "keys", "author", "id", ""])
def test_other_names_are_no_secrets(name: str) -> None:
    assert not Redactor().is_secret_name(name)


@pytest.mark.parametrize("name", ["x-badge-code", "X_BADGE_CODE", "xBadgeCode"])
def test_further_names_come_from_the_configuration_in_any_spelling(name: str) -> None:
    redactor = Redactor.with_names([name])
    assert all(redactor.is_secret_name(each) for each in ("x-badge-code", "X_Badge_Code", "password"))
    assert not redactor.is_secret_name("command")


def test_a_configured_name_without_letters_does_not_mask_everything() -> None:
    assert not Redactor.with_names(["", "-", "__"]).is_secret_name("command")


@given(st.lists(st.tuples(st.text("ab 漢.\n\u202e", max_size=8), closed_secrets), max_size=5))
def test_secrets_anywhere_in_a_text_are_masked_and_all_the_rest_is_kept(
    parts: list[tuple[str, tuple[str, str, str]]],
) -> None:
    text = "".join(f"{filler} {before}{secret}{after} " for filler, (before, secret, after) in parts)
    shown = "".join(f"{filler} {before}{mask(secret)}{after} " for filler, (before, secret, after) in parts)
    assert Redactor().redact(text) == shown
    assert Redactor().lifted().redact(text) == text


@given(st.text(max_size=300))
def test_a_mask_says_the_length_and_shows_nothing_of_the_secret(secret: str) -> None:
    assert mask(secret) == mask("x" * len(secret))
    assert f" {len(secret)} characters" in mask(secret)
    assert is_all_visible(mask(secret))


#: Pieces that, repeated, make a careless expression try the same characters again and again.
HOSTILE = [
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    f"-----BEGIN {'A' * 40}",
    "-----BEGIN PRIVATE KEY-----" + "A" * 500,
    "sk-",
    "sk_a-sk-a",
    "pk_live_",
    "ghp_",
    "ghp_" + "A" * 19 + " ",
    "github_pat_",
    "glpat-",
    "AKIA",
    "AKIAAAAAAAAAAAAAAAAAA ",
    "AIza-",
    "xoxb-",
    "eyJ-",
    "eyJaaaaaaaaaa.",
    "eyJaaaaaaaaaa-eyJ",
    "eyJ" + "a" * 3000 + ".",
    "whsec_",
    "whsec_=",
    "bearer ",
    "basic\n",
    "bearer" + " " * 500,
    "bearer aaaaaaaaaaa ",
    "a",
    "a+",
    "a://",
    "a://a:",
    "a://:a@:",
    "http://" + ":" * 500,
    "token",
    "token=",
    "token    =    ",
    "password:    ",
    'token="',
    "token='a\"",
    'token=\\"',
    "api_key'",
    "secret_key=",
    " ",
    "=",
    "'",
    "\\",
]


@pytest.mark.parametrize("piece", HOSTILE, ids=range(len(HOSTILE)))
def test_redacting_a_long_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    assert growth(Redactor().redact, lambda size: (piece * (size // len(piece) + 1))[:size], size=25_000) < LINEAR


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        ("eyJaaaaaaaaaa.", "a"),
        ("bearer ", "a"),
        ("basic ", "aA"),
        ("bearer", " "),
        ("a://", "a"),
        ("a://a:", "a"),
        ('token="', "a"),
        ("token='", '"token='),
        ("sk-", "a"),
        ("ghp_", "A"),
        ("-----BEGIN PRIVATE KEY-----", "A"),
    ],
)
def test_one_beginning_with_a_long_hostile_end_costs_no_more_than_its_length(beginning: str, piece: str) -> None:
    assert growth(Redactor().redact, lambda size: beginning + piece * (size // len(piece)), size=25_000) < LINEAR


@pytest.mark.parametrize("name", ["PASSWORD", "PassWd", "pa\u017f\u017fword", "to\u212aen", "Api-\u212aEY"])
def test_the_name_of_a_secret_may_be_written_in_any_case(name: str) -> None:
    assert Redactor().redact(f"{name}=hunter22") == f"{name}={mask('hunter22')}"


@pytest.mark.parametrize("scheme", ["Bearer", "BASIC", "ba\u017fic", "bas\u0131c", "bas\u0130c"])
def test_the_scheme_of_a_credential_may_be_written_in_any_case(scheme: str) -> None:
    assert Redactor().redact(f"{scheme} {LETTERS}=") == f"{scheme} {mask(LETTERS + '=')}"
