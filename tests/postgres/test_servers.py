"""The servers for tests: what they give to each test, what survives a restart, and that none outlives its run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.postgres import programs as searched
from tests.postgres.plugin import NOT_TESTED
from tests.postgres.programs import Unavailable, programs
from tests.postgres.servers import OWNER, OwnServer, Run, Server, StopMode
from tests.support import LONG, ROOT, until


def asked(url: str, query: str) -> list[tuple[object, ...]]:
    """What the server answers."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def test_a_test_gets_an_empty_schema_that_is_its_own(postgres_url: str, postgres_schema: str) -> None:
    assert asked(postgres_url, "SELECT current_schemas(false)") == [([postgres_schema],)]
    asked(postgres_url, "CREATE TABLE notes (id int)")
    owned = "SELECT tablename, tableowner FROM pg_tables WHERE schemaname = current_schema()"
    assert asked(postgres_url, owned) == [("notes", OWNER)]


def test_schemas_do_not_see_each_other(postgres_server: Server, postgres_url: str) -> None:
    other = postgres_server.new_schema()
    asked(postgres_url, "CREATE TABLE notes (id int)")
    with pytest.raises(psycopg.errors.UndefinedTable):
        asked(postgres_server.url(other), "SELECT * FROM notes")
    postgres_server.drop_schema(other)
    assert asked(postgres_url, "SELECT * FROM notes") == []


def test_only_the_super_user_is_one(postgres_url: str, postgres_superuser_url: str) -> None:
    query = "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert asked(postgres_url, query) == [(False, True)]
    assert asked(postgres_superuser_url, query) == [(True, True)]
    assert asked(postgres_superuser_url, "SHOW search_path") == asked(postgres_url, "SHOW search_path")


def test_text_is_unicode_and_nobody_listens_on_the_network(postgres_url: str) -> None:
    assert asked(postgres_url, "SHOW server_encoding") == [("UTF8",)]
    assert asked(postgres_url, "SELECT length('né 😀')") == [(4,)]
    assert asked(postgres_url, "SHOW listen_addresses") == [("",)]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_keeps_what_was_written(own_postgres: OwnServer, postgres_url: str, mode: StopMode) -> None:
    url = own_postgres.url(own_postgres.new_schema())
    asked(url, "CREATE TABLE notes AS SELECT 'kept' AS text")
    with closing(psycopg.connect(url, autocommit=True)) as connected:
        own_postgres.restart(mode)
        with pytest.raises(psycopg.OperationalError):
            connected.execute("SELECT 1")
    assert asked(url, "SELECT text FROM notes") == [("kept",)]
    own_postgres.stop(mode)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    assert asked(postgres_url, "SELECT 1") == [(1,)]  # the server of the others runs on
    own_postgres.start()
    own_postgres.drop_schema(own_postgres.new_schema())


def test_a_server_that_does_not_start_says_why(own_postgres: OwnServer) -> None:
    own_postgres.stop()
    Path(own_postgres.folder, "data", "postgresql.auto.conf").write_text("nonsense = 1\n")
    with pytest.raises(AssertionError, match='unrecognized configuration parameter "nonsense"'):
        own_postgres.start()


OF_A_RUN = """
import sys
from tests.postgres.servers import RunOwner
owner = RunOwner()
with owner.run.own() as own:
    for server in (owner.run.shared(), own):
        print(owner.run.folder, int(open(f"{server.folder}/data/postmaster.pid").readline()), flush=True)
    sys.stdin.read()
"""


def test_no_server_outlives_a_run_that_is_killed(postgres_run: Run) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OF_A_RUN], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        said = [run.stdout.readline().split() for _ in range(2)]
        run.send_signal(signal.SIGKILL)
    until(lambda: not any(os.path.exists(folder) or runs(int(pid)) for folder, pid in said))


def runs(pid: int) -> bool:
    """Whether there is this process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_postgres_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(searched, "DEBIAN", str(tmp_path / "*" / "bin"))
    with pytest.raises(Unavailable, match="apt-get install postgresql"):
        programs()


def test_the_newest_version_of_debian_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(searched, "DEBIAN", str(tmp_path / "*" / "bin"))
    for version in ("9.6", "17", "15"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        for name in ("initdb", "postgres"):
            (folder / name).touch(mode=0o755)
    assert programs().folder == str(tmp_path / "17" / "bin")


WITHOUT_POSTGRES = """
import sys
import pytest
from tests.postgres import programs
programs.DEBIAN = ""
sys.exit(pytest.main(["-q", "-n", "0", "-p", "no:cacheprovider", "-k", "super_user_is_one", "tests/postgres"]))
"""


def test_a_run_without_postgres_says_loudly_what_it_did_not_test(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT_POSTGRES],
        cwd=ROOT, env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True, timeout=LONG, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "1 skipped" in finished.stdout
    assert "1 tests on PostgreSQL did NOT run" in finished.stdout
    assert f"\n{NOT_TESTED}: neither the PATH nor" in finished.stdout
