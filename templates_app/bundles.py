"""Several files of templates in one: packed for whoever downloads them, and unpacked with care from whoever uploads some."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from templates_app import files
from templates_app.files import UnreadableFile

MOST = 200
"""Files in one upload."""
LARGEST = 2_000_000
"""Characters of all the files in one upload."""

_LONGEST_NAME = 200
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Upload:
    """One file as it came: its name, and its text."""

    name: str
    text: str


def name_of(template: str) -> str:
    """The name of a template's file. File systems take 255 bytes, templates 512."""
    if len(template) <= _LONGEST_NAME:
        return f"{template}.json"
    return f"{template[:_LONGEST_NAME]}-{hashlib.sha256(template.encode()).hexdigest()[:8]}.json"


def pack(told: Sequence[tuple[str, dict[str, Any]]]) -> bytes:
    """A zip of files, each in its folder. The same files always make the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for folder, file in told:
            bundle.writestr(zipfile.ZipInfo(f"{folder}/{name_of(file['name'])}", _LONG_AGO), files.dump(file), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def unpack(uploads: Sequence[tuple[str, bytes]]) -> list[Upload]:
    """The files behind uploads, each a file or a zip of some. Raises UnreadableFile."""
    found: list[Upload] = []
    for name, content in uploads:
        found += _entries(name, content) if zipfile.is_zipfile(io.BytesIO(content)) else [Upload(name, _text(name, content))]
        if len(found) > MOST or sum(len(each.text) for each in found) > LARGEST:
            raise UnreadableFile(f"These are too many: {MOST} files with {LARGEST} characters can be taken at once. Take some of them.")
    if not found:
        raise UnreadableFile("There is no file of a template in it. Templates are in files that end in .json.")
    return found


def _entries(name: str, content: bytes) -> Iterator[Upload]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            entries = [each for each in bundle.infolist() if each.filename.endswith(".json") and not each.is_dir()]
            if len(entries) > MOST:
                raise UnreadableFile(f"{name} holds {len(entries)} files; {MOST} can be taken at once.")
            left = LARGEST
            for entry in entries:
                # What an entry says of its size may be a lie: it is read no further than is allowed.
                with bundle.open(entry) as file:
                    raw = file.read(left + 1)
                left -= len(raw)
                if left < 0:
                    raise UnreadableFile(f"{name} holds more than {LARGEST} bytes.")
                yield Upload(entry.filename.rpartition("/")[2], _text(entry.filename, raw))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise UnreadableFile(f"{name} is no zip that can be opened.") from error


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{name} is not written in UTF-8.") from error
