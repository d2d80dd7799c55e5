"""Making and refreshing the shared claim key: run by the registry's operator on a machine without a network.

`python -m ledger.registry.ceremony new --epoch 1 --threshold 2 --out FOLDER ORIGIN…` makes a key and writes
`groups.json`, which every hub pins, and one secret file for each evaluator. `… refresh --groups FILE --epoch 1 --out
FOLDER SHARE…` deals new shares of the same key. Files are handed over in person, imported by `python -m hub.main
import-share FILE`, and destroyed. With `--groups` of the epochs in force, `new` keeps them in the file it writes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from huilian_protocol.canonical import parse_json

from ledger.registry.threshold import Group, Share, deal, group_file, parse_groups, refresh


def main(arguments: Sequence[str]) -> int:
    """Command line entry; 2 with a message when something does not fit, and then nothing is written."""
    parser = argparse.ArgumentParser(prog="python -m ledger.registry.ceremony")
    parser.add_argument("deed", choices=("new", "refresh"))
    parser.add_argument("--epoch", type=int, required=True)
    parser.add_argument("--threshold", type=int, default=0)
    parser.add_argument("--groups", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("names", nargs="+", help="origins of the evaluators, or share files")
    chosen = parser.parse_args(arguments)
    try:
        kept = parse_groups(parse_json(chosen.groups.read_bytes())) if chosen.groups else ()
        if chosen.deed == "new":
            group, shares = deal(chosen.epoch, chosen.threshold, chosen.names, os.urandom)
            groups = [*kept, group]
        else:
            group, shares = _refreshed(kept, chosen.epoch, [Path(name) for name in chosen.names])
            groups = [group if one.epoch == group.epoch else one for one in kept]
        _write(chosen.out, groups, shares)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"ceremony: {error}\n")
        return 2
    return 0


def _refreshed(kept: Sequence[Group], epoch: int, files: Sequence[Path]) -> tuple[Group, list[Share]]:
    present = next((group for group in kept if group.epoch == epoch), None)
    if present is None:
        raise ValueError(f"the group file has no epoch {epoch}")
    return refresh(present, [Share.from_dict(parse_json(file.read_bytes())) for file in files], os.urandom)


def _write(folder: Path, groups: Sequence[Group], shares: Sequence[Share]) -> None:
    parse_groups(group_file(groups))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "groups.json").write_text(json.dumps(group_file(groups), indent=2) + "\n")
    for share in shares:
        path = folder / f"share.{share.epoch}.{share.generation}.{share.origin}.json"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(share.to_dict(), file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
