"""SMPP's command statuses: their names (SMPP 3.4, 5.1.3; 5.0, 4.7.6), and what each makes the platform do when it answers a submit_sm.

A status that has a name and no class can't answer a submit_sm, or says too little to act upon; like one that has no name (operators have a
range of their own, 0x400 to 0x4FF) it is kept raw and shown to staff.
"""

from __future__ import annotations

from routing.providers.base import ErrorClass, Fault

OK = 0x00
NO_SUCH_COMMAND = 0x03
BIND_FAILED = 0x0D
THROTTLED, QUEUE_FULL = 0x58, 0x14
TRY_AGAIN = 0x64
"""ESME_RX_T_APPN: what a receipt is answered with that could not be kept; its SMSC brings it again."""

NAMES: dict[int, str] = {
    0x00: "ESME_ROK",
    0x01: "ESME_RINVMSGLEN",
    0x02: "ESME_RINVCMDLEN",
    0x03: "ESME_RINVCMDID",
    0x04: "ESME_RINVBNDSTS",
    0x05: "ESME_RALYBND",
    0x06: "ESME_RINVPRTFLG",
    0x07: "ESME_RINVREGDLVFLG",
    0x08: "ESME_RSYSERR",
    0x0A: "ESME_RINVSRCADR",
    0x0B: "ESME_RINVDSTADR",
    0x0C: "ESME_RINVMSGID",
    0x0D: "ESME_RBINDFAIL",
    0x0E: "ESME_RINVPASWD",
    0x0F: "ESME_RINVSYSID",
    0x11: "ESME_RCANCELFAIL",
    0x13: "ESME_RREPLACEFAIL",
    0x14: "ESME_RMSGQFUL",
    0x15: "ESME_RINVSERTYP",
    0x33: "ESME_RINVNUMDESTS",
    0x34: "ESME_RINVDLNAME",
    0x40: "ESME_RINVDESTFLAG",
    0x42: "ESME_RINVSUBREP",
    0x43: "ESME_RINVESMCLASS",
    0x44: "ESME_RCNTSUBDL",
    0x45: "ESME_RSUBMITFAIL",
    0x48: "ESME_RINVSRCTON",
    0x49: "ESME_RINVSRCNPI",
    0x50: "ESME_RINVDSTTON",
    0x51: "ESME_RINVDSTNPI",
    0x53: "ESME_RINVSYSTYP",
    0x54: "ESME_RINVREPFLAG",
    0x55: "ESME_RINVNUMMSGS",
    0x58: "ESME_RTHROTTLED",
    0x61: "ESME_RINVSCHED",
    0x62: "ESME_RINVEXPIRY",
    0x63: "ESME_RINVDFTMSGID",
    0x64: "ESME_RX_T_APPN",
    0x65: "ESME_RX_P_APPN",
    0x66: "ESME_RX_R_APPN",
    0x67: "ESME_RQUERYFAIL",
    0xC0: "ESME_RINVTLVSTREAM",
    0xC1: "ESME_RTLVNOTALLWD",
    0xC2: "ESME_RINVTLVLEN",
    0xC3: "ESME_RMISSINGTLV",
    0xC4: "ESME_RINVTLVVAL",
    0xFE: "ESME_RDELIVERYFAILURE",
    0xFF: "ESME_RUNKNOWNERR",
    0x100: "ESME_RSERTYPUNAUTH",
    0x101: "ESME_RPROHIBITED",
    0x102: "ESME_RSERTYPUNAVAIL",
    0x103: "ESME_RSERTYPDENIED",
    0x104: "ESME_RINVDCS",
    0x105: "ESME_RINVSRCADDRSUBUNIT",
    0x106: "ESME_RINVDSTADDRSUBUNIT",
    0x107: "ESME_RINVBCASTFREQINT",
    0x108: "ESME_RINVBCASTALIAS_NAME",
    0x109: "ESME_RINVBCASTAREAFMT",
    0x10A: "ESME_RINVNUMBCAST_AREAS",
    0x10B: "ESME_RINVBCASTCNTTYPE",
    0x10C: "ESME_RINVBCASTMSGCLASS",
    0x10D: "ESME_RBCASTFAIL",
    0x10E: "ESME_RBCASTQUERYFAIL",
    0x10F: "ESME_RBCASTCANCELFAIL",
    0x110: "ESME_RINVBCAST_REP",
    0x111: "ESME_RINVBCASTSRVGRP",
    0x112: "ESME_RINVBCASTCHANIND",
}

CLASSES: dict[int, ErrorClass] = {
    # More than the SMSC takes just now
    0x14: ErrorClass.THROTTLED,  # its queue of ours is full
    0x58: ErrorClass.THROTTLED,  # more a second than agreed
    # The SMSC itself, said to pass
    0x04: ErrorClass.PROVIDER_FAULT,  # it holds us for unbound: the next bind mends it
    0x08: ErrorClass.PROVIDER_FAULT,  # system error
    0x64: ErrorClass.PROVIDER_FAULT,  # temporary application error
    0xFE: ErrorClass.PROVIDER_FAULT,  # delivery failure, of the question and not of the message
    0x102: ErrorClass.PROVIDER_FAULT,  # service type unavailable for the moment
    # The account and its settings
    0x0D: ErrorClass.ACCOUNT_FAULT,  # bind failed
    0x0E: ErrorClass.ACCOUNT_FAULT,  # wrong password
    0x0F: ErrorClass.ACCOUNT_FAULT,  # unknown system_id
    0x15: ErrorClass.ACCOUNT_FAULT,  # service type
    0x48: ErrorClass.ACCOUNT_FAULT,  # the sender's type of number: a setting of the account
    0x49: ErrorClass.ACCOUNT_FAULT,  # the sender's numbering plan: likewise
    0x53: ErrorClass.ACCOUNT_FAULT,  # system type
    0x100: ErrorClass.ACCOUNT_FAULT,  # not authorised for the service type
    0x101: ErrorClass.ACCOUNT_FAULT,  # not authorised at all
    0x103: ErrorClass.ACCOUNT_FAULT,  # service type denied
    # This person, by this account
    0x0A: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # the sender: often one that this recipient's network does not let in
    0x0B: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # the number, or no route to its network
    0x45: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # submit failed
    0x50: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
    0x51: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
    0x65: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # permanent application error
    0x66: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # rejected by the application
    # What is said, or how: the same message would be refused again, and staff should know
    0x01: ErrorClass.TEMPLATE_FAULT,  # too long
    0x43: ErrorClass.TEMPLATE_FAULT,  # headers of parts (udh8, udh16) are not taken
    0x61: ErrorClass.TEMPLATE_FAULT,
    0x62: ErrorClass.TEMPLATE_FAULT,  # the validity
    0xC0: ErrorClass.TEMPLATE_FAULT,  # optional parameters (sar, payload) are not taken
    0xC1: ErrorClass.TEMPLATE_FAULT,
    0xC2: ErrorClass.TEMPLATE_FAULT,
    0xC3: ErrorClass.TEMPLATE_FAULT,
    0xC4: ErrorClass.TEMPLATE_FAULT,
    0x104: ErrorClass.TEMPLATE_FAULT,  # the coding is not taken: the setting `alphabet`
}


def name(status: int) -> str:
    """`ESME_RTHROTTLED`, or its number where it has no name."""
    return NAMES.get(status, f"0x{status:08X}")


def fault(status: int) -> Fault:
    """What that answer to a submit_sm means."""
    return Fault(CLASSES.get(status, ErrorClass.UNMAPPED), raw_code=name(status))
