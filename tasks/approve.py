"""Stage approve: the last word before anything leaves the house.

No rule of the policy asks for a person yet, so a reconciled run approves itself and its calls become final drafts.
"""

from __future__ import annotations

from tasks.stage import Context, stage


@stage("approve", state="APPROVED")
def approve(context: Context) -> None:
    """Move this run's calls from DRAFT to APPROVED."""
    run = {"run_id": context.key.run_id}
    context.store.execute(
        "UPDATE control.margin_call SET state = 'APPROVED' WHERE run_id = $run_id AND state = 'DRAFT'", run
    )
    approved = "SELECT count(*) FROM control.margin_call WHERE run_id = $run_id AND state = 'APPROVED'"
    context.rows["control.margin_call"] = context.store.read(approved, run).item()
