"""What every portfolio of a delivered day must post, computed again with plain loops: no line of Levee is used here.

    python data/sample/expected_shortfall.py [folder of the day's CSV files] [policy file]

Filtered and stressed scenarios, full revaluation, blended expected shortfall, offset limit, grid and floors, as the
methodology has them. numpy gives one thing, the fixed permutation of the volatility scores. Prints the initial margin.
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


def requirements(folder, policy_file):
    """Initial margin in cents, before net option value, by (margin account, client or '')."""
    policy, day = tomllib.loads(Path(policy_file).read_text("utf-8")), {}
    for path in sorted(Path(folder).glob("*.csv")):
        header, *body = path.read_text("utf-8").splitlines()
        day[path.name.split(".")[0]] = list(csv.DictReader(body[:-1]))
    today, as_of = date.fromisoformat(header.split(",")[3]), datetime.fromisoformat(header.split(",")[8])
    price = {row["contract_id"]: float(row["price"]) for row in day["prices"] if row["price_type"] != "FINAL"}
    quotes = {row["contract_id"]: row for row in day["vol_quotes"]}
    terms = {row["contract_id"]: contract(row, price, quotes, as_of) for row in day["contracts"]}
    closes, books, result, least = {}, {}, {}, cents(policy["floor_top_up"]["account_minimum_usd"])
    for row in day["history"]:
        closes.setdefault(row["underlying"], {})[date.fromisoformat(row["date"])] = float(row["close"])
    for row in day["positions"]:
        book = books.setdefault((row["margin_account_id"], row["client_id"], row["account_type"]), {})
        c = terms[row["contract_id"]]
        book.setdefault(c["asset"], []).append((c, float(row["qty_close"])))
    for (account, client, kind), book in sorted(books.items()):
        periods = policy["base_margin"]["liquidation_period_days"][kind.lower()]
        horizon = {each["asset"]: named(periods, each["asset"]) for each in terms.values()}
        base = max(expected_shortfall(book, closes, horizon, today, policy), worst_of_grid(book, policy), 0.0)
        floor = cents(short_option_minimum(book, policy["floor_top_up"]["short_option_minimum_fraction"]))
        result[account, client] = max(cents(base), floor, 0 if client else least)
    for account in {account for account, client in result if client}:
        missing = least - sum(amount for (owner, _), amount in result.items() if owner == account)
        result[account, ""] = max(0, missing)
    return result


def contract(row, price, quotes, as_of):
    """Terms and marks of a contract as numbers."""
    c = {"asset": row["underlying_asset"], "inverse": row["payoff"] == "INVERSE", "m": float(row["multiplier"]),
         "spot": price[row["underlying_asset"] + "-USD"], "settle": price.get(row["settle_asset"] + "-USD", 1.0),
         "option": row["kind"] == "OPT", "vol": math.nan}  # fmt: skip
    if not c["option"]:
        return c | {"forward": price[row["contract_id"]]}
    seconds = (datetime.fromisoformat(row["expiry_ts"]) - as_of).total_seconds()
    quote = quotes[row["contract_id"]]
    return c | {"forward": float(quote["forward"]), "vol": float(quote["iv_mark"]), "days": seconds / 86400,
                "call": row["option_type"] == "C", "strike": float(row["strike"])}  # fmt: skip


def usd(c, factor, vol):
    """USD value of one contract once spot has moved by a factor; a future is worth nothing at its own mark."""
    forward, worth = c["forward"] * factor, c["m"] * (c["spot"] * factor if c["inverse"] else c["settle"])
    if not c["option"]:
        return worth * (1 / c["forward"] - 1 / forward if c["inverse"] else forward - c["forward"])
    deviation, sign = max(vol * math.sqrt(c["days"] / 365), 1e-9), 1 if c["call"] else -1
    d1 = math.log(forward / c["strike"]) / deviation + deviation / 2
    black = sign * (forward * N.cdf(sign * d1) - c["strike"] * N.cdf(sign * (d1 - deviation)))
    return worth * (black / forward if c["inverse"] else black)


def expected_shortfall(book, closes, horizon, today, policy):
    """Blended expected shortfall with at most the offset limit of what netting across underlyings saves."""
    base, blended = policy["base_margin"], dict.fromkeys([*book, "ALL"], 0.0)
    share = base["stressed_weight_fraction"]
    for choose, level, weight in (
        (filtered, "confidence_filtered_fraction", 1 - share), (stressed, "confidence_stressed_fraction", share)
    ):  # fmt: skip
        scenarios = choose(closes, horizon, today, policy)
        order = numpy.random.Generator(numpy.random.PCG64(policy["vol_proxy"]["seed"])).permutation(len(scenarios))
        scores = [N.inv_cdf((int(each) + 0.5) / len(scenarios)) for each in order]
        losses = {asset: [-sum(q * moved(c, returns[asset], score, policy["vol_proxy"]) for c, q in held)
                          for returns, score in zip(scenarios, scores, strict=True)]
                  for asset, held in book.items()}  # fmt: skip
        losses["ALL"] = [sum(each) for each in zip(*losses.values(), strict=True)]
        for asset, sample in losses.items():
            k, ordered = round(len(sample) * (1 - base[level]), 9), sorted(sample, reverse=True)
            blended[asset] += weight * (math.fsum(ordered[: int(k)]) + (k - int(k)) * ordered[int(k)]) / k
    together = blended.pop("ALL")
    return sum(blended.values()) - base["offset_limit_fraction"] * max(sum(blended.values()) - together, 0.0)


def moved(c, r, score, proxy):
    """Gain of one contract when spot returns r and volatility follows by the proxy."""
    shock = 0.0
    if c["option"]:
        slope = named(proxy["beta_down" if r < 0 else "beta_up"], c["asset"])
        tenor = (30 / max(c["days"], proxy["shortest_tenor_days"])) ** proxy["tenor_power"]
        shock = max(-proxy["largest_move"], min(proxy["largest_move"], tenor * (slope * r + proxy["noise"] * score)))
    return usd(c, math.exp(r), c["vol"] * math.exp(shock)) - usd(c, 1.0, c["vol"])


def worst_of_grid(book, policy):
    """Worst grid loss of each underlying, summed: the grid knows no offset between them."""
    grid = policy["grid"]
    points = [(step / 3, None, way) for step in range(-3, 4) for way in ("up", "flat", "down")]
    points += [(None, move, "up") for move in grid["extreme_moves"]]
    return sum(max(0.0, *(-sum(q * at_point(c, *point, grid) for c, q in held) for point in points))
               for held in book.values())  # fmt: skip


def at_point(c, step, move, way, grid):
    width, vol = named(grid["range_fraction"], c["asset"]), c["vol"]
    if c["option"] and way != "flat":
        share = (30 / max(c["days"], 1)) ** grid["vol_power_short" if c["days"] <= 30 else "vol_power_long"]
        raised = max(vol * (1 + grid["vol_up_fraction"] * share), grid["vol_floor"])
        vol = raised if way == "up" else max(vol * (1 - grid["vol_down_fraction"] * share), 0.0)
    gain = usd(c, 1 + (step * width if move is None else move), vol) - usd(c, 1.0, c["vol"])
    return gain if move is None else gain * width / abs(move)


def change(closes, asset, start, days):
    """Log return over exactly `days` days, None where a close is missing."""
    first, last = closes[asset].get(start), closes[asset].get(start + days * DAY)
    return math.log(last / first) if first and last else None


def filtered(closes, horizon, today, policy):
    """The latest start dates; returns scaled half way to the present EWMA volatility."""
    base, sigma, found = policy["base_margin"], {}, []
    for asset in horizon:
        squares, variance, weight = [], 0.0, 2 ** (-1 / base["half_life_days"])
        for day in sorted(closes[asset]):
            r = change(closes, asset, day - DAY, 1)
            if r is not None and len(squares) == base["volatility_seed_days"]:
                variance = weight * variance + (1 - weight) * r * r
            elif r is not None:
                squares.append(r * r)
                variance = sum(squares) / len(squares)
            if len(squares) == base["volatility_seed_days"]:
                sigma[asset, day] = max(math.sqrt(variance), named(base["volatility_floor_per_day"], asset))
    for start in sorted(closes[min(horizon)], reverse=True):
        moves = {asset: change(closes, asset, start, days) for asset, days in horizon.items()}
        valid = all((a, start) in sigma and moves[a] is not None for a in horizon)
        if valid and start + max(horizon.values()) * DAY <= today and len(found) < base["lookback_scenarios"]:
            factor = {a: (sigma[a, start] + sigma[a, today]) / (2 * sigma[a, start]) for a in horizon}
            found.append({a: moves[a] * min(max(factor[a], base["scale_factor_lowest"]), base["scale_factor_highest"])
                          for a in horizon})  # fmt: skip
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
    for (account, client), amount in requirements(inbox, rules).items():
        print(f"{account} {client or '-':5} {amount / 100:15,.2f}")
