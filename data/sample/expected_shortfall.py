"""What every portfolio of a delivered day must post, computed again with plain loops: no line of Levee is used here.

    python data/sample/expected_shortfall.py [folder of the day's CSV files] [policy file] [slices of the surface]

Filtered and stressed scenarios, full revaluation, blended expected shortfall, offset limit, grid, other pairings,
cost of closing out, coins that fall with the positions, stablecoins, holidays, expiries, buffer, credit, leverage and
floors, as the methodology has them. The day is a first one: a buffer that is on is full. numpy gives one thing, the
fixed permutation of the volatility scores. Every mark of the day is a fresh one, so no mark is uncertain.
"""

import csv
import math
import sys
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import NormalDist

import numpy

HERE, DAY, N = Path(__file__).resolve().parent, timedelta(days=1), NormalDist()


LINES = (
    "BASE_MARGIN",
    "CORRELATION_BREAK",
    "LIQUIDITY_CONCENTRATION",
    "WRONG_WAY",
    "MARK_UNCERTAINTY",
    "STABLECOIN_DEPEG",
    "HOLIDAY_GAP",
    "EXPIRY",
    "APC_BUFFER",
    "CREDIT",
    "LEVERAGE_SURCHARGE",
    "FLOOR_TOP_UP",
)


def requirements(folder, policy_file, surface_file=None, balances_file=HERE / "expected/collateral.csv"):
    """Lines in cents by name, by (margin account, client or ''); the closing balances are those worked out on paper.

    surface_file: certified slices as published for the day (PP03); without one every smile is flat.
    """
    policy, day = tomllib.loads(Path(policy_file).read_text("utf-8")), {}
    for path in sorted(Path(folder).glob("*.csv")):
        header, *body = path.read_text("utf-8").splitlines()
        day[path.name.split(".")[0]] = list(csv.DictReader(body[:-1]))
    today, as_of = date.fromisoformat(header.split(",")[3]), datetime.fromisoformat(header.split(",")[8])
    price = {row["contract_id"]: float(row["price"]) for row in day["prices"] if row["price_type"] != "FINAL"}
    quotes = {row["contract_id"]: row for row in day["vol_quotes"]}
    slices = smiles(surface_file) if surface_file else {}
    terms = {row["contract_id"]: contract(row, price, quotes, slices, as_of) for row in day["contracts"]}
    closes, books, result, least = {}, {}, {}, cents(policy["floor_top_up"]["account_minimum_usd"])
    level = {row["clearing_member_id"]: row["surveillance_level"] for row in day["members"]}
    step = {row["margin_account_id"]: credit(level[row["clearing_member_id"]], policy) for row in day["accounts"]}
    for row in day["history"]:
        closes.setdefault(row["underlying"], {})[date.fromisoformat(row["date"])] = float(row["close"])
    for row in day["positions"]:
        book = books.setdefault((row["margin_account_id"], row["client_id"], row["account_type"]), {})
        c = terms[row["contract_id"]]
        book.setdefault(c["asset"], []).append((c, float(row["qty_close"])))
    market = {asset: depth(asset, day, terms, closes[asset], today, policy) for asset in closes}
    gap = {
        row["margin_account_id"]: min(closed_days(row["base_ccy"], today), policy["holiday_gap"]["largest_gap_days"])
        for row in day["accounts"]
    }
    needed, joint = {}, []
    for (account, client, kind), book in sorted(books.items()):
        periods = policy["base_margin"]["liquidation_period_days"][kind.lower()]
        horizon = {each["asset"]: named(periods, each["asset"]) for each in terms.values()}
        lasting = {
            asset: [(c, q) for c, q in held if c["days"] > policy["expiry"]["within_periods"] * horizon[asset]]
            for asset, held in book.items()
        }
        base, groups, paired, _ = base_margin(book, closes, horizon, today, policy)
        needed[account] = needed.get(account, 0.0) + base
        joint.append((account, client, book, horizon, base))
        without = base if lasting == book else base_margin(lasting, closes, horizon, today, policy)[0]
        shortest = min(horizon[asset] for asset in book)
        found = result[account, client] = dict.fromkeys(LINES, 0) | {
            "BASE_MARGIN": cents(base),
            "CORRELATION_BREAK": cents(policy["correlation_break"]["fraction"] * max(paired - base, 0.0)),
            "LIQUIDITY_CONCENTRATION": cents(
                sum(
                    close_out(held, market[asset], groups[asset], horizon[asset], policy)
                    for asset, held in book.items()
                )
            ),
            "STABLECOIN_DEPEG": cents(owed_in_stablecoins(book, policy)),
            "HOLIDAY_GAP": cents(base * (math.sqrt((shortest + gap[account]) / shortest) - 1)),
            "EXPIRY": cents(max(without - base, 0.0)),
        }
        floor = cents(short_option_minimum(book, policy["floor_top_up"]["short_option_minimum_fraction"]))
        found["floor"], found["leverage"] = max(floor, cents(bracket(book, policy))), cents(leverage(book, policy))
    for account, client, book, horizon, base in joint:
        share = base / needed[account] if needed[account] else 0.0
        lost = wrong_way(book, base, share, account, balances_file, closes, horizon, today, price, policy)
        result[account, client]["WRONG_WAY"] = cents(lost)
    for account in sorted({account for account, _ in result}):
        whole = result.setdefault((account, ""), dict.fromkeys(LINES, 0) | {"floor": 0, "leverage": 0})
        whole["STABLECOIN_DEPEG"] += cents(held_in_stablecoins(account, balances_file, policy))
        for (owner, _), found in result.items():
            if owner == account:
                floor, least_margin = found.pop("floor"), found.pop("leverage")
                buffer = policy["apc_buffer"]["fraction"] if policy["apc_buffer"]["mode"] == "on" else 0.0
                first = sum(found[name] for name in ("BASE_MARGIN", "CORRELATION_BREAK", "LIQUIDITY_CONCENTRATION"))
                found["APC_BUFFER"] = cents(buffer * first / 100)
                found["CREDIT"] = cents(step[account] * sum(found.values()) / 100)
                found["LEVERAGE_SURCHARGE"] = max(0, least_margin - sum(found.values()))
                found["FLOOR_TOP_UP"] = max(0, floor - sum(found.values()))
        posted = sum(sum(found.values()) for (owner, _), found in result.items() if owner == account)
        whole["FLOOR_TOP_UP"] += max(0, least - posted)
    return result


def smiles(surface_file):
    """Raw SVI a, b, rho, mu, s of each certified slice, by underlying and expiry."""
    rows = csv.DictReader(line for line in Path(surface_file).read_text("utf-8").splitlines() if line[0] != "#")
    return {
        (row["underlying"], datetime.fromisoformat(row["expiry_ts"])): [
            float(row["svi_" + name]) for name in ("a", "b", "rho", "mu", "s")
        ]
        for row in rows
        if row["certified"].lower() == "true"
    }


def smile(c, factor):
    """Volatility of an option relative to its own once its forward has moved by a factor: its place on the slice."""
    if not c.get("slice"):
        return 1.0
    a, b, rho, mu, s = c["slice"]
    now, then = (math.log(c["strike"] / (c["forward"] * each)) - mu for each in (1.0, factor))
    w, moved = (a + b * (rho * k + math.sqrt(k * k + s * s)) for k in (now, then))
    return math.sqrt(moved / w)


def contract(row, price, quotes, slices, as_of):
    """Terms and marks of a contract as numbers."""
    c = {
        "asset": row["underlying_asset"],
        "inverse": row["payoff"] == "INVERSE",
        "m": float(row["multiplier"]),
        "spot": price[row["underlying_asset"] + "-USD"],
        "settle": price.get(row["settle_asset"] + "-USD", 1.0),
        "option": row["kind"] == "OPT",
        "vol": math.nan,
        "paid_in": row["settle_asset"],
        "days": math.inf,
        "kind": row["kind"],
        "mark": price[row["contract_id"]],
    }
    if row["expiry_ts"]:
        c["days"] = (datetime.fromisoformat(row["expiry_ts"]) - as_of).total_seconds() / 86400
    if not c["option"]:
        return c | {"forward": price[row["contract_id"]]}
    quote = quotes[row["contract_id"]]
    return c | {
        "forward": float(quote["forward"]),
        "vol": float(quote["iv_mark"]),
        "call": row["option_type"] == "C",
        "strike": float(row["strike"]),
        "slice": slices.get((row["underlying_asset"], datetime.fromisoformat(row["expiry_ts"]))),
    }


def usd(c, factor, vol, basis=1.0):
    """USD value of one contract once spot has moved by a factor, and the forward by another on top; a future is worth
    nothing at its own mark."""
    forward, worth = c["forward"] * factor * basis, c["m"] * (c["spot"] * factor if c["inverse"] else c["settle"])
    if not c["option"]:
        return worth * (1 / c["forward"] - 1 / forward if c["inverse"] else forward - c["forward"])
    deviation, sign = max(vol * math.sqrt(c["days"] / 365), 1e-9), 1 if c["call"] else -1
    d1 = math.log(forward / c["strike"]) / deviation + deviation / 2
    black = sign * (forward * N.cdf(sign * d1) - c["strike"] * N.cdf(sign * (d1 - deviation)))
    return worth * (black / forward if c["inverse"] else black)


def base_margin(book, closes, horizon, today, policy):
    """Base margin, the blend of each underlying, and the dearer filtered tail when the underlyings are paired
    otherwise: by rank of their returns, or by calendars shifted against each other."""
    base, blended, paired = policy["base_margin"], dict.fromkeys([*book, "ALL"], 0.0), 0.0
    share = base["stressed_weight_fraction"]
    for choose, level, weight in (
        (filtered, "confidence_filtered_fraction", 1 - share),
        (stressed, "confidence_stressed_fraction", share),
    ):
        scenarios = choose(closes, horizon, today, policy)
        order = numpy.random.Generator(numpy.random.PCG64(policy["vol_proxy"]["seed"])).permutation(len(scenarios))
        scores = [N.inv_cdf((int(each) + 0.5) / len(scenarios)) for each in order]
        losses = {
            asset: [
                -sum(q * moved(c, returns[asset], score, policy["vol_proxy"]) for c, q in held)
                for returns, score in zip(scenarios, scores, strict=True)
            ]
            for asset, held in book.items()
        }
        if choose is filtered:
            ranked = [
                [losses[asset][i] for i in sorted(range(len(scenarios)), key=lambda i: scenarios[i][asset])]
                for asset in book
            ]
            shifts, n, places = policy["correlation_break"]["shifts"], len(scenarios), sorted(horizon)
            shifted = [
                tail(
                    [
                        sum(losses[asset][(i + places.index(asset) * (k * n // (shifts + 1))) % n] for asset in book)
                        for i in range(n)
                    ],
                    base[level],
                )
                for k in range(1, shifts + 1)
            ]
            paired = max(tail([sum(each) for each in zip(*ranked, strict=True)], base[level]), sum(shifted) / shifts)
        losses["ALL"] = [sum(each) for each in zip(*losses.values(), strict=True)]
        for asset, sample in losses.items():
            blended[asset] += weight * tail(sample, base[level])
    together = blended.pop("ALL")
    alone = sum(max(each, 0.0) for each in blended.values())
    limited = alone - base["offset_limit_fraction"] * max(alone - together, 0.0)
    return max(limited, worst_of_grid(book, policy), 0.0), blended, paired, together


def tail(sample, level):
    """Mean of the worst n (1 - level) losses, the last one with its fraction."""
    k, ordered = round(len(sample) * (1 - level), 9), sorted(sample, reverse=True)
    return (math.fsum(ordered[: int(k)]) + (k - int(k)) * ordered[int(k)]) / k


def depth(asset, day, terms, closes, today, policy):
    """Daily volume in USD, half spread and daily volatility of an underlying: delivered, else declared."""
    rule, volume, spreads = policy["liquidity_concentration"], {}, []
    forwards = [name for name, c in terms.items() if c["asset"] == asset and not c["option"]]
    for row in day["prices"]:
        if row["contract_id"] in forwards and row["volume_24h_usd"]:
            volume[row["contract_id"]] = float(row["volume_24h_usd"])
    for name in forwards:
        quoted = {
            side: [
                float(row["price"]) for row in day["book_depth"] if (row["contract_id"], row["side"]) == (name, side)
            ]
            for side in ("BID", "ASK")
        }
        if quoted["BID"] and quoted["ASK"]:
            bid, ask = max(quoted["BID"]), min(quoted["ASK"])
            spreads.append((ask - bid) / (ask + bid))
    adv = sum(volume.values()) or named(policy["reference"]["average_daily_volume_usd"], asset)
    spread = min(spreads, default=named(rule["half_spread_fraction"], asset))
    return adv, spread, volatilities({asset: closes}, asset, policy)[today], asset


def close_out(held, market, margin, h, policy):
    """Cost of closing out the net delta, then the net vega, of one underlying."""
    rule, (adv, spread, sigma, asset) = policy["liquidity_concentration"], market
    phi, y = rule["participation_fraction"], rule["impact"]
    delta = sum(q * slope(c) for c, q in held)
    vega = sum(q * vega_usd(c) for c, q in held)
    legs = (
        (abs(delta), adv, spread, sigma),
        (
            abs(vega),
            named(policy["reference"]["average_daily_vega_usd"], asset),
            100 * named(rule["vol_half_spread"], asset),
            100 * named(rule["vol_move_per_day"], asset),
        ),
    )
    cost = 0.0
    for size, volume, half, move in legs:
        days = size / (phi * volume)
        if days <= h:
            cost += size * (half + y * move * math.sqrt(size / volume))
        else:
            longer = size * (half + y * move * math.sqrt(phi)) + max(margin, 0.0) * (math.sqrt(days / h) - 1)
            cost += max(longer, size * (half + y * move * math.sqrt(phi * h)))
    return cost


def slope(c):
    """USD per contract when spot and forward rise by their own size, from a small step either way."""
    step = 1e-5
    return (usd(c, 1 + step, c["vol"]) - usd(c, 1 - step, c["vol"])) / (2 * step)


def vega_usd(c):
    """USD per contract and vol point, from a small step either way."""
    step = 1e-5
    return (usd(c, 1.0, c["vol"] + step) - usd(c, 1.0, c["vol"] - step)) / (200 * step) if c["option"] else 0.0


def owed_in_stablecoins(book, policy):
    """Charge on what options settled in a stablecoin are worth to the other side."""
    worth = {}
    for c, q in ((c, q) for held in book.values() for c, q in held if c["option"] and not c["inverse"]):
        worth[c["settle"]] = worth.get(c["settle"], 0.0) + q * c["m"] * c["mark"]
    return sum(max(-each, 0.0) * below_peg(coin, policy) for coin, each in worth.items())


def held_in_stablecoins(account, balances_file, policy):
    """Charge on what an account holds, after haircut, or owes in a stablecoin. No cap cuts one off on this day."""
    charge = 0.0
    for row in csv.DictReader(Path(balances_file).read_text("utf-8").splitlines()):
        if row["margin_account_id"] == account and row["asset"] in ("USDC", "USDT"):
            quantity, price = float(row["closing"]), float(row["price_usd"])
            per_coin = below_peg(price, policy)
            kept = 1 - named(policy["collateral"]["haircut_fraction"], row["asset"])
            charge += -quantity * per_coin if quantity < 0 else quantity * kept * min(per_coin, price)
    return charge


def wrong_way(book, base, share, account, balances_file, closes, horizon, today, price, policy):
    """What book and coins lose together beyond base margin and haircuts, the coins' share being the portfolio's."""
    both, haircuts = {asset: list(held) for asset, held in book.items()}, 0.0
    for row in csv.DictReader(Path(balances_file).read_text("utf-8").splitlines()):
        if row["margin_account_id"] == account and row["asset"] in horizon:
            market = float(row["market_value_usd"])
            spot = price[row["asset"] + "-USD"]
            coin = {"asset": row["asset"], "inverse": False, "m": 1.0, "spot": spot, "settle": 1.0, "forward": spot}
            coin |= {"option": False, "days": math.inf, "vol": math.nan, "kind": "COIN", "fixed": 0.0}
            both.setdefault(row["asset"], []).append((coin, share * market / spot))
            haircuts += share * (market - float(row["post_haircut_value_usd"]))
    together = base_margin(both, closes, horizon, today, policy)[3]
    return policy["wrong_way"]["fraction"] * max(0.0, together - base - haircuts) if share else 0.0


def credit(level, policy):
    """Published step of a surveillance level; the step of the unrated without one."""
    steps = policy["credit"]["step_fraction"]
    return steps[min(int(level), len(steps) - 1)] if level else policy["credit"]["unrated_step_fraction"]


def leverage(book, policy):
    """Margin at which neither the net nor the gross delta notional is more than its cap times the margin."""
    rule, deltas = policy["leverage_surcharge"], [[q * slope(c) for c, q in held] for held in book.values()]
    net, gross = sum(abs(sum(held)) for held in deltas), sum(abs(each) for held in deltas for each in held)
    return max(net / rule["outright_cap"], gross / rule["hedged_cap"])


def bracket(book, policy):
    """Initial margin by size: every slice of the larger side's delta notional at the rate of its tier."""
    total = 0.0
    for asset, held in book.items():
        deltas = [q * slope(c) for c, q in held]
        size = max(sum(max(each, 0.0) for each in deltas), sum(max(-each, 0.0) for each in deltas))
        tiers = policy["brackets"]["major" if asset in policy["brackets"]["majors"] else "other"]
        floors = [*tiers["floor_usd"], math.inf]
        for low, high, rate in zip(floors[:-1], floors[1:], tiers["im_fraction"], strict=True):
            total += rate * max(0.0, min(size, high) - low)
    return total


def below_peg(price, policy):
    return policy["stablecoin_depeg"]["factor"] * max(policy["stablecoin_depeg"]["threshold"] - price, 0.0)


def closed_days(currency, today):
    """Days beyond the next one until payments in a currency can be made again."""
    reference = HERE.parent / "reference"
    name = tomllib.loads((reference / "assets.toml").read_text("utf-8"))[currency]["calendar"]
    rule, days = tomllib.loads((reference / "calendars.toml").read_text("utf-8"))[name], 1
    while (today + days * DAY).weekday() not in rule["weekdays"] or today + days * DAY in rule["holidays"]:
        days += 1
    return days - 1


def moved(c, r, score, proxy):
    """Gain of one contract when spot returns r and volatility follows by the proxy."""
    shock = 0.0
    if c["option"]:
        slope = named(proxy["beta_down" if r < 0 else "beta_up"], c["asset"])
        tenor = (30 / max(c["days"], proxy["shortest_tenor_days"])) ** proxy["tenor_power"]
        shock = max(-proxy["largest_move"], min(proxy["largest_move"], tenor * (slope * r + proxy["noise"] * score)))
    return usd(c, math.exp(r), c["vol"] * math.exp(shock) * smile(c, math.exp(r))) - usd(c, 1.0, c["vol"])


def worst_of_grid(book, policy):
    """Worst grid loss of each underlying, summed: the grid knows no offset between them."""
    grid = policy["grid"]
    points = [(step / 3, None, way) for step in range(-3, 4) for way in ("up", "flat", "down")]
    points += [(None, move, "up") for move in grid["extreme_moves"]]
    return sum(
        max(
            0.0,
            roll(held, grid),
            *(-sum(q * at_point(c, *point, grid) for c, q in held) for point in points),
            *(-sum(q * tilted(c, what, way, grid) for c, q in held) for what in ("skew", "term") for way in (1, -1)),
            *(-sum(q * rolled(c, way, grid) for c, q in held) for way in (1, -1)),
        )
        for held in book.values()
    )


def roll(held, grid):
    """Each expiry's forward moves against spot in the direction in which the positions of that expiry lose."""
    return sum(
        max(0.0, *(-sum(q * rolled(c, way, grid) for c, q in held if c["days"] == days) for way in (1, -1)))
        for days in {c["days"] for c, _ in held}
    )


def rolled(c, way, grid):
    """Gain of one contract when its forward rises (1) or falls (-1) against spot."""
    move = math.exp(grid["basis_move_per_year"] * c["days"] / 365) - 1 if c["days"] < math.inf else 0.0
    move = min(max(move, grid["basis_move_smallest"]), named(grid["range_fraction"], c["asset"]))
    basis = 1 + move if way > 0 else 1 / (1 + move)
    return usd(c, 1.0, c["vol"] * smile(c, basis), basis) - usd(c, 1.0, c["vol"])


def tilted(c, what, way, grid):
    """Gain of one contract when the upper strikes rise (1) or fall (-1), or the short end does."""
    if not c["option"]:
        return 0.0
    z = max(-2.5, min(2.5, math.log(c["strike"] / c["forward"]) / math.sqrt(c["days"] / 365)))
    short_end = math.log(30 / min(max(c["days"], 1), 900)) / math.log(30)
    up = grid["skew_move"] * z if what == "skew" else grid["term_move_fraction"] * short_end * c["vol"]
    return usd(c, 1.0, max(c["vol"] + way * up, 0.0)) - usd(c, 1.0, c["vol"])


def at_point(c, step, move, way, grid):
    width = named(grid["range_fraction"], c["asset"])
    factor = 1 + (step * width if move is None else move)
    vol = c["vol"] * smile(c, factor)
    if c["option"] and way != "flat":
        share = (30 / max(c["days"], 1)) ** grid["vol_power_short" if c["days"] <= 30 else "vol_power_long"]
        raised = max(vol * (1 + grid["vol_up_fraction"] * share), grid["vol_floor"])
        vol = raised if way == "up" else max(vol * (1 - grid["vol_down_fraction"] * share), 0.0)
    gain = usd(c, factor, vol) - usd(c, 1.0, c["vol"])
    return gain if move is None else gain * width / abs(move)


def change(closes, asset, start, days):
    """Log return over exactly `days` days, None where a close is missing."""
    first, last = closes[asset].get(start), closes[asset].get(start + days * DAY)
    return math.log(last / first) if first and last else None


def volatilities(closes, asset, policy):
    """EWMA volatility of daily returns at each close, once it is seeded."""
    base, sigma, squares, variance = policy["base_margin"], {}, [], 0.0
    weight = 2 ** (-1 / base["half_life_days"])
    for day in sorted(closes[asset]):
        r = change(closes, asset, day - DAY, 1)
        if r is not None and len(squares) == base["volatility_seed_days"]:
            variance = weight * variance + (1 - weight) * r * r
        elif r is not None:
            squares.append(r * r)
            variance = sum(squares) / len(squares)
        if len(squares) == base["volatility_seed_days"]:
            sigma[day] = max(math.sqrt(variance), named(base["volatility_floor_per_day"], asset))
    return sigma


def filtered(closes, horizon, today, policy):
    """The latest start dates; returns scaled half way to the present EWMA volatility."""
    base, found = policy["base_margin"], []
    sigma = {(asset, day): each for asset in horizon for day, each in volatilities(closes, asset, policy).items()}
    for start in sorted(closes[min(horizon)], reverse=True):
        moves = {asset: change(closes, asset, start, days) for asset, days in horizon.items()}
        valid = all((a, start) in sigma and moves[a] is not None for a in horizon)
        if valid and start + max(horizon.values()) * DAY <= today and len(found) < base["lookback_scenarios"]:
            factor = {a: (sigma[a, start] + sigma[a, today]) / (2 * sigma[a, start]) for a in horizon}
            found.append(
                {
                    a: moves[a] * min(max(factor[a], base["scale_factor_lowest"]), base["scale_factor_highest"])
                    for a in horizon
                }
            )
    return found[::-1]


def stressed(closes, horizon, today, policy):
    """Unscaled returns near the largest moves of the anchors, known at the last refresh."""
    rule, near = policy["stress"], set()
    refreshed = today - (today - rule["since"]).days % rule["refresh_days"] * DAY
    for anchor in rule["anchors"]:
        events, size = [], {}
        for start in sorted(closes[anchor]):
            known = rule["since"] <= start and start + (horizon[anchor] + rule["known_days"]) * DAY <= refreshed
            if known and change(closes, anchor, start, horizon[anchor]) is not None:
                size[start] = abs(change(closes, anchor, start, horizon[anchor]))
        for start in sorted(size, key=lambda start: -size[start]):
            apart = all(abs(start - other) >= rule["spacing_days"] * DAY for other in events)
            if apart and len(events) < rule["events_per_anchor"]:
                events.append(start)
                near |= {start + n * DAY for n in range(-rule["window_days"], rule["window_days"] + 1)}
    starts = [start for start in sorted(near) if start + max(horizon.values()) * DAY <= today]
    every = [{asset: change(closes, asset, start, days) for asset, days in horizon.items()} for start in starts]
    return [moves for moves in every if None not in moves.values()]


def short_option_minimum(book, rate):
    net, total = {}, 0.0
    for c, quantity in ((c, q) for held in book.values() for c, q in held if c["option"]):
        key = (c["asset"], c["days"], c["strike"], c["spot"])
        net[key] = net.get(key, 0.0) + quantity * c["m"]
    for (*_, spot), units in net.items():
        total += rate * spot * max(-units, 0.0)
    return total


def named(table, name):
    return table.get(name, table["default"])


def cents(amount):
    return math.ceil(round(amount * 100, 6))


if __name__ == "__main__":
    inbox = sys.argv[1] if len(sys.argv) > 1 else HERE / "inbox/2026-01-30/EOD"
    rules = sys.argv[2] if len(sys.argv) > 2 else HERE.parent / "policy/2014-01-01.toml"
    surface = sys.argv[3] if len(sys.argv) > 3 else None
    for (account, client), lines in requirements(inbox, rules, surface).items():
        for name, amount in lines.items():
            print(f"{account} {client or '-':5} {name:24} {amount / 100:15,.2f}")
        print(f"{account} {client or '-':5} {'INITIAL_MARGIN':24} {sum(lines.values()) / 100:15,.2f}")
