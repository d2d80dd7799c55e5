"""Ports for the processes of a site."""

from __future__ import annotations

import random
import subprocess
import sys

from deploy.process import ROOT, free_port

_OTHER = "from deploy.process import free_port; print(*(free_port() for _ in range(150)))"


def test_no_port_is_given_twice_even_to_processes_with_the_same_seed() -> None:
    random.seed(0)
    ours = {free_port() for _ in range(150)}
    command = [sys.executable, "-c", f"import random; random.seed(0); {_OTHER}"]
    theirs = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert len(ours) == 150
    assert ours.isdisjoint(map(int, theirs))
