"""What belongs to the code of a finding: the exit code of the command (the contract's table), and who deals with it."""

from __future__ import annotations

PUBLISHED = 0
USAGE = 2
WRONG_DELIVERY = 10
NOT_THERE = 20
FIGURES_DISAGREE = 30
NOT_ALLOWED = 40
BROKEN = 70
BUSY = 75
INTERRUPTED = 130
TERMINATED = 143

_EXACT = {
    "USAGE": USAGE,
    "UNKNOWN_ID": USAGE,
    "WAITING": NOT_THERE,
    "PRIOR_CYCLE_MISSING": NOT_THERE,
    "NOT_REPRODUCIBLE": FIGURES_DISAGREE,
    "CROSS_REPORT": FIGURES_DISAGREE,
    "DISCLOSURE": FIGURES_DISAGREE,
    "LEAK": FIGURES_DISAGREE,
    "VERIFY_FAILED": FIGURES_DISAGREE,
    "PARAM_STATE": NOT_ALLOWED,
    "OVERRIDE_EXPIRED": NOT_ALLOWED,
    "OVERRIDE_REFUSED": NOT_ALLOWED,
    "SELF_APPROVAL": NOT_ALLOWED,
    "STALE_APPROVAL": NOT_ALLOWED,
    "STEP_LIMIT": NOT_ALLOWED,
    "BUFFER_FIRST": NOT_ALLOWED,
    "NOTICE_SHORT": NOT_ALLOWED,
    "TEST_FAILED": NOT_ALLOWED,
    "RESTATE_REFUSED": NOT_ALLOWED,
    "CALL_NOT_OPEN": NOT_ALLOWED,
    "DISK_FULL": BROKEN,
    "READ_ONLY": BROKEN,
    "DB_CORRUPT": BROKEN,
    "ENV_DRIFT": BROKEN,
    "SCHEMA_VERSION": BROKEN,
    "SERVER_DOWN": BROKEN,
    "NOT_SCHEDULED": BROKEN,
    "STATE_UNREADABLE": BROKEN,
    "PRINTER_LOST": BROKEN,
    "BUG": BROKEN,
    "LEASE_HELD": BUSY,
    "DB_LOCKED": BUSY,
    "FENCED": BUSY,
    "INTERRUPTED": INTERRUPTED,
    "TERMINATED": TERMINATED,
    "SLO_WARN": PUBLISHED,
    "ALERT_UNDELIVERED": PUBLISHED,
    "CALL_OVERDUE": PUBLISHED,
    "POLICY_TRIGGER": PUBLISHED,
    "MARGIN_BREACH": PUBLISHED,
}

OPERATIONS, RISK, DEVELOPMENT = "operations", "risk", "development"

_OWNERS = {
    "POLICY_TRIGGER": RISK,
    **dict.fromkeys(("DISK_FULL", "READ_ONLY", "SERVER_DOWN", "NOT_SCHEDULED", "STATE_UNREADABLE"), OPERATIONS),
    **dict.fromkeys(
        (
            "CALL_OVERDUE",
            "FROZEN_PRICE",
            "MARGIN_BREACH",
            "MEMBER_NOT_ACTIVE",
            "MISSING_HAIRCUT_ASSET",
            "MISSING_PRICE",
        ),
        RISK,
    ),
    **dict.fromkeys(("POSITION_BEYOND_OPEN_INTEREST", "POSITION_BEYOND_VOLUME", "PRICE_JUMP", "STALE_PRICE"), RISK),
    **dict.fromkeys(("MODEL_ERROR", "UNAPPROVED_MANUAL_PRICE"), RISK),
    **dict.fromkeys(("BRACKETS", "CONFIDENCE", "CONVENTION", "CORRELATION", "DECAY", "DEGREES", "GARCH", "TAIL"), RISK),
    **dict.fromkeys(("FORECAST", "NO_OBSERVATIONS"), RISK),
    **dict.fromkeys(("CALENDAR_CLOSED", "HAIRCUT_MISSING", "NEGATIVE", "OPEN_INTEREST", "VOLUME"), RISK),
    **dict.fromkeys(("BET", "NEGATIVE_LINE", "NO_SCENARIOS", "SHAPE", "SIZE"), DEVELOPMENT),
    **dict.fromkeys(("UNKNOWN_MOVEMENT", "WEIGHTS"), DEVELOPMENT),
    **dict.fromkeys(("INTERRUPTED", "PRINTER_LOST", "TERMINATED"), OPERATIONS),
    "ROW_COUNT": DEVELOPMENT,
}
_OWNER_BY_EXIT_CODE = {FIGURES_DISAGREE: DEVELOPMENT, BROKEN: DEVELOPMENT, NOT_ALLOWED: RISK}


def exit_code(code: str) -> int:
    """Exit code of a finding's code. A code not named here is a break in what was delivered."""
    if code.startswith("LATE_"):
        return NOT_THERE
    return _EXACT.get(code, WRONG_DELIVERY)


def owner(code: str) -> str:
    """Who deals with a finding's code; its heading in the runbook says the same."""
    return _OWNERS.get(code) or _OWNER_BY_EXIT_CODE.get(exit_code(code), OPERATIONS)
