"""The state folder and the two files of variables in it.

`qsura.env` holds this installation's own secrets: made once, then kept. `runtime.env` says where the running parts are: written at every
start, removed at the end. The settings read both, and a variable of the real environment wins over either.
"""

from __future__ import annotations

import base64
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from qsura_platform.local.obstacles import Obstacle

ROOT = Path(__file__).resolve().parents[2]
TARGETS = "QSURA_ALLOWED_PRIVATE_TARGETS"
SECRETS, RUNTIME = "qsura.env", "runtime.env"


def state() -> Path:
    """The state folder: QSURA_STATE, else `.qsura` beside the code."""
    return Path(os.environ.get("QSURA_STATE") or ROOT / ".qsura").expanduser().resolve()


def prepare(state: Path) -> None:
    """Makes the state folder, closed to others, with a folder for logs.

    As root others may pass through it, without reading it: PostgreSQL's data lie in it and its server runs as another user.
    """
    try:
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(0o711 if os.geteuid() == 0 else 0o700)
        (state / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Obstacle(
            f"The state folder {state} can't be used: {error.strerror}. Choose another: make run QSURA_STATE=/a/folder"
        ) from error


def secrets_of(state: Path) -> dict[str, str]:
    """This installation's secrets. What is missing is made, what is there is kept: a lost key makes what it sealed unreadable."""
    known = read(state / SECRETS)
    made = {name: value for name, value in _new_secrets().items() if name not in known}
    if made:
        _write(state / SECRETS, known | made, head="Secrets of this installation. Keep this file, and keep it to yourself.")
    return known | made


def write_runtime(state: Path, variables: Mapping[str, str]) -> None:
    """Tells other terminals (`.venv/bin/python manage.py ...`) where the running parts are."""
    _write(state / RUNTIME, variables, head="Where the running parts are: written at every start, removed at the end.")


def forget_runtime(state: Path) -> None:
    """Nothing runs any more."""
    (state / RUNTIME).unlink(missing_ok=True)


def runtime(*, port: int, database: str, broker: str, smpp_port: int, smtp_port: int) -> dict[str, str]:
    """The variables of an installation on loopback: the web on `port`, the simulator on the one after it, its SMSC on `smpp_port`, its
    mail server on `smtp_port`."""
    return {
        "DATABASE_URL": database,
        "CELERY_BROKER_URL": broker,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "QSURA_SIMULATOR_URL": f"http://127.0.0.1:{port + 1}",
        "QSURA_SIMULATOR_SMPP": f"127.0.0.1:{smpp_port}",
        "QSURA_SIMULATOR_SMTP": f"127.0.0.1:{smtp_port}",
        "QSURA_ALLOWED_PRIVATE_TARGETS": ",".join(f"127.0.0.1/32:{each}" for each in (port + 1, smpp_port, smtp_port)),
    }


def for_children(state: Path, *, variables: Mapping[str, str]) -> dict[str, str]:
    """What every process of the platform starts with; the real environment wins."""
    own = {"QSURA_STATE": str(state), "DJANGO_SETTINGS_MODULE": "qsura_platform.settings", "PYTHONUNBUFFERED": "1"}
    targets = [each.get(TARGETS, "") for each in (variables, os.environ)]
    # The example's own receiver stays reachable beside whatever the operator allows besides.
    return {**variables, **os.environ, **own, TARGETS: ",".join(target for target in targets if target)}


def read(file: Path) -> dict[str, str]:
    """The variables in a file of ours; none where there is no file."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise Obstacle(f"{file} belongs to another user. Run as that user, or choose another state: QSURA_STATE=/a/folder") from error
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _new_secrets() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "QSURA_FIELD_KEYS": f"k1:{_key()}",
        "QSURA_INDEX_KEY": _key(),
        "QSURA_KEY_PEPPER": _key(),
        "QSURA_SIMULATOR_SECRET": secrets.token_urlsafe(32),
    }


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _write(file: Path, variables: Mapping[str, str], *, head: str) -> None:
    """Whole or not at all, and never readable by others in between (mkstemp's files are 0600)."""
    handle, draft = tempfile.mkstemp(prefix=file.name, dir=file.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as output:
        output.write(f"# {head}\n")
        output.writelines(f"{name}={value}\n" for name, value in variables.items())
        output.flush()
        os.fsync(output.fileno())
    Path(draft).replace(file)
