"""The URL of an endpoint in one spelling, so that spellings of the same place are one endpoint with one health."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

_USUAL = {"https": ":443", "http": ":80"}


@lru_cache(maxsize=4_096)
def normal(url: str) -> str:
    """Scheme and host in lower case, no port that goes without saying, `/` for no path (RFC 3986, 6.2.2.1 and 6.2.3).

    Path and query stay as they are: what `%7e` or `//` means there, only the receiver knows.
    """
    parts = urlsplit(url)
    return parts._replace(scheme=parts.scheme.lower(), netloc=_host(parts.scheme, parts.netloc), path=parts.path or "/").geturl()


def origin(url: str) -> str:
    """Scheme, host and port of a URL, normal: who is called."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{_host(parts.scheme, parts.netloc)}"


def _host(scheme: str, netloc: str) -> str:
    return netloc.lower().removesuffix(_USUAL.get(scheme.lower(), ":"))
