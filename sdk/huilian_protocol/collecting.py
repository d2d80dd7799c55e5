"""Keeps Python's collector of cyclic garbage from stopping a process that serves.

A full collection walks every object there is: code, descriptors and tables that stay to the end, half a million of them
in a hub. It holds the process for hundreds of milliseconds, some thousand calls apart, and whoever calls then waits.
Almost nothing here is cyclic garbage; what is falls to the many small collections.
"""

from __future__ import annotations

import gc

__all__ = ["YOUNG", "spare_what_is_loaded"]

YOUNG = 10_000
"""New objects between two small collections; Python's own 700 are reached with every other call."""


def spare_what_is_loaded() -> None:
    """Never look again at the objects that there are now; to be called once, when the process begins to serve."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
