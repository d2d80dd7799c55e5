"""One scenario per journey against a running sandbox:

make run                                                                              # in another terminal
.venv/bin/locust -f loadtests/locustfile.py --headless -u 5 -r 5 -t 20s               # all of them
.venv/bin/locust -f loadtests/locustfile.py --headless -u 5 -r 5 -t 20s SupplierGrpc  # one of them
"""

from __future__ import annotations

import sys
from pathlib import Path

# locust is started by itself, without the search path that make sets.
_ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_ROOT), str(_ROOT / "sdk")]

from loadtests.citizen_grpc import CitizenGrpc  # noqa: E402
from loadtests.citizen_http import CitizenHttp  # noqa: E402
from loadtests.supplier_grpc import SupplierGrpc  # noqa: E402

__all__ = ["CitizenGrpc", "CitizenHttp", "SupplierGrpc"]
