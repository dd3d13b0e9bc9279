"""The page on tests of expected shortfall is what the benchmark writes, and its figures are shares of paths."""

from __future__ import annotations

from benchmarks import power


def test_the_page_holds_every_test_and_what_is_said_of_it(monkeypatch):
    monkeypatch.setattr(power, "RUNS", 2_000)
    written, again = power.PAGE.read_text(encoding="utf-8"), power.page(4, 1)
    for text in (power._ABOUT, power._READING):
        assert text in written
    assert [line.split("|")[1] for line in written.splitlines() if line.startswith("|")] == [
        line.split("|")[1] for line in again.splitlines() if line.startswith("|")
    ]


def test_rates_are_shares_and_come_back_from_their_seed(monkeypatch):
    monkeypatch.setattr(power, "RUNS", 2_000)
    right, short = (power.rates(250, 40, 2, factor) for factor in (1.0, 2.0))
    assert right == power.rates(250, 40, 2, 1.0)
    assert all(0.0 <= share <= 1.0 for share in right.values())
    assert right["Z2"] < 0.3 < 0.9 < short["Z2"]
