"""Stage approve: the last word before anything leaves the house.

No rule of the policy asks for a person yet, so a reconciled run approves itself.
"""

from __future__ import annotations

from tasks.stage import Context, stage


@stage("approve", state="APPROVED")
def approve(context: Context) -> None:
    """Let this run go. Its calls stay drafts, which a later run of the cycle replaces, until a release is prepared."""
