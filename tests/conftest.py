"""Tests need no network and draw the same examples on every run."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# before huggingface_hub is imported: a test that reached for the Hub by mistake fails at once
os.environ["HF_HUB_OFFLINE"] = "1"

settings.register_profile(
    "ci", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# a few of the same, for `make unit`, which one runs without thinking about it
settings.register_profile("unit", parent=settings.get_profile("ci"), max_examples=15)
# new examples on every run, and many: `pytest --hypothesis-profile explore`
settings.register_profile("explore", deadline=None, max_examples=5000)
settings.load_profile("ci")
