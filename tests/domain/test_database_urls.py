"""Locations of databases: told from others, and shown without what nobody may see."""

from __future__ import annotations

import pytest

from approval_tui.domain.database_urls import is_database_url, short_location, shown_location

SHOWN = {
    "postgresql:///approvals?host=/run/postgresql": ("same", "postgresql:///approvals"),
    "postgresql://agent@db.example/approvals": ("same", "postgresql://db.example/approvals"),
    "postgresql://agent:s3cret@db:5433/approvals": (
        "postgresql://agent:****@db:5433/approvals", "postgresql://db:5433/approvals",
    ),
    "POSTGRES://agent:a%40b@db": ("postgres://agent:****@db", "postgres://db"),
    "postgresql://db/x?password=s3cret&sslmode=verify-full": (
        "postgresql://db/x?password=****&sslmode=verify-full", "postgresql://db/x",
    ),
    "postgresql://db/x?sslPassword=s3cret": ("postgresql://db/x?sslPassword=****", "postgresql://db/x"),
    "postgresql://db/x?pass%77ord=s3cret": ("postgresql://db/x?password=****", "postgresql://db/x"),
    "postgresql://db/x?password=s3&cret": ("postgresql://db/x?password=****", "postgresql://db/x"),
    "postgresql://db/x?options=-csearch_path%3Dteam": ("same", "postgresql://db/x"),
    "postgresql://agent@db/x?application_name=a@b": ("same", "postgresql://db/x"),
    **{
        f"postgresql://agent:{password}@db/x?sslmode=require": (
            "postgresql://agent:****@db/x?sslmode=require", "postgresql://db/x",
        )
        for password in ("s3/cret", "s3#cret", "s3?cret", "s3@cret", "s3[cret", "s3:cret", "1234/c", "%zz", "s/?=@")
    },
    "postgresql+asyncpg://agent:s3cret@db/x": ("postgresql+asyncpg://agent:****@db/x", "same"),
    "/srv/approvals.db": ("same", "/srv/approvals.db"),
}  # fmt: skip


@pytest.mark.parametrize("location", SHOWN)
def test_a_location_is_shown_without_its_password_and_else_as_it_is(location: str) -> None:
    shown, short = SHOWN[location]
    assert shown_location(location) == (location if shown == "same" else shown)
    assert short_location(location) == (location if short == "same" else short)


def test_only_a_url_of_postgresql_is_a_database() -> None:
    assert [location for location in SHOWN if not is_database_url(location)] == [
        "postgresql+asyncpg://agent:s3cret@db/x",
        "/srv/approvals.db",
    ]
    assert not is_database_url("http://localhost/postgresql://")
