"""What the tests of the motif scanner share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Leave the user's cache alone, and read JASPAR only once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECIMA_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield
