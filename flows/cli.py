"""The `levee` command: parse, call a flow or a query, print. No finance here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NoReturn

from cyclopts import App, CycloptsError, Parameter

from flows import (
    answering,
    calibrating,
    calls,
    challenge,
    comparison,
    disclosing,
    evidence,
    four_eyes,
    inspection,
    march,
    operation,
    policy,
    printing,
    recovery,
    requests,
    searching,
    triggering,
)
from flows.options import Common, Cycle, Day, Inbox, NoOrchestrator, User, Wait
from flows.running import ask_for_prior_positions, ask_to_restate, run_cycle
from tasks import codes, disk, resources
from tasks.home import ENVIRONMENTS
from tasks.model.errors import Finding, LeveeError

app = App(
    name="levee",
    help="Clearing cycle and margin policy for crypto derivatives.",
    help_format="plaintext",
    version=lambda: version("levee"),
    default_parameter=Parameter(negative=""),  # no --no-dry-run, no --empty-policy
    suppress_keyboard_interrupt=False,  # told by `main`
)
cycle_app = App(name="cycle", help="Run and watch clearing cycles.")
publish_app = App(name="publish", help="What was published, and whether it is intact.")
convert_app = App(name="convert", help="Venue files into this home's inbox.")
for sub in (
    cycle_app,
    publish_app,
    convert_app,
    calls.app,
    disclosing.app,
    evidence.app,
    four_eyes.app,
    policy.app,
    requests.override_app,
):
    app.command(sub)
for command in (
    *operation.COMMANDS,
    *comparison.COMMANDS,
    *challenge.COMMANDS,
    *recovery.COMMANDS,
    *triggering.COMMANDS,
    *calibrating.COMMANDS,
    *searching.COMMANDS,
):
    app.command(command)
for command in (*inspection.COMMANDS, recovery.rerun):
    cycle_app.command(command)
cycle_app.command(four_eyes.approve)
cycle_app.command(march.backfill)
cycle_app.command(march.replay)
cycle_app.command(march.summary)
convert_app.command(march.l2_book, name="l2-book")
policy.app.command(answering.answer)

_DEMO_DAY = date(2026, 1, 30)


@app.command
def demo(common: Common | None = None) -> int:
    """Take the shipped hand-checkable day from delivered files to margin calls and statements."""
    common = common or Common()
    home = common.open().prepare("DEMO")
    shutil.copytree(resources.data("sample/inbox"), home.inbox, dirs_exist_ok=True)
    outcome = run_cycle(common, home, _DEMO_DAY, "EOD", orchestrate=True, wait_seconds=0.0)
    common.show(outcome, lambda: printing.demo(home, outcome))
    return codes.PUBLISHED


@app.command
def sample(
    out: Path,
    days: int = 1,
    members: int = 20,
    contracts: int = 200,
    seed: int = 1,
    end_date: date = _DEMO_DAY,
    env: str = "TEST",
    accounts: int | None = None,
    common: Common | None = None,
) -> int:
    """Write a seeded synthetic inbox: DIR/<date>/<cycle>/….

    Parameters
    ----------
    out
        Folder to write to.
    days
        Consecutive days, the last one being the end date.
    members
        Clearing members.
    contracts
        Contracts listed, about.
    seed
        The same seed writes the same bytes.
    end_date
        Last business date.
    env
        Environment the files are for: PROD refuses synthetic files.
    accounts
        Margin accounts of all members together; by default about eleven for every six members.
    """
    from tasks import sample as generator

    if env not in ENVIRONMENTS or min(days, members, contracts) < 1:
        raise LeveeError(
            Finding(
                "USAGE",
                "days, members and contracts are at least 1 and env is known",
                value=f"{days} {members} {contracts} {env}",
                limit="|".join(ENVIRONMENTS),
            )
        )
    with printing.waiting("writing the sample"):
        written = generator.write(out, days, members, contracts, seed, end_date, env, accounts)
    (common or Common()).show(
        [str(path) for path in written],
        lambda: f"{len(written)} files under {out}; next: levee cycle run --inbox {out} --date {end_date.isoformat()}",
    )
    return codes.PUBLISHED


@convert_app.command(name="deribit-chain")
def deribit_chain(
    business_date: Day,
    cycle: str = "EOD",
    seed: int = 1,
    inbox: Inbox = None,
    common: Common | None = None,
) -> int:
    """Turn an option-chain snapshot of LEVEE_MARKET_DATA_DIR into inbox files of this home.

    Parameters
    ----------
    business_date
        UTC day of the snapshot.
    cycle
        EOD takes the day's last snapshot, ITD1 … ITDn the first to the n-th of those before it.
    seed
        Seed of the book.
    """
    from tasks import convert

    common = common or Common()
    home = common.open(inbox).prepare()
    with printing.waiting(f"converting {business_date.isoformat()}"):
        report = convert.deribit_chain(home, business_date, convert.market_data_folder(), seed, cycle)
    common.show(report.as_dict(), report.text)
    return codes.PUBLISHED


@cycle_app.command(name="run")
def cycle_run(
    business_date: Day,
    cycle: Cycle = "EOD",
    inbox: Inbox = None,
    no_orchestrator: NoOrchestrator = False,
    wait: Wait = 0.0,
    dry_run: bool = False,
    policy: Path | None = None,
    keep: Path | None = None,
    use_prior_positions: str = "",
    restate: str = "",
    user: User = "",
    common: Common | None = None,
) -> int:
    """Run a clearing cycle, or resume it where it stopped.

    Parameters
    ----------
    business_date
        Business date of the cycle.
    dry_run
        Compute it in a home of its own up to the tie-out: nothing is approved or let out, this home is only read.
    policy
        With --dry-run: a policy file in place of the one in force.
    keep
        With --dry-run: folder to compute in, kept; a temporary one by default.
    use_prior_positions
        Why the positions of the end of day before are to stand in for late ones; a second person must approve.
    restate
        Why a closed cycle is to be computed and published anew; a second person must approve.
    """
    common = common or Common()
    home = common.open(inbox)
    if dry_run:
        from flows import trial

        return trial.run(common, home, business_date, cycle, policy, keep)
    if policy or keep:
        raise LeveeError(Finding("USAGE", "--policy and --keep are for --dry-run", action="add --dry-run"))
    home.prepare()
    if user:
        os.environ["LEVEE_USER"] = user
    if use_prior_positions:
        ask_for_prior_positions(home, business_date, cycle, user, use_prior_positions, wait)
    if restate:
        ask_to_restate(home, business_date, cycle, user, restate, wait)
    outcome = run_cycle(common, home, business_date, cycle, not no_orchestrator, wait)
    common.show(outcome, lambda: printing.cycle(home, outcome))
    return codes.PUBLISHED


@cycle_app.command(name="status")
def cycle_status(
    business_date: Annotated[date | None, Parameter(name="--date")] = None, common: Common | None = None
) -> int:
    """Show where cycles stand, what is in their way, what to do next and who does it. Reads no database."""
    from flows import standing
    from tasks import overview, status

    common = common or Common()
    home = common.open()
    views, holder = overview.cycles(home, business_date), status.holder(home)
    common.show({"cycles": views, "holder": holder}, lambda: standing.statuses(views, holder))
    return codes.PUBLISHED


@publish_app.command(name="list")
def publish_list(common: Common | None = None) -> int:
    """List complete releases: cycle, version, files, root hash."""
    from tasks import verify

    common = common or Common()
    releases = verify.releases(common.open())
    common.show(releases, lambda: printing.releases(releases))
    return codes.PUBLISHED


@publish_app.command(name="verify")
def publish_verify(pack: Path, common: Common | None = None) -> int:
    """Recompute every hash of a release, or of one audience's folder of it."""
    from tasks import verify

    common = common or Common()
    common.open()
    findings = verify.verify(pack)
    if findings:
        raise LeveeError(*findings)
    common.show({"intact": True, "pack": str(pack)}, lambda: f"intact: {pack}")
    return codes.PUBLISHED


def main(arguments: list[str] | None = None) -> NoReturn:
    """Entry point: every outcome is an exit code and, where it is not 0, one line per finding on stderr."""
    signal.signal(signal.SIGTERM, _terminated)
    as_json = "--json" in (arguments if arguments is not None else sys.argv)
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        code = _complain(LeveeError(Finding("USAGE", " ".join(str(error).split()), action="see --help")), as_json)
    except LeveeError as error:
        code = _complain(error, as_json)
    except KeyboardInterrupt:
        code = _complain(_stopped("INTERRUPTED", "stopped by Ctrl-C"), as_json)
    except _Terminated:
        code = _complain(_stopped("TERMINATED", "stopped by the system or another person"), as_json)
    except Exception as error:  # a bug must still be one line and exit 70; the traceback goes where developers look
        if os.environ.get("LEVEE_DEBUG"):
            raise
        code = _complain(
            disk.refusal(error, "a write failed", getattr(error, "filename", None) or "") or _bug(error), as_json
        )
    sys.exit(code if isinstance(code, int) else codes.PUBLISHED)


def _complain(error: LeveeError, as_json: bool) -> int:
    code = codes.exit_code(error.code)
    if as_json:
        print(json.dumps({"exit_code": code, "findings": [vars(finding) for finding in error.findings]}))
    for finding in error.findings:
        print(finding.line(), file=sys.stderr)
    return code


def _bug(error: Exception) -> LeveeError:
    what = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return LeveeError(Finding("BUG", what, action="run again with LEVEE_DEBUG=1 and report it"))


def _stopped(code: str, what: str) -> LeveeError:
    return LeveeError(Finding(code, what, action="run the same command again: it resumes at the first open stage"))


class _Terminated(SystemExit):
    """SIGTERM, as an exception that unwinds what is under way."""


def _terminated(_signal: int, _frame: Any) -> NoReturn:
    raise _Terminated(codes.TERMINATED)


if __name__ == "__main__":
    main()
