"""Where the running sandbox is: addresses, CA and certificates of `make run`, or of the folder HUILIAN_LOAD_SITE."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import grpc
from huilian_protocol.trust import TrustAnchors

from connectors.kit.sandbox_people import Person, population
from deploy.pki import SitePki

ROOT = Path(__file__).resolve().parent.parent
_turn = itertools.count()


@dataclass(frozen=True)
class LoadSite:
    """A sandbox as `deploy` left it on disk."""

    folder: Path

    @classmethod
    def running(cls) -> LoadSite:
        """The sandbox to load. Raises SystemExit with the command that starts one when there is none."""
        folder = Path(os.environ.get("HUILIAN_LOAD_SITE", ROOT / "var" / "run"))
        if not (folder / "trust-anchors.json").exists():
            raise SystemExit(f"no sandbox in {folder}: start one with `make run`")
        return cls(folder)

    @cached_property
    def ports(self) -> dict[str, int]:
        """The port of each process."""
        found: dict[str, int] = json.loads((self.folder / "ports.json").read_text())
        return found

    @cached_property
    def trust(self) -> TrustAnchors:
        """Relying party and origin of the passkeys, and the hub's name."""
        return TrustAnchors.load(self.folder / "trust-anchors.json")

    @property
    def ca(self) -> Path:
        """The site's CA (PEM)."""
        return self.folder / "pki" / "ca.pem"

    @property
    def hub_public(self) -> str:
        """The hub's TLS port."""
        return f"127.0.0.1:{self.ports['hub-a.public']}"

    @property
    def hub_partner(self) -> str:
        """The hub's mTLS port."""
        return f"127.0.0.1:{self.ports['hub-a.partner']}"

    @property
    def api(self) -> str:
        """The REST face."""
        return f"https://127.0.0.1:{self.ports['mini_program_api']}"

    def credentials(self, common_name: str = "") -> grpc.ChannelCredentials:
        """TLS, or mTLS as the holder of this certificate."""
        if not common_name:
            return grpc.ssl_channel_credentials(self.ca.read_bytes())
        files = SitePki(self.folder / "pki", datetime.now(UTC)).issue(common_name)
        return grpc.ssl_channel_credentials(
            files.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
        )


def next_person() -> Person:
    """Somebody of the sandbox's population, each in turn."""
    people = [person for person in population().values() if person.employments]
    return people[next(_turn) % len(people)]
