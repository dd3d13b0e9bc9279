"""Errors that programs raise: what, where, value, limit, next action, under one code.

Breaks in delivered data are rows (findings), all of them reported; these are for a stage that cannot go on.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with its address. Empty fields are left out of the printed line."""

    code: str
    what: str
    where: str = ""
    value: str = ""
    limit: str = ""
    action: str = ""

    def headline(self) -> str:
        """Code, what and where without the value: fit for logs, which hold no position and no amount."""
        return f"{self.code}: {self.what}{f' at {self.where}' if self.where else ''}"

    def line(self) -> str:
        """One line for a person: code, what, where, value, limit, next action."""
        parts = [f"{self.code}: {self.what}"]
        if self.where:
            parts.append(f"at {self.where}")
        if self.value:
            parts.append(f"value {self.value}")
        if self.limit:
            parts.append(f"limit {self.limit}")
        if self.action:
            parts.append(f"next: {self.action}")
        return " · ".join(parts)


class LeveeError(Exception):
    """A stage cannot go on. Carries every finding; the exit code belongs to the first one's code."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("\n".join(finding.line() for finding in findings))
        self.findings = findings

    def keep_values_back(self) -> None:
        """Let the error's own text be without values, wherever it is stored; its findings keep them."""
        self.args = ("\n".join(finding.headline() for finding in self.findings),)

    def __reduce__(self) -> tuple[type[LeveeError], tuple[Finding, ...]]:
        """A copy in another process has the same findings."""
        return type(self), self.findings

    @property
    def code(self) -> str:
        """Code of the first finding."""
        return self.findings[0].code


class DeliveryError(LeveeError):
    """A delivered file is refused, or a required one is not there."""


class GateClosed(LeveeError):  # noqa: N818 - a gate closes, it does not err
    """Critical checks failed: nothing of the cycle may be computed or published."""


class PolicyError(LeveeError):
    """The margin policy is malformed, out of bounds, or not in force."""


class ModelInputError(LeveeError):
    """The model was given something it must not guess about (a missing or non-finite number, a short history)."""


class ReconciliationError(LeveeError):
    """Our own figures disagree with each other."""


class LockedError(LeveeError):
    """Another command holds the home."""
