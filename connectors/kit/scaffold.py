"""A new connector that works and passes bronze: `python -m connectors.kit.scaffold NAME` in the repository.

Writes `connectors/gov_data/NAME/` and its test. What comes out is a small real connector with a sandbox of its own, to
be changed piece by piece into the agency's; nothing in it is a stub.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template

from connectors.kit.compatibility import release

_TEMPLATES = Path(__file__).parent / "scaffold_files"
_NAME = re.compile(r"[a-z][a-z_]{1,38}[a-z]", re.ASCII)
_FILES = {
    "__init__.py": "__init__.py.txt",
    "manifest.yaml": "manifest.yaml.txt",
    "schemas/record.v1.json": "record.v1.json.txt",
    "wire.py": "wire.py.txt",
    "connector.py": "connector.py.txt",
    "sandbox.py": "sandbox.py.txt",
    "acceptance.py": "acceptance.py.txt",
    "README.md": "README.md.txt",
}


def scaffold(name: str, root: Path, under: str = "connectors/gov_data") -> list[Path]:
    """Write a connector called `name` into the repository at `root`; returns the files made.

    ValueError for a name that is no agency id, or one that is taken: nothing is ever overwritten.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("a connector's name has 3 to 40 letters a-z and underscores, such as traffic_police")
    folder, test = root / under / name, root / "tests" / "contract" / "connectors" / f"test_{name}.py"
    if folder.exists() or test.exists():
        raise ValueError(f"{name} is taken")
    values = {
        "name": name,
        "Name": "".join(part.capitalize() for part in name.split("_")),
        "package": f"{under.replace('/', '.')}.{name}",
    }
    made = [_write(folder / path, template, values) for path, template in _FILES.items()]
    made += [folder / "schemas" / "released" / released for released in release(folder)]
    return [*made, _write(test, "test.py.txt", values)]


def _write(path: Path, template: str, values: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(Template((_TEMPLATES / template).read_text("utf-8")).substitute(values), "utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Scaffold the connector named on the command line and say what to do next; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m connectors.kit.scaffold", description=__doc__)
    parser.add_argument("name", help="the agency's id, such as traffic_police")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2], help="the repository")
    options = parser.parse_args(arguments)
    try:
        made = scaffold(options.name, options.root)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for path in made:
        sys.stdout.write(f"{path.relative_to(options.root)}\n")
    sys.stderr.write(
        f"已生成连接器 {options.name}，请按其 README 逐步改成真实机构的协议。\n"
        f"Made the connector {options.name}; its README says what to change. Grade it with:\n"
        f"  python -m connectors.kit.acceptance.grade connectors.gov_data.{options.name}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
