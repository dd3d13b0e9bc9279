"""What of a corrected release goes out: the folders that say something else than what is in force, and what changed.

Needs no database, so printers may use it each for themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks import member_diff, pack, texts
from tasks.in_force import InForce
from tasks.printed_rows import records
from tasks.report_files import Header
from tasks.reports import MD01

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Correction:
    """A release that replaces parts of what is in force of its cycle."""

    header: Header
    in_force: InForce

    def packs(self, members: Mapping[str, dict[str, bytes]]) -> dict[str, dict[str, bytes]]:
        """The members whose folders change, each with MD01: the fields that are not what they were."""
        found = {}
        for member, files in members.items():
            changed = member_diff.changes(self.in_force.folder(f"{pack.MEMBERS}/{member}"), files)
            if any(change.is_ground for change in changed):
                listed = texts.table(MD01.columns, member_diff.rows(changed))
                found[member] = files | self.header.table(MD01, member, "ALL", records([listed])[0])
        return found

    def changes(self, audience: str, files: Files) -> bool:
        """Whether an audience is told anything else than before."""
        return not member_diff.same_bodies(self.in_force.folder(audience), files)
