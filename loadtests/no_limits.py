"""Prints HUILIAN_RATE_LIMITS for a hub under load tests: `python -m loadtests.no_limits`."""

from __future__ import annotations

import json
import sys

from hub.platform.rates import Limit

# A few callers make the calls of many people; counting goes on, and is measured with the rest.
WITHOUT_LIMITS = json.dumps({limit: {"per_minute": 100_000_000, "burst": 1_000_000} for limit in Limit})

if __name__ == "__main__":
    sys.stdout.write(WITHOUT_LIMITS + "\n")
