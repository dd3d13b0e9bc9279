"""Policy files that are none: told as findings, whatever is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks import policy_store
from tasks.model.errors import PolicyError


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"policy_id = ", b"policy_id = 'EMPTY'"])
def test_what_is_no_policy_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "policy.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PolicyError, match="PARAM_STATE"):
        policy_store.load(file)
