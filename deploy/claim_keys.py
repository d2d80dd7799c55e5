"""The shared claim key of a site: any two of three evaluators make fingerprints, as in a consortium in production.

Every hub of the site holds a share; where there are fewer than three, evaluators that are no banks hold the others (in
production the registry's operator, or other banks). All of them on one machine protect nothing: it is the way it works
that the sandbox shows, with its latencies and its failures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy import site as places
from deploy.process import ProcessSpec, StartFailed, python
from deploy.site import Site
from hub.claim_keys import import_share
from hub.evaluating import EvaluatorSettings
from hub.keys import open_vault
from hub.settings import Settings
from ledger.registry import ceremony

EVALUATORS, THRESHOLD = 3, 2
# Not the epoch of the key that hubs without a group share: what is locked under that one is not found under this.
EPOCH = 2


def prepare(site: Site, hubs: Sequence[ProcessSpec]) -> list[ProcessSpec]:
    """Hold the ceremony, once for a site, and hand the shares over; the other evaluators, to be started."""
    others = [_evaluator_spec(site, name) for name in names(len(hubs))]
    members = {spec.environment["HUILIAN_ORIGIN"]: spec.environment for spec in [*hubs, *others]}
    groups = site.claim_groups_file
    if not groups.exists():
        dealt = ["new", "--epoch", str(EPOCH), "--threshold", str(THRESHOLD), "--out", str(groups.parent), *members]
        if ceremony.main(dealt) != 0:
            raise StartFailed("the ceremony of the claim key failed")
    for hub in [spec.environment for spec in hubs]:
        _take_in(Settings.from_environment(_pinning(hub, groups)), groups.parent)
    for other in [spec.environment for spec in others]:
        _take_in(EvaluatorSettings.from_environment(other), groups.parent)
    return others


def names(hubs: int) -> list[str]:
    """The evaluators beside so many hubs."""
    return [f"evaluator-{number}" for number in range(1, EVALUATORS - hubs + 1)]


def addresses(site: Site, hubs: int) -> dict[str, str]:
    """Where a hub reaches them, by their names in the group."""
    return {_origin(name): f"127.0.0.1:{site.port(name)}" for name in names(hubs)}


def _origin(name: str) -> str:
    return f"{name}.huilian.example"


def _evaluator_spec(site: Site, name: str) -> ProcessSpec:
    environment = {
        **places.tls_environment(site.pki.issue(f"hub.{_origin(name)}")),
        "HUILIAN_ORIGIN": _origin(name),
        "HUILIAN_STATE_DIR": str(site.folder / name),
        "HUILIAN_LISTEN": f"127.0.0.1:{site.port(name)}",
        "HUILIAN_CLAIM_GROUPS_FILE": str(site.claim_groups_file),
    }
    return ProcessSpec(name, python("-m", "hub.evaluating"), site.serving(name), environment)


def _pinning(environment: Mapping[str, str], groups: Path) -> dict[str, str]:
    kept = {name: value for name, value in environment.items() if name != "HUILIAN_CONSORTIUM_KEY_FILE"}
    return {**kept, "HUILIAN_CLAIM_GROUPS_FILE": str(groups)}


def _take_in(settings: Settings | EvaluatorSettings, folder: Path) -> None:
    file = folder / f"share.{EPOCH}.0.{settings.origin}.json"
    if file.exists():
        import_share(settings, open_vault(settings)[0], file)
        file.unlink()
