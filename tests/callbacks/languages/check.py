"""Reads calls as lines of base64 (key, now, id, timestamp, signature, body; `-` for a missing header); says of each whether it is ours."""

import base64
import importlib
import sys

from webhooks import NotOurs

for line in sys.stdin:
    key, now, *named, body = (None if each == "-" else base64.b64decode(each) for each in line.rstrip("\n").split(" "))
    pairs = zip(("webhook-id", "webhook-timestamp", "webhook-signature"), named, strict=True)
    headers = {name: text.decode() for name, text in pairs if text is not None}
    module = importlib.import_module("webhooks_v1a" if key.startswith(b"whpk_") else "webhooks")
    try:
        module.verify(key.decode(), headers, body, now=float(now))
        print("ours")
    except NotOurs:
        print("refused")
