"""Environment of a process before heavy packages are imported: homes of their files, and nothing leaves the machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import urllib.error
import urllib.request
import warnings
from pathlib import Path

from tasks import resources
from tasks.collector import collect_rarely

HEALTH_TIMEOUT_SECONDS = 3
SHARED_KERNELS = "LEVEE_KERNELS"
"""Names a folder of compiled kernels for several homes; by default each home has its own."""
KERNELS = Path(resources.__file__).parent / "model" / "kernels.py"  # with every constant compiled into them


def prepare(home: Path) -> None:
    """Point Prefect and Numba at the home, switch all telemetry off, keep garbage longer, freed memory shorter."""
    collect_rarely()
    os.environ |= {
        "PREFECT_HOME": str(home / "prefect"),
        "NUMBA_CACHE_DIR": str(kernel_cache(Path(os.environ.get(SHARED_KERNELS, home / "numba")), KERNELS)),
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "GX_ANALYTICS_ENABLED": "false",
    }
    for name, value in {
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_CLI_COLORS": "false",
        "_RJEM_MALLOC_CONF": "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0",  # polars' allocator
    }.items():
        os.environ.setdefault(name, value)


def kernel_cache(folder: Path, source: Path) -> Path:
    """Folder of compiled kernels below the given one, by their source and what compiles them: no old one is met."""
    digest = hashlib.sha256(resources.tree_hash(source).encode())
    for package in ("numba", "llvmlite", "numpy"):
        digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    return folder / digest.hexdigest()[:16]


def orchestrator_answers() -> bool:
    """Whether PREFECT_API_URL, if set, answers; an embedded server is always there to be started."""
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return True
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=HEALTH_TIMEOUT_SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ValueError):
        return False


def telemetry_left_on() -> list[str]:
    """Settings that would let something leave the machine, as Prefect and Great Expectations resolve them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a home that does not exist yet has no folder for Prefect
        from prefect.settings import get_current_settings

    found = {
        "PREFECT_SERVER_ANALYTICS_ENABLED": bool(get_current_settings().server.analytics_enabled),
        "DO_NOT_TRACK": os.environ.get("DO_NOT_TRACK", "").lower() not in {"1", "true"},
        "GX_ANALYTICS_ENABLED": os.environ.get("GX_ANALYTICS_ENABLED", "").lower() != "false",
    }
    return [name for name, left_on in found.items() if left_on]
