from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import psycopg
import pytest

from qsura_platform.local import binaries, places, postgres
from qsura_platform.local.obstacles import Obstacle
from tests.local.waiting import until_gone


def log(home: Path) -> Path:
    return home / "logs" / "postgres.log"


def keep_a_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('still here')")


def kept(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
    assert row is not None
    return str(row[0])


def test_rows_outlive_a_kill_9(home: Path) -> None:
    first = postgres.start(home, log=log(home))
    keep_a_row(first.url)

    first.process.kill()
    first.process.wait()
    second = postgres.start(home, log=log(home))

    try:
        assert kept(second.url) == "still here"
    finally:
        second.stop()


def test_a_server_left_over_by_a_killed_parent_is_ended_first(home: Path) -> None:
    left_over = postgres.start(home, log=log(home), is_durable=False)
    keep_a_row(left_over.url)

    second = postgres.start(home, log=log(home), is_durable=False)

    try:
        assert left_over.process.wait(timeout=1) == 0
        assert kept(second.url) == "still here"
    finally:
        second.stop()


def test_a_stale_pid_file_whose_number_is_now_anothers_is_no_hindrance(home: Path) -> None:
    postgres.start(home, log=log(home), is_durable=False).stop()
    (data,) = postgres_folders(home)
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n0\n5432\n\n*\n0 0\nready\n")

    server = postgres.start(home, log=log(home), is_durable=False)

    server.stop()


def test_nobody_else_gets_to_the_socket(home: Path) -> None:
    server = postgres.start(home, log=log(home), is_durable=False)
    try:
        sockets = places.read(home, note=postgres.SOCKETS_NOTE)

        assert sockets is not None
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert len(str(sockets / ".s.PGSQL.5432")) < 108
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    finally:
        server.stop()
    assert not sockets.exists()


def test_a_durable_cluster_syncs_and_sorts_alike_everywhere(home: Path) -> None:
    server = postgres.start(home, log=log(home))
    try:
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
            assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
            assert connection.execute("SELECT upper('é') = 'É', 'Z' < 'a'").fetchone() == (True, True)
    finally:
        server.stop()


def test_a_folder_without_the_binaries_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSURA_POSTGRES_BIN", str(home))

    with pytest.raises(Obstacle, match=r"no postgres in .* Set QSURA_POSTGRES_BIN"):
        postgres.start(home, log=log(home), is_durable=False)


def test_other_binaries_take_the_wheels_place(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no other PostgreSQL is installed under /usr/lib/postgresql")
    monkeypatch.setenv("QSURA_POSTGRES_BIN", str(found[-1].parent))

    server = postgres.start(home, log=log(home), is_durable=False)

    try:
        with psycopg.connect(server.url) as connection:
            assert connection.info.server_version // 10_000 == binaries.version(found[-1].parent)
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")
def test_a_home_that_the_servers_user_cannot_enter_gets_a_stand_in(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)

    server = postgres.start(closed, log=closed / "log", is_durable=False)
    keep_a_row(server.url)
    server.stop()
    stand_in = places.read(closed, note=postgres.PLACE_NOTE)
    again = postgres.start(closed, log=closed / "log", is_durable=False)

    try:
        assert kept(again.url) == "still here"
        assert stand_in is not None
        assert not postgres_folders(closed)
    finally:
        again.stop()
        places.remove(closed)
    assert not stand_in.exists()


def test_a_throwaway_cluster_leaves_nothing_behind() -> None:
    with postgres.throwaway() as server:
        home, pid = server.home, server.process.pid
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("off",)

    assert not home.exists()
    until_gone(pid)


def test_the_next_throwaway_removes_what_a_killed_test_left(home: Path) -> None:
    left_over = home.with_name("qsura-test-left-over")
    left_over.mkdir()
    (left_over / "alive").write_text("")

    with places.throwaway():
        assert not left_over.exists()
        assert home.exists()


def test_what_a_dying_server_said_is_passed_on(home: Path) -> None:
    postgres.start(home, log=log(home), is_durable=False).stop()
    (data,) = postgres_folders(home)
    (data / "pg_hba.conf").write_text("this is no rule\n")

    with pytest.raises(Obstacle, match=r"(?s)stopped while starting.*pg_hba"):
        postgres.start(home, log=log(home), is_durable=False)


def test_it_stops_in_order_on_the_signal_of_its_parents_death(home: Path) -> None:
    server = postgres.start(home, log=log(home), is_durable=False)

    server.process.send_signal(signal.SIGINT)

    assert server.process.wait(timeout=15) == 0


def postgres_folders(home: Path) -> list[Path]:
    return list(home.glob("postgres-*"))
