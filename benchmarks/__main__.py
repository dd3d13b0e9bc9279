"""Run all benchmarks and print ratios: `python -m benchmarks [--json] [--rounds N]`."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: a peer's time is that of one thread

from benchmarks import back_test, core, garch, what_if

_DATES = 6  # of the back-test, for each of as many rounds: the first ones of a short run cost more
_PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "QuantLib", "py_vollib_vectorized", "arch")
_RETURNS = 1_500  # of the series that are fitted


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="name: ours_s, peer_s, ratio, max_difference")
    parser.add_argument("--rounds", type=int, default=9, help="how often each stage is timed")
    said = parser.parse_args()
    report, asked = core.run(said.rounds), what_if.run()
    swept = back_test.run(_DATES * min(said.rounds, _DATES), said.rounds)
    fitted = {_RETURNS: garch.run(_RETURNS, said.rounds)} if garch.possible() else {}
    figures = {**_figures(report, asked), **_swept_figures(swept), **_fit_figures(fitted)}
    told = (_text(report, asked), "", back_test.text(swept), "", *(garch.text(*each) for each in fitted.items()))
    print(json.dumps(figures, indent=1) if said.json else "\n".join(told))
    return 0


def versions() -> dict[str, str]:
    """Python and the packages that are timed; what is not installed says so."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _figures(report: core.CoreReport, asked: dict[str, what_if.Latency]) -> dict[str, dict[str, float]]:
    figures = {name: {**each._asdict(), "ratio": each.ratio} for name, each in report.compared.items()}
    for name, each in asked.items():
        for level, ours, peer in (("p50", each.p50_s, each.peer_p50_s), ("p99", each.p99_s, each.peer_p99_s)):
            figures[f"{name} {level} / NumPy"] = {
                "ours_s": ours,
                "peer_s": peer,
                "ratio": peer / ours,
                "max_difference": each.max_difference,
            }
    total, limit = sum(report.stages_s.values()), sum(report.limits_s.values())
    figures["core / summed limit"] = {
        "ours_s": total,
        "peer_s": limit,
        "ratio": limit / total,
        "max_difference": 0.0 if report.same_bits else 1.0,
    }
    figures["memory"] = {"megabytes": report.memory_mb}
    return figures


def _swept_figures(swept: back_test.Beside) -> dict[str, dict[str, float]]:
    peers = {
        "shared scenarios": swept.shared_s,
        "run by run": swept.run_by_run_s,
        "whole runs": swept.whole_runs_s,
    }
    return {
        f"back-test / NumPy, {name}": {
            "ours_s": swept.ours_s,
            "peer_s": taken,
            "ratio": taken / swept.ours_s,
            "max_difference": swept.max_difference,
        }
        for name, taken in peers.items()
    }


def _fit_figures(fitted: dict[int, garch.Fits]) -> dict[str, dict[str, float]]:
    return {
        f"GJR-GARCH-t of {length:,} returns / arch": {
            "ours_s": each.ours_s,
            "peer_s": each.peer_s,
            "ratio": each.peer_s / each.ours_s,
            "max_difference": max(-each.least_gain, 0.0),
        }
        for length, each in fitted.items()
    }


def _text(report: core.CoreReport, asked: dict[str, what_if.Latency]) -> str:
    lines = [", ".join(f"{name} {version}" for name, version in versions().items()), ""]
    lines.append(f"{'stage / peer':<34}{'ours ms':>10}{'peer ms':>11}{'ratio':>9}{'difference':>12}")
    lines += [
        f"{name:<34}{each.ours_s * 1e3:>10.2f}{each.peer_s * 1e3:>11.1f}{each.ratio:>9.1f}{each.max_difference:>12.1e}"
        for name, each in report.compared.items()
    ]
    lines += ["", f"{'stage':<34}{'ours ms':>10}{'limit ms':>11}{'over':>9}"]
    for name, ours in report.stages_s.items():
        limit = report.limits_s[name]
        lines.append(f"{name:<34}{ours * 1e3:>10.2f}{limit * 1e3:>11.1f}{ours / limit:>9.2f}")
    total, limit = sum(report.stages_s.values()), sum(report.limits_s.values())
    lines.append(f"{'core':<34}{total * 1e3:>10.2f}{limit * 1e3:>11.1f}{report.over_limit:>9.2f}")
    lines += [f"core on the wall, {threads} thread(s): {wall * 1e3:.1f} ms" for threads, wall in report.wall_s.items()]
    lines.append(f"bits of 1 and 2 threads: {'the same' if report.same_bits else 'DIFFERENT'}")
    lines.append(f"resident memory at most: {report.memory_mb:.0f} MB")
    lines += ["", f"{'question':<34}{'p50 us':>10}{'p99 us':>11}{'NumPy':>9}{'difference':>12}"]
    lines += [
        f"{name:<34}{each.p50_s * 1e6:>10.1f}{each.p99_s * 1e6:>11.1f}{each.peer_p50_s * 1e6:>9.1f}"
        f"{each.max_difference:>12.1e}"
        for name, each in asked.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
