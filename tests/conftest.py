"""What every test shares."""

from __future__ import annotations

import os

from hypothesis import settings

# In CI the same examples each time, so that a change lands or not by its own merit; elsewhere new ones each time.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
