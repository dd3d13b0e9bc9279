"""What every portfolio of a delivered day must post, computed again with plain loops: no line of Levee is used here.

    python data/sample/expected_shortfall.py [folder of the day's CSV files] [policy file]

Follows docs/methodology: filtered and stressed scenarios, full revaluation, blended expected shortfall, offset limit,
grid, floors. numpy is asked for one thing, the fixed permutation of the volatility scores. Prints cents per portfolio.
"""

import csv
import math
import sys
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import NormalDist

HERE = Path(__file__).resolve().parent
cdf, quantile = NormalDist().cdf, NormalDist().inv_cdf


def requirements(folder: Path, policy_file: Path) -> dict[tuple[str, str], int]:
    """Initial margin in cents (before net option value) by (margin account, client or '')."""
    day, as_of, tables = read(folder)
    policy = tomllib.loads(policy_file.read_text(encoding="utf-8"))
    price = {row["contract_id"]: float(row["price"]) for row in tables["prices"] if row["price_type"] != "FINAL"}
    quote = {row["contract_id"]: row for row in tables["vol_quotes"]}
    contract = {row["contract_id"]: row for row in tables["contracts"]}
    closes: dict[str, dict[date, float]] = {}
    for row in tables["history"]:
        closes.setdefault(row["underlying"], {})[date.fromisoformat(row["date"])] = float(row["close"])

    def usd_value(name, factor, vol):
        """USD value of one contract long once spot has moved by a factor; futures are worth 0 at their own mark."""
        row = contract[name]
        spot, settle = price[row["underlying_asset"] + "-USD"] * factor, row["settle_asset"]
        m, inverse = float(row["multiplier"]), row["payoff"] == "INVERSE"
        worth = spot if inverse else price.get(settle + "-USD", 1.0)
        if row["kind"] != "OPT":
            mark = price[name]
            return m * (1 / mark - 1 / (mark * factor)) * worth if inverse else m * mark * (factor - 1) * worth
        forward, strike = float(quote[name]["forward"]) * factor, float(row["strike"])
        deviation = max(vol * math.sqrt(years(row)), 1e-9)
        d1 = math.log(forward / strike) / deviation + deviation / 2
        sign = 1 if row["option_type"] == "C" else -1
        black = sign * (forward * cdf(sign * d1) - strike * cdf(sign * (d1 - deviation)))
        return m * (black / forward if inverse else black) * worth

    def years(row):
        expiry = datetime.fromisoformat(row["expiry_ts"])
        return (expiry - as_of).total_seconds() / 86400 / 365

    def vol_now(name):
        return float(quote[name]["iv_mark"]) if name in quote else math.nan

    def pnl(name, returns, scores):
        """USD per contract in every scenario of its underlying's returns and the vol scores."""
        row, proxy, before = contract[name], policy["vol_proxy"], usd_value(name, 1.0, vol_now(name))
        down, up = (named(proxy[each], row["underlying_asset"]) for each in ("beta_down", "beta_up"))
        result = []
        for r, score in zip(returns, scores, strict=True):
            vol = vol_now(name)
            if row["kind"] == "OPT":
                tenor = (30 / max(years(row) * 365, proxy["shortest_tenor_days"])) ** proxy["tenor_power"]
                move = tenor * (down * min(r, 0.0) + up * max(r, 0.0) + proxy["noise"] * score)
                vol *= math.exp(min(max(move, -proxy["largest_move"]), proxy["largest_move"]))
            result.append(usd_value(name, math.exp(r), vol) - before)
        return result

    def grid(name):
        """USD per contract at every point of the grid, extreme moves scaled down to the range."""
        row, g, now = contract[name], policy["grid"], vol_now(name)
        days = years(row) * 365 if row["kind"] == "OPT" else 1.0
        share = (30 / max(days, 1.0)) ** g["vol_power_short" if days <= 30 else "vol_power_long"]
        vols = {"up": max(now * (1 + g["vol_up_fraction"] * share), g["vol_floor"]), "flat": now,
                "down": max(now * (1 - g["vol_down_fraction"] * share), 0.0)}  # fmt: skip
        width, before = named(g["range_fraction"], row["underlying_asset"]), usd_value(name, 1.0, now)
        points = [usd_value(name, 1 + step / 3 * width, vol) - before for step in range(-3, 4) for vol in vols.values()]
        return points + [(usd_value(name, 1 + s, vols["up"]) - before) * width / abs(s) for s in g["extreme_moves"]]

    books: dict[tuple[str, str, str], dict[str, dict[str, float]]] = {}
    for row in tables["positions"]:
        key = (row["margin_account_id"], row["client_id"], row["account_type"])
        groups = books.setdefault(key, {}).setdefault(contract[row["contract_id"]]["underlying_asset"], {})
        groups[row["contract_id"]] = float(row["qty_close"])
    result: dict[tuple[str, str], int] = {}
    for (account, client, kind), groups in sorted(books.items()):
        base, worst_grid, parts = policy["base_margin"], 0.0, []
        names = sorted({row["underlying_asset"] for row in contract.values()})
        horizon = {name: named(base["liquidation_period_days"][kind.lower()], name) for name in names}
        sets = (filtered(closes, horizon, day, policy), stressed(closes, horizon, day, policy))
        for scenarios in sets:
            scores = vol_scores(len(scenarios), policy["vol_proxy"]["seed"])
            unit = {name: pnl(name, [each[asset] for each in scenarios], scores)
                    for asset, held in groups.items() for name in held}  # fmt: skip
            parts.append({asset: [sum(q * unit[name][i] for name, q in held.items()) for i in range(len(scenarios))]
                          for asset, held in groups.items()})  # fmt: skip
        for held in groups.values():
            points = {name: grid(name) for name in held}
            worst_grid += max(0.0, *(-sum(q * points[name][i] for name, q in held.items())
                                     for i in range(len(next(iter(points.values()))))))  # fmt: skip

        def blend(asset, parts=parts, base=base):
            """(1 - w) ES(filtered) + w ES(stressed) of one underlying, or of all of them together."""
            w, tails = base["stressed_weight_fraction"], []
            for part, level in zip(parts, ("confidence_filtered_fraction", "confidence_stressed_fraction"), strict=True):
                rows = [part[asset]] if asset else list(part.values())
                tails.append(shortfall([-sum(each) for each in zip(*rows, strict=True)], base[level]))
            return (1 - w) * tails[0] + w * tails[1]

        total = sum(blend(asset) for asset in groups)
        limited = total - base["offset_limit_fraction"] * max(total - blend(None), 0.0)
        base_cents = cents(max(limited, worst_grid, 0.0))
        floor = cents(short_options(groups, contract, price, policy["floor_top_up"]["short_option_minimum_fraction"]))
        if not client:
            floor = max(floor, cents(policy["floor_top_up"]["account_minimum_usd"]))
        result[account, client] = max(base_cents, floor)
    return result


def read(folder):
    tables, header = {}, []
    for path in sorted(folder.glob("*.csv")):
        header, *body = path.read_text(encoding="utf-8").splitlines()
        header, tables[path.name.split(".")[0]] = header.split(","), list(csv.DictReader(body[:-1]))
    return date.fromisoformat(header[3]), datetime.fromisoformat(header[8]), tables


def named(table, name):
    return table.get(name, table["default"])


def move(closes, asset, start, days):
    """Log return over exactly `days` days, None where a close is missing."""
    first, last = closes[asset].get(start), closes[asset].get(start + timedelta(days=days))
    return math.log(last / first) if first and last else None


def forecasts(closes, asset, policy):
    """Volatility forecast at each close: zero-mean EWMA seeded by the mean square of the first returns."""
    base, seed, variance, result = policy["base_margin"], [], 0.0, {}
    weight = 2 ** (-1 / base["half_life_days"])
    for day in sorted(closes[asset]):
        r = move(closes, asset, day - timedelta(days=1), 1)
        if r is None:
            pass
        elif len(seed) < base["volatility_seed_days"]:
            seed.append(r * r)
            variance = sum(seed) / len(seed)
        else:
            variance = weight * variance + (1 - weight) * r * r
        if len(seed) == base["volatility_seed_days"]:
            result[day] = max(math.sqrt(variance), named(base["volatility_floor_per_day"], asset))
    return result


def filtered(closes, horizon, day, policy):
    base, found = policy["base_margin"], []
    sigma = {asset: forecasts(closes, asset, policy) for asset in horizon}
    start = day - timedelta(days=max(horizon.values()))
    while start >= min(min(each) for each in closes.values()) and len(found) < base["lookback_scenarios"]:
        moves = {asset: move(closes, asset, start, days) for asset, days in horizon.items()}
        if all(moves[asset] is not None and start in sigma[asset] for asset in horizon):
            for asset, then in ((asset, sigma[asset][start]) for asset in horizon):
                factor = (then + sigma[asset][day]) / (2 * then)
                moves[asset] *= min(max(factor, base["scale_factor_lowest"]), base["scale_factor_highest"])
            found.append(moves)
        start -= timedelta(days=1)
    return found[::-1]


def stressed(closes, horizon, day, policy):
    rule, near = policy["stress"], set()
    refreshed = day - timedelta(days=(day - rule["since"]).days % rule["refresh_days"])
    for anchor in rule["anchors"]:
        days, events = horizon[anchor], []
        starts = [start for start in sorted(closes[anchor]) if start >= rule["since"]
                  and start + timedelta(days=days + rule["known_days"]) <= refreshed
                  and move(closes, anchor, start, days) is not None]  # fmt: skip
        for start in sorted(starts, key=lambda start: -abs(move(closes, anchor, start, days))):
            if len(events) < rule["events_per_anchor"] and all(
                abs((start - other).days) >= rule["spacing_days"] for other in events
            ):
                events.append(start)
        near |= {event + timedelta(days=n) for event in events for n in range(-rule["window_days"], rule["window_days"] + 1)}
    found = []
    for start in sorted(near):
        moves = {asset: move(closes, asset, start, days) for asset, days in horizon.items()}
        if start + timedelta(days=max(horizon.values())) <= day and None not in moves.values():
            found.append(moves)
    return found


def vol_scores(n, seed):
    import numpy

    order = numpy.random.Generator(numpy.random.PCG64(seed)).permutation(n)
    return [quantile((int(each) + 0.5) / n) for each in order]


def shortfall(losses, confidence):
    """Mean of the worst n (1 - c) losses, the boundary one with its fraction."""
    k, ordered = round(len(losses) * (1 - confidence), 9), sorted(losses, reverse=True)
    whole = min(int(k), len(losses) - 1)
    return (math.fsum(ordered[:whole]) + (k - whole) * ordered[whole]) / k


def short_options(groups, contract, price, rate):
    net: dict[tuple[str, str, str], float] = {}
    for name, quantity in ((name, q) for held in groups.values() for name, q in held.items()):
        row = contract[name]
        if row["kind"] == "OPT":
            key = (row["underlying_asset"], row["expiry_ts"], row["strike"])
            net[key] = net.get(key, 0.0) + quantity * float(row["multiplier"])
    return sum(rate * price[asset + "-USD"] * max(-units, 0.0) for (asset, _, _), units in net.items())


def cents(usd):
    return math.ceil(round(usd * 100, 6))


if __name__ == "__main__":
    inbox = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "inbox" / "2026-01-30" / "EOD"
    rules = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE.parent / "policy" / "2014-01-01.toml"
    for (account, client), amount in requirements(inbox, rules).items():
        print(f"{account} {client or '-':5} {amount / 100:15,.2f}")
