"""The shipped reference data of assets."""

from __future__ import annotations

import pytest

from tasks import calendar, reference
from tasks.model.errors import LeveeError


def test_every_asset_has_digits_a_form_and_a_calendar_that_is_there() -> None:
    for name, asset in reference.assets().items():
        assert asset.asset == name
        assert 0 <= asset.decimals <= 18
        assert asset.form in {"CASH", "STABLECOIN", "COIN", "TOKENISED_MMF", "GUARANTEE"}
        assert asset.calendar_id in calendar.calendars()
    assert reference.known("BTC").dti == "4H95J0R2X"
    assert reference.known("USD").decimals == 2


def test_an_asset_without_reference_data_is_refused() -> None:
    with pytest.raises(LeveeError, match=r"UNKNOWN_ASSET.*DOGE"):
        reference.known("DOGE")
