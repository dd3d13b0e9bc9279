"""The counted law against every path of a few days; and that it is whole at the lengths it is used at."""

from __future__ import annotations

import importlib.util
from collections import Counter
from math import comb
from pathlib import Path

import numpy as np
import pytest

from tasks.model.assurance.chain import Chain
from tasks.model.assurance.path_law import most_breaches, path_law

spec = importlib.util.spec_from_file_location("brute_force", Path(__file__).parent / "brute_force.py")
brute = importlib.util.module_from_spec(spec)
spec.loader.exec_module(brute)


def kind(path):
    count = brute.moves(path)
    return (sum(path), path[0], count[0, 0], count[0, 1], count[1, 0], count[1, 1])


@pytest.mark.parametrize("n", range(1, 12))
def test_kinds_of_paths_are_those_of_all_paths(n):
    law = path_law(n, 0, n)
    of = law.transitions
    rows = zip(law.breaches, law.first, of.n00, of.n01, of.n10, of.n11, np.exp(law.log_paths), strict=True)
    found = Counter()
    for *key, paths in rows:
        found[tuple(int(each) for each in key)] += round(paths)
    assert found == Counter(kind(path) for path in brute.paths(n))


@pytest.mark.parametrize("chain", [Chain("", 0.3), Chain("", 0.1, 0.4), Chain("", 0.4, -0.3)])
def test_a_kind_is_as_likely_as_its_paths_together(chain):
    law, expected = path_law(9, 0, 9), Counter()
    for path in brute.paths(9):
        expected[sum(path)] += brute.probability(path, chain.probability, chain.after_none, chain.after_breach)
    found = np.bincount(law.breaches, law.probability(chain))
    np.testing.assert_allclose(found, [expected[x] for x in range(10)], rtol=1e-12)


def test_given_the_breaches_every_order_is_alike():
    law = path_law(9, 0, 9)
    np.testing.assert_allclose(np.bincount(law.breaches, law.given_breaches()), 1.0, rtol=1e-12)
    paths = np.bincount(law.breaches, np.exp(law.log_paths))
    np.testing.assert_allclose(paths, [comb(9, x) for x in range(10)], rtol=1e-12)


@pytest.mark.parametrize("n", [250, 1_000, 4_300])
@pytest.mark.parametrize("chain", [Chain("", 0.005), Chain("", 0.03), Chain("", 0.03, 0.4)])
def test_what_is_left_out_is_out_of_the_question(n, chain):
    most = most_breaches(n, chain)
    law = path_law(n, 0, most)
    assert law.probability(chain).sum() == pytest.approx(1.0, abs=1e-10)
    assert len(law.breaches) < 300_000


def test_a_chain_keeps_the_probability_of_any_day_and_its_persistence():
    chain = Chain("", 0.1, 0.3)
    drawn = chain.draw(4_000, 250, np.random.default_rng(1)).astype(float)
    # A million days, each worth (1 - 0.3) / (1 + 0.3) independent ones.
    assert drawn.mean() == pytest.approx(0.1, abs=4 * (0.09 / 1e6 * 1.3 / 0.7) ** 0.5)
    assert np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1] == pytest.approx(0.3, abs=0.01)
