"""The margin policy as the model sees it: every field with its bound and unit, no default anywhere.

A field's path (`base_margin.half_life_days`) is its rule id on statements. Fractions, never percentages.
policy_file turns the content of a policy file into this form.
Source of the opening values: METHODOLOGY 12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Annotated

MODEL_VERSION = "1"


class ByName(Mapping[str, float]):
    """Values by underlying or asset, with `default` for every name not listed. Hashable, immutable."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = MappingProxyType(dict(values))

    def __getitem__(self, name: str) -> float:
        if name in self._values:
            return self._values[name]
        return self._values["default"]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        # A mapping that compares by value loses the hash it would inherit.
        return hash(frozenset(self._values.items()))

    def rule(self, name: str) -> str:
        """Key the value of a name stands under: the name itself, or default."""
        return name if name in self._values else "default"


@dataclass(frozen=True)
class Bound:
    """Inclusive bounds and unit of a number; lists and name tables are checked value by value."""

    low: float
    high: float
    unit: str


class Choice(tuple[str, ...]):
    """Words allowed."""

    def __new__(cls, *allowed: str) -> Choice:
        return super().__new__(cls, allowed)


@dataclass(frozen=True)
class LiquidationPeriod:
    """Liquidation period by underlying, one table per account type."""

    house: Annotated[ByName, Bound(1, 10, "days")]
    client_omni_net: Annotated[ByName, Bound(1, 10, "days")]
    client_gross: Annotated[ByName, Bound(1, 10, "days")]

    def of(self, account_type: str) -> ByName:
        """Table of an account type such as CLIENT_GROSS."""
        table: ByName = getattr(self, account_type.lower())
        return table


@dataclass(frozen=True)
class BaseMargin:
    """Blended expected shortfall over filtered and stressed scenarios (METHODOLOGY 3 and 5, line 1)."""

    confidence_filtered_fraction: Annotated[float, Bound(0.9, 0.999, "fraction")]
    confidence_stressed_fraction: Annotated[float, Bound(0.9, 0.999, "fraction")]
    stressed_weight_fraction: Annotated[float, Bound(0.0, 1.0, "fraction")]
    lookback_scenarios: Annotated[int, Bound(250, 5000, "valid scenarios")]
    minimum_scenarios: Annotated[int, Bound(100, 5000, "valid scenarios")]
    half_life_days: Annotated[float, Bound(5, 1000, "days")]
    scaling: Annotated[str, Choice("mid", "full", "none")]
    scale_factor_lowest: Annotated[float, Bound(0.01, 1.0, "factor")]
    scale_factor_highest: Annotated[float, Bound(1.0, 100.0, "factor")]
    long_run_floor: Annotated[str, Choice("off", "on")]
    long_run_days: Annotated[int, Bound(365, 7320, "days")]
    volatility_seed_days: Annotated[int, Bound(5, 250, "daily returns")]
    volatility_floor_per_day: Annotated[ByName, Bound(0.0001, 0.2, "fraction per sqrt(day)")]
    offset_limit_fraction: Annotated[float, Bound(0.0, 1.0, "fraction")]
    liquidation_period_days: LiquidationPeriod


@dataclass(frozen=True)
class StressWindows:
    """Named windows whose start dates are stressed too, each from a date on; one value per window in each list."""

    label: tuple[str, ...]
    first: tuple[date, ...]
    last: tuple[date, ...]
    active_from: tuple[date, ...]


@dataclass(frozen=True)
class Stress:
    """How stressed dates are chosen, by rule and not by name (METHODOLOGY 3.2)."""

    anchors: tuple[str, ...]
    events_per_anchor: Annotated[int, Bound(1, 50, "events")]
    since: date
    spacing_days: Annotated[int, Bound(1, 365, "days")]
    window_days: Annotated[int, Bound(0, 60, "days")]
    known_days: Annotated[int, Bound(0, 120, "days")]
    refresh_days: Annotated[int, Bound(1, 365, "days")]
    windows: StressWindows


@dataclass(frozen=True)
class Grid:
    """Hypothetical price and volatility grid (METHODOLOGY 3.3)."""

    range_fraction: Annotated[ByName, Bound(0.01, 0.9, "fraction of price")]
    vol_up_fraction: Annotated[float, Bound(0.0, 3.0, "fraction of volatility at 30 days")]
    vol_down_fraction: Annotated[float, Bound(0.0, 1.0, "fraction of volatility at 30 days")]
    vol_power_short: Annotated[float, Bound(0.0, 1.0, "exponent up to 30 days")]
    vol_power_long: Annotated[float, Bound(0.0, 1.0, "exponent above 30 days")]
    vol_floor: Annotated[float, Bound(0.0, 2.0, "fraction per sqrt(year)")]
    extreme_moves: Annotated[tuple[float, ...], Bound(-0.99, 10.0, "fraction of price")]
    basis_move_per_year: Annotated[float, Bound(0.0, 0.5, "log move of a forward against spot, per year")]
    basis_move_smallest: Annotated[float, Bound(0.0, 0.05, "fraction of the forward; the move of a perpetual")]
    skew_move: Annotated[float, Bound(0.0, 0.5, "fraction per sqrt(year) per unit of k / sqrt(T)")]
    term_move_fraction: Annotated[float, Bound(0.0, 0.5, "fraction of volatility at the short end")]


@dataclass(frozen=True)
class Settlement:
    """How a contract settles at expiry (METHODOLOGY 1)."""

    averaging_seconds: Annotated[float, Bound(0.0, 86400.0, "s, 0 = one price")]


@dataclass(frozen=True)
class Discounting:
    """Rate at which the value of an option is discounted, by the asset that settles it (METHODOLOGY 0, rates)."""

    rate_per_year: Annotated[ByName, Bound(-0.05, 0.5, "fraction per year, continuously compounded; 0 = undiscounted")]


@dataclass(frozen=True)
class VolProxy:
    """Implied-volatility moves where no history of them exists (METHODOLOGY 3.4)."""

    beta_down: Annotated[ByName, Bound(-10.0, 0.0, "log vol per log return at 30 days")]
    beta_up: Annotated[ByName, Bound(-10.0, 10.0, "log vol per log return at 30 days")]
    noise: Annotated[float, Bound(0.0, 1.0, "log vol per normal score")]
    seed: Annotated[int, Bound(0, 2**31, "seed of the permutation of scores")]
    tenor_power: Annotated[float, Bound(0.0, 1.0, "exponent")]
    shortest_tenor_days: Annotated[float, Bound(0.1, 30.0, "days")]
    largest_move: Annotated[float, Bound(0.1, 5.0, "log vol")]


@dataclass(frozen=True)
class SurfaceFit:
    """What an expiry needs to be fitted, and the misfit that is no mark uncertainty (METHODOLOGY 2)."""

    minimum_quotes: Annotated[int, Bound(5, 100, "usable quotes of an expiry")]
    tolerance_vol: Annotated[float, Bound(0.0, 0.2, "fraction per sqrt(year)")]
    tolerance_short_vol: Annotated[float, Bound(0.0, 0.5, "fraction per sqrt(year), below short_days")]
    short_days: Annotated[float, Bound(0.0, 30.0, "days")]


@dataclass(frozen=True)
class CorrelationBreak:
    """Share of what other pairings of the underlyings' moves would cost (METHODOLOGY 5, line 2)."""

    fraction: Annotated[float, Bound(0.0, 1.0, "fraction of the excess over the offset-limited margin")]
    shifts: Annotated[int, Bound(1, 64, "circular shifts of the calendar")]


@dataclass(frozen=True)
class LiquidityConcentration:
    """Cost of closing out into the market (METHODOLOGY 5, line 3). Spreads are declared where none is delivered."""

    participation_fraction: Annotated[float, Bound(0.01, 1.0, "fraction of the daily volume")]
    impact: Annotated[float, Bound(0.0, 5.0, "daily volatilities at the size of a daily volume")]
    half_spread_fraction: Annotated[ByName, Bound(0.0, 0.2, "fraction of the price")]
    vol_half_spread: Annotated[ByName, Bound(0.0, 0.5, "fraction per sqrt(year)")]
    vol_move_per_day: Annotated[ByName, Bound(0.0, 0.5, "fraction per sqrt(year), move of a day")]


@dataclass(frozen=True)
class MarkUncertainty:
    """How far a mark that is no fresh observation may be off (METHODOLOGY 5, line 5)."""

    multiple: Annotated[float, Bound(0.0, 5.0, "times the uncertainty of the mark")]


@dataclass(frozen=True)
class StablecoinDepeg:
    """A stablecoin below its threshold may fall further (METHODOLOGY 5, line 6)."""

    threshold: Annotated[float, Bound(0.5, 1.0, "USD per coin")]
    factor: Annotated[float, Bound(0.0, 20.0, "times the distance below the threshold")]


@dataclass(frozen=True)
class HolidayGap:
    """Days without a settlement window lengthen the close-out (METHODOLOGY 5, line 7)."""

    largest_gap_days: Annotated[int, Bound(0, 30, "calendar days")]


@dataclass(frozen=True)
class Expiry:
    """What expires within the liquidation period hedges no move over it (METHODOLOGY 5, line 8)."""

    within_periods: Annotated[float, Bound(0.0, 5.0, "liquidation periods")]


@dataclass(frozen=True)
class WrongWay:
    """What positions and coin collateral lose together (METHODOLOGY 5, line 4)."""

    fraction: Annotated[float, Bound(0.0, 1.0, "fraction of the joint loss beyond base margin and haircuts")]


@dataclass(frozen=True)
class ApcBuffer:
    """Anti-procyclicality buffer on the margin rate of each underlying (METHODOLOGY 5, line 9)."""

    mode: Annotated[str, Choice("off", "on")]
    fraction: Annotated[float, Bound(0.0, 1.0, "fraction of the margin rate")]
    release_rise_fraction: Annotated[float, Bound(0.0, 5.0, "rise of the margin rate above its average")]
    end_rise_fraction: Annotated[float, Bound(0.0, 5.0, "rise of the margin rate above its average")]
    replenish_step_fraction: Annotated[float, Bound(0.001, 1.0, "fraction of the margin rate per day")]
    average_half_life_days: Annotated[float, Bound(1.0, 1000.0, "days")]


@dataclass(frozen=True)
class Credit:
    """Published steps on the requirement by the member's rating (METHODOLOGY 5, line 10)."""

    step_fraction: Annotated[tuple[float, ...], Bound(0.0, 2.0, "fraction of the lines before, by surveillance level")]
    score_at_least: Annotated[tuple[float, ...], Bound(0.0, 100.0, "credit score that keeps below the next step")]
    unrated_step_fraction: Annotated[float, Bound(0.0, 2.0, "fraction of the lines before")]


@dataclass(frozen=True)
class LeverageSurcharge:
    """Largest delta notional over equity (METHODOLOGY 5, line 10)."""

    outright_cap: Annotated[float, Bound(1.0, 200.0, "USD of net delta, underlying by underlying, per USD of equity")]
    hedged_cap: Annotated[float, Bound(1.0, 500.0, "USD of gross delta, position by position, per USD of equity")]


@dataclass(frozen=True)
class Tiers:
    """Rates of initial margin by notional, each on the part of the notional from its floor to the next."""

    floor_usd: Annotated[tuple[float, ...], Bound(0.0, 1e12, "USD of notional")]
    im_fraction: Annotated[tuple[float, ...], Bound(0.001, 1.0, "fraction of the notional, 1 / largest leverage")]


@dataclass(frozen=True)
class BracketTable:
    """Leverage brackets by underlying (METHODOLOGY 5, line 11)."""

    majors: tuple[str, ...]
    major: Tiers
    other: Tiers
    maintenance_fraction: Annotated[float, Bound(0.1, 0.99, "fraction of the bracket's initial margin")]

    def of(self, underlying: str) -> Tiers:
        """Tiers of an underlying."""
        return self.major if underlying in self.majors else self.other


@dataclass(frozen=True)
class Held:
    """What a held account must cover, of its last requirement or of the one on known rows (METHODOLOGY 5)."""

    multiple: Annotated[float, Bound(1.0, 10.0, "times the larger of the two")]


@dataclass(frozen=True)
class Override:
    """How long a margin override may stand before a person has to ask for it again."""

    longest_days: Annotated[int, Bound(1, 366, "calendar days from its first to its last")]


@dataclass(frozen=True)
class FloorTopUp:
    """Minimum requirements (METHODOLOGY 5, line 11)."""

    short_option_minimum_fraction: Annotated[float, Bound(0.0, 0.5, "fraction of the index")]
    account_minimum_usd: Annotated[float, Bound(0.0, 1e9, "USD")]


@dataclass(frozen=True)
class Maintenance:
    """Level at which an account is closed out."""

    fraction: Annotated[float, Bound(0.1, 1.0, "fraction of initial margin")]


@dataclass(frozen=True)
class CollateralCap:
    """How much of what must be covered one kind of collateral may cover (METHODOLOGY 6). A cap of 1 never binds."""

    asset_fraction: Annotated[ByName, Bound(0.0, 1.0, "fraction of what must be covered")]
    issuer_fraction: Annotated[float, Bound(0.0, 1.0, "fraction of what must be covered")]
    group: tuple[str, ...]
    group_fraction: Annotated[float, Bound(0.0, 1.0, "fraction of what must be covered")]


@dataclass(frozen=True)
class HaircutCalibration:
    """Haircuts read off an asset's own losses, where they exceed the policy's (METHODOLOGY 6)."""

    mode: Annotated[str, Choice("off", "on")]
    assets: tuple[str, ...]
    confidence_fraction: Annotated[float, Bound(0.9, 0.999, "fraction")]
    missing_fraction: Annotated[float, Bound(0.0, 1.0, "fraction, where an asset's history is too short to tell")]


@dataclass(frozen=True)
class HaircutTiers:
    """What is taken off besides, by the amount of an asset an account posts: each rate on its slice of the value."""

    assets: tuple[str, ...]
    floor_usd: Annotated[tuple[float, ...], Bound(0.0, 1e12, "USD of market value")]
    added_fraction: Annotated[tuple[float, ...], Bound(0.0, 1.0, "fraction of the value above the floor")]


@dataclass(frozen=True)
class Collateral:
    """Haircuts by asset (an asset not listed is worth nothing: default 1), tiers by amount and concentration caps."""

    haircut_fraction: Annotated[ByName, Bound(0.0, 1.0, "fraction")]
    liquidity_haircut_fraction: Annotated[ByName, Bound(0.0, 1.0, "fraction, of coin margined with the positions")]
    calibration: HaircutCalibration
    tiers: HaircutTiers
    cap: CollateralCap


@dataclass(frozen=True)
class Call:
    """When and in what steps margin is called (METHODOLOGY 7)."""

    minimum_transfer_amount_usd: Annotated[float, Bound(0.0, 1e9, "USD")]
    call_increment_usd: Annotated[float, Bound(0.01, 1e9, "USD")]
    issue_minutes_after_as_of: Annotated[int, Bound(0, 1440, "minutes")]
    minimum_funding_minutes: Annotated[int, Bound(0, 2880, "minutes")]
    approval: Annotated[str, Choice("off", "on")]
    approval_above_usd: Annotated[float, Bound(0.0, 1e12, "USD: a second person approves a larger call")]
    # A policy that does not name it is older than it and means this for ever.
    intraday_call_fraction: Annotated[float, Bound(0.0, 1.0, "fraction of its requirement that is lacking")] = 0.10


@dataclass(frozen=True)
class Reference:
    """Declared reference values where nothing is delivered; their use is counted as PROXY on the statement."""

    funding_rate_per_interval: Annotated[ByName, Bound(-0.01, 0.01, "fraction per interval, > 0 = longs pay")]
    average_daily_volume_usd: Annotated[ByName, Bound(1.0, 1e13, "USD")]
    average_daily_vega_usd: Annotated[ByName, Bound(1.0, 1e11, "USD per vol point (0.01)")]


@dataclass(frozen=True)
class Gate:
    """Limits of the checks; each is bound by its name to the check that uses it."""

    stale_limit_seconds: Annotated[float, Bound(1, 86400 * 7, "s")]
    iv_lowest: Annotated[float, Bound(0.0001, 1.0, "fraction per sqrt(year)")]
    iv_highest: Annotated[float, Bound(1.0, 20.0, "fraction per sqrt(year)")]
    unit_error_share_of_expiry: Annotated[float, Bound(0.0, 1.0, "fraction of an expiry's quotes")]
    parity_tolerance_fraction: Annotated[float, Bound(0.0, 1.0, "fraction of the forward")]
    open_interest_multiple: Annotated[float, Bound(0.0001, 1000.0, "times the open interest")]
    daily_volume_multiple: Annotated[float, Bound(0.0001, 1000.0, "times the average daily volume")]
    price_jump_volatilities: Annotated[float, Bound(1.0, 100.0, "daily volatilities")]
    factor_price_multiple: Annotated[float, Bound(1.01, 100.0, "times the close of the day, or the close over it")]
    balance_tolerance: Annotated[float, Bound(0.0, 1.0, "native units")]


@dataclass(frozen=True)
class Policy:
    """A margin policy. `effective_date` is its first business date."""

    policy_id: str
    effective_date: date
    base_margin: BaseMargin
    stress: Stress
    grid: Grid
    settlement: Settlement
    discounting: Discounting
    vol_proxy: VolProxy
    surface: SurfaceFit
    correlation_break: CorrelationBreak
    liquidity_concentration: LiquidityConcentration
    mark_uncertainty: MarkUncertainty
    stablecoin_depeg: StablecoinDepeg
    holiday_gap: HolidayGap
    expiry: Expiry
    wrong_way: WrongWay
    apc_buffer: ApcBuffer
    credit: Credit
    leverage_surcharge: LeverageSurcharge
    floor_top_up: FloorTopUp
    brackets: BracketTable
    override: Override
    held: Held
    maintenance: Maintenance
    collateral: Collateral
    call: Call
    reference: Reference
    gate: Gate
    policy_hash: str = field(default="", metadata={"computed": True})
