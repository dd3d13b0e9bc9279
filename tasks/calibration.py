"""`levee calibrate`: the policy's parameters estimated from what was known on a day, as a policy that may be proposed.

Nothing is put in force. The proposed policy is the one in force with the parameters that its own data contradict; what
else was estimated, and what could not be, stands in the report PC01. The same day, coins, policy and data give the
same bytes. Files lie in home/calibrations/<day>-<id>/, the id being the hash of everything that was found.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tasks import calibration_evidence, calibration_market, calibration_report, policy_store, policy_toml
from tasks.calibration_asks import asks
from tasks.calibration_data import Evidence, evidence_of
from tasks.calibration_history import LeftOut, answered
from tasks.home import Home, write_atomically
from tasks.model import policy_file
from tasks.model.assurance.calibration.estimate import Estimate
from tasks.model.assurance.calibration.proposal import Decision, changes, decide
from tasks.model.assurance.rolling_margin import house_periods
from tasks.model.errors import ModelInputError
from tasks.model.margin.outright import outright
from tasks.model.margin.tails import ScenarioSets
from tasks.model.policy import Policy
from tasks.model.risk import scenarios

FOLDER, POLICY_FILE = "calibrations", "policy.toml"
_RANGE = "grid.range_fraction."
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calibration:
    """What was found as of a day, what becomes of it, and the policy that follows."""

    as_of: date
    coins: tuple[str, ...]
    base: Policy
    decisions: tuple[Decision, ...]
    left_out: tuple[LeftOut, ...]
    content: Mapping[str, Any]  # of the proposed policy

    @property
    def policy_hash(self) -> str:
        """Hash of the proposed policy."""
        return policy_file.content_hash(self.content)

    @property
    def data_hash(self) -> str:
        """sha256 over the hashes of the data of every estimate."""
        digests = sorted({each.estimate.data_hash for each in self.decisions})
        return hashlib.sha256("".join(digests).encode()).hexdigest()

    @property
    def calibration_id(self) -> str:
        """Short hash of the day, the policy it began from, and everything that was found."""
        found = calibration_report.rows(self)
        return calibration_evidence.identify(self.as_of.isoformat(), self.base.policy_hash, found)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "calibration_id": self.calibration_id,
            "as_of": self.as_of.isoformat(),
            "coins": list(self.coins),
            "base_policy_hash": self.base.policy_hash,
            "policy_hash": self.policy_hash,
            "effective_date": self.content["effective_date"].isoformat(),
            "data_hash": self.data_hash,
            "changes": dict(changes(list(self.decisions))),
            "estimates": calibration_report.rows(self),
            "left_out": [each._asdict() for each in self.left_out],
        }


def calibrate(
    base_file: Path, market_data: Path, as_of: date, coins: tuple[str, ...], effective_date: date | None = None
) -> Calibration:
    """Estimate a policy's parameters from data up to the end of a day.

    effective_date: first business date of the proposed policy; the day after by default.

    Raises LeveeError UNKNOWN_ID for a coin the history does not hold, DeliveryError WAITING or SCHEMA_DRIFT for data
    that are not there or have another form, PolicyError PARAM_STATE where the base is no policy.
    """
    base = policy_store.load(base_file)
    besides = tuple(sorted({*base.stress.anchors, *base.collateral.haircut_fraction} - {"default", "USD"}))
    evidence = evidence_of(market_data, coins, as_of, besides)
    found = list(_estimates(evidence, base))
    decisions = tuple(_decided(each, evidence, base) for each in found if isinstance(each, Estimate))
    unborn = [LeftOut("every parameter", coin, f"no clean close by {as_of}") for coin in evidence.unborn]
    left_out = (*unborn, *(each for each in found if isinstance(each, LeftOut)))
    content = _proposed(tomllib.loads(base_file.read_text(encoding="utf-8")), decisions, as_of, effective_date)
    policy_file.parse(content, "the proposed policy")
    return Calibration(as_of, tuple(sorted(coins)), base, decisions, left_out, content)


def write(home: Home, found: Calibration, out: Path | None = None) -> dict[str, Path]:
    """Write the proposed policy and the report; returns their paths by name. out: another place for the policy too."""
    folder = home.root / FOLDER / f"{found.as_of.isoformat()}-{found.calibration_id}"
    remark = (
        f"Proposed by calibration {found.calibration_id} as of {found.as_of}: not in force.\n"
        f"Begun from {found.base.policy_id}, {found.base.policy_hash}."
    )
    policy = policy_toml.text(found.content, remark).encode()
    contents = {POLICY_FILE: policy, **calibration_report.files(found)}
    for name, content in contents.items():
        write_atomically(folder / name, content)
    if out:
        write_atomically(out, policy)
    return {name: folder / name for name in contents} | ({"out": out} if out else {})


def _estimates(evidence: Evidence, policy: Policy) -> Iterator[Estimate | LeftOut]:
    for ask in asks(evidence, policy):
        found = answered(evidence, ask)
        if isinstance(found, LeftOut):
            yield found
        else:
            yield from found
    yield from calibration_market.estimates(evidence, policy)


def _decided(estimate: Estimate, evidence: Evidence, policy: Policy) -> Decision:
    table, _, name = estimate.parameter.rpartition(".")
    described, flat = policy_file.describe(), policy_file.flat(policy)
    _, low, high = described.get(estimate.parameter) or described.get(f"{table}.*") or ("", "nan", "nan")
    present = flat.get(estimate.parameter) or flat.get(f"{table}.default")
    most = _outright_rate(name, evidence, policy) if estimate.parameter.startswith(_RANGE) else None
    return decide(estimate, None if present is None else float(present), (float(low), float(high)), most)


def _outright_rate(coin: str, evidence: Evidence, policy: Policy) -> float | None:
    """Base margin of one USD without the grid: a range above it would be the margin. None before there is one."""
    periods = house_periods((coin,), policy)
    try:
        filtered = scenarios.filtered(evidence.clean, periods, policy)
        found = outright(ScenarioSets((), filtered, scenarios.stressed(evidence.clean, periods, policy), None), policy)
    except ModelInputError:
        return None
    return float(np.floor(1000.0 * max(found.long[0], found.short[0])) / 1000.0)


def _proposed(
    content: Mapping[str, Any], decisions: Sequence[Decision], as_of: date, effective_date: date | None
) -> dict[str, Any]:
    """The base's content with what is proposed, named by the day."""
    result: dict[str, Any] = _copied(content)
    for rule_id, value in changes(list(decisions)).items():
        *path, name = rule_id.split(".")
        place = result
        for each in path:
            place = place[each]
        place[name] = value
    return result | {
        "policy_id": f"CALIBRATED-{as_of.isoformat()}",
        "effective_date": effective_date or as_of + _ONE_DAY,
    }


def _copied(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copied(each) if isinstance(each, Mapping) else each for name, each in content.items()}
