from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from qsura_platform.local import environment
from qsura_platform.local.obstacles import Obstacle


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = environment.secrets_of(tmp_path)

    assert environment.secrets_of(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "qsura.env").stat().st_mode) == 0o600


def test_keys_are_32_bytes_and_differ(tmp_path: Path) -> None:
    made = environment.secrets_of(tmp_path)
    texts = [made["QSURA_FIELD_KEYS"].removeprefix("k1:"), made["QSURA_INDEX_KEY"], made["QSURA_KEY_PEPPER"]]

    assert [len(base64.b64decode(text, validate=True)) for text in texts] == [32, 32, 32]
    assert len(set(texts)) == 3


def test_a_secret_that_a_later_version_needs_is_added_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "qsura.env").write_text("# ours\nSECRET_KEY=old=enough\n")

    made = environment.secrets_of(tmp_path)

    assert made["SECRET_KEY"] == "old=enough"
    assert made["QSURA_KEY_PEPPER"]
    assert environment.read(tmp_path / "qsura.env") == made


def test_the_runtime_file_is_written_whole_and_removed(tmp_path: Path) -> None:
    told = environment.runtime(
        port=18080, database="postgresql://qsura@/qsura?host=/tmp/x", broker="redis+socket:///tmp/y", smpp_port=2775, smtp_port=2525
    )

    environment.write_runtime(tmp_path, told)

    assert environment.read(tmp_path / "runtime.env") == told
    assert told["QSURA_SIMULATOR_URL"] == "http://127.0.0.1:18081"
    assert told["QSURA_ALLOWED_PRIVATE_TARGETS"] == "127.0.0.1/32:18081,127.0.0.1/32:2775,127.0.0.1/32:2525"
    assert stat.S_IMODE((tmp_path / "runtime.env").stat().st_mode) == 0o600
    environment.forget_runtime(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_real_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://messages.example")

    env = environment.for_children(tmp_path, variables={"PUBLIC_URL": "http://127.0.0.1:8000", "ONLY": "here"})

    assert env["PUBLIC_URL"] == "https://messages.example"
    assert env["ONLY"] == "here"
    assert env["QSURA_STATE"] == str(tmp_path)


def test_the_state_folder_is_closed_to_others(tmp_path: Path) -> None:
    state = tmp_path / "a" / "b"

    environment.prepare(state)

    # As root the server's own user passes through, and sees nothing on its way.
    assert stat.S_IMODE(state.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)
    assert stat.S_IMODE((state / "logs").stat().st_mode) == 0o700


def test_a_state_folder_that_can_not_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Obstacle, match="Choose another: make run QSURA_STATE="):
        environment.prepare(tmp_path / "file" / "state")


def test_the_state_folder_is_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSURA_STATE", "here")
    assert environment.state() == Path.cwd() / "here"

    monkeypatch.delenv("QSURA_STATE")
    assert environment.state() == environment.ROOT / ".qsura"
