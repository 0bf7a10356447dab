from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qsura_platform.local import environment, places, preflight
from qsura_platform.local.__main__ import main
from tests.fixtures import ROOT


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("QSURA_STATE", str(folder))
    environment.prepare(folder)
    environment.secrets_of(folder)
    return folder


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["local", *words])
    return main()


def test_reset_wants_a_yes(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "reset") == 1
    assert "make reset YES=1" in capsys.readouterr().err
    assert state.is_dir()


def test_reset_removes_the_state(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "reset", "--yes") == 0
    assert not state.exists()


def test_reset_refuses_while_a_run_is_up(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with preflight.sole_run(state, port=8000):
        assert call(monkeypatch, "reset", "--yes") == 1
    assert "Stop it there with Ctrl-C first" in capsys.readouterr().err
    assert state.is_dir()


def test_reset_leaves_a_folder_alone_that_is_no_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSURA_STATE", str(tmp_path))
    (tmp_path / "photos").mkdir()

    assert call(monkeypatch, "reset", "--yes") == 1
    assert (tmp_path / "photos").is_dir()


@pytest.mark.parametrize("named", ["", "/", "/home", "relative/qsura-x"])
def test_a_damaged_note_deletes_nothing(state: Path, named: str) -> None:
    (state / "note").write_text(named)

    assert places.read(state, note="note") is None


def test_demo_send_without_a_run_says_what_to_start(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "demo-send") == 1
    assert "make run" in capsys.readouterr().err


def test_a_command_without_a_platform_tells_how_to_start_one(tmp_path: Path) -> None:
    env = {"PATH": os.defpath, "QSURA_STATE": str(tmp_path)}

    done = subprocess.run([sys.executable, "manage.py", "show_demo"], cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "make run" in done.stderr
    assert "Traceback" not in done.stderr
