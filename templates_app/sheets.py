"""The author's sheet: a version's content as flat fields that a form can show, and back.

The sheet holds what most templates need. What it can't hold (a place as header, a one-tap button, a media handle) is written over the API
and is not touched here: `fits` says which is which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Sheet = dict[str, Any]

VALUE_KEYS: Mapping[str, str] = {"URL": "url", "PHONE_NUMBER": "phone_number", "COPY_CODE": "coupon_code"}
VARIABLE_KEYS = ("name", "type", "sample", "max_length", "pattern", "description")


def read(content: Mapping[str, Any], *, variables: list[dict[str, Any]]) -> Sheet:
    """The sheet of that content."""
    email = content.get("email", {})
    return {
        "sms_text": content.get("sms", {}).get("text", ""),
        "sms_plain": content.get("sms", {}).get("plain_punctuation", False),
        "email_subject": email.get("subject", ""),
        "email_text": email.get("text", ""),
        "email_html": email.get("html", ""),
        "variables": [{key: str(each[key]) for key in VARIABLE_KEYS if each.get(key) not in {None, ""}} for each in variables],
        **_read_whatsapp(content.get("whatsapp", {})),
    }


def write(sheet: Sheet) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Content and variables of that sheet; nothing is checked here."""
    content: dict[str, Any] = {}
    if components := _write_components(sheet):
        identity = {"provider_ids": {"twilio": sheet["whatsapp_twilio"]}} if sheet.get("whatsapp_twilio") else {}
        content["whatsapp"] = {"components": components, **identity}
    if sheet.get("sms_text"):
        content["sms"] = {"text": sheet["sms_text"]} | ({"plain_punctuation": True} if sheet.get("sms_plain") else {})
    if sheet.get("email_subject") or sheet.get("email_text") or sheet.get("email_html"):
        html = {"html": sheet["email_html"]} if sheet.get("email_html") else {}
        content["email"] = {"subject": sheet["email_subject"], "text": sheet["email_text"], **html}
    return content, [_write_variable(row) for row in sheet.get("variables", [])]


def fits(content: Mapping[str, Any], *, variables: list[dict[str, Any]]) -> bool:
    """Whether the sheet holds all of it."""
    return write(read(content, variables=variables))[0] == dict(content)


def _read_whatsapp(whatsapp: Mapping[str, Any]) -> Sheet:
    parts = {each["type"].upper(): each for each in whatsapp.get("components", [])}
    header, body, footer = (parts.get(kind, {}) for kind in ("HEADER", "BODY", "FOOTER"))
    is_one_time_code = bool(parts) and "text" not in body
    return {
        "whatsapp_header_format": header.get("format", "").upper(),
        "whatsapp_header": header.get("text") or header.get("link") or "",
        "whatsapp_body": body.get("text", ""),
        "whatsapp_footer": footer.get("text", ""),
        "whatsapp_buttons": [] if is_one_time_code else [_read_button(each) for each in parts.get("BUTTONS", {}).get("buttons", [])],
        "whatsapp_twilio": whatsapp.get("provider_ids", {}).get("twilio", ""),
        "is_one_time_code": is_one_time_code,
        "has_warning": bool(body.get("add_security_recommendation")),
        "code_minutes": footer.get("code_expiration_minutes"),
    }


def _read_button(button: Mapping[str, Any]) -> dict[str, str]:
    kind = button["type"].upper()
    return {"type": kind, "text": button.get("text", ""), "value": button.get(VALUE_KEYS.get(kind, ""), "")}


def _write_components(sheet: Sheet) -> list[dict[str, Any]]:
    if sheet.get("is_one_time_code"):
        return _write_one_time_code(sheet)
    components: list[dict[str, Any]] = []
    form = sheet.get("whatsapp_header_format")
    if form or sheet.get("whatsapp_header"):
        key = "text" if form in {"", None, "TEXT"} else "link"
        components.append({"type": "HEADER", "format": form or "TEXT", key: sheet.get("whatsapp_header", "")})
    if sheet.get("whatsapp_body"):
        components.append({"type": "BODY", "text": sheet["whatsapp_body"]})
    if sheet.get("whatsapp_footer"):
        components.append({"type": "FOOTER", "text": sheet["whatsapp_footer"]})
    if sheet.get("whatsapp_buttons"):
        components.append({"type": "BUTTONS", "buttons": [_write_button(row) for row in sheet["whatsapp_buttons"]]})
    return components


def _write_one_time_code(sheet: Sheet) -> list[dict[str, Any]]:
    warning = {"add_security_recommendation": True} if sheet.get("has_warning") else {}
    footer = [{"type": "FOOTER", "code_expiration_minutes": sheet["code_minutes"]}] if sheet.get("code_minutes") else []
    button = {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]}
    return [{"type": "BODY", **warning}, *footer, button]


def _write_button(row: Mapping[str, str]) -> dict[str, str]:
    kind = row.get("type", "")
    label = {} if kind == "COPY_CODE" else {"text": row.get("text", "")}
    value = {VALUE_KEYS[kind]: row.get("value", "")} if kind in VALUE_KEYS else {}
    return {"type": kind, **label, **value}


def _write_variable(row: Mapping[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {key: row[key] for key in VARIABLE_KEYS if row.get(key)}
    if said.get("max_length", "").isdecimal():
        said["max_length"] = int(said["max_length"])
    return said
