"""The table names every RPC of the protocol and nothing else."""

from __future__ import annotations

import importlib
from pathlib import Path

import huilian
import pytest
from huilian_protocol.errors import HuilianError

from hub.platform import policy
from hub.platform.callers import ANONYMOUS, Caller, Role


def _every_rpc() -> set[str]:
    """Full paths of all RPCs in the generated code."""
    paths = set()
    root = Path(next(iter(huilian.__path__)))
    for file in root.rglob("*_pb2.py"):
        name = ".".join(file.relative_to(root.parent).with_suffix("").parts)
        descriptor = importlib.import_module(name).DESCRIPTOR
        for service in descriptor.services_by_name.values():
            paths |= {f"/{service.full_name}/{method.name}" for method in service.methods}
    return paths


def test_every_rpc_is_in_the_table_and_only_those() -> None:
    rpcs = _every_rpc()
    assert len(rpcs) > 50
    assert set(policy.POLICY) == rpcs


@pytest.mark.parametrize("role", Role)
def test_an_unknown_method_is_closed_to_everybody(role: Role) -> None:
    with pytest.raises(HuilianError, match="PERMISSION_DENIED"):
        policy.check("/huilian.consent.v1.ConsentService/GrantEverything", Caller("x", role))


def test_whoever_has_not_signed_in_is_told_so() -> None:
    with pytest.raises(HuilianError, match="UNAUTHENTICATED"):
        policy.check("/huilian.consent.v1.ConsentService/GrantConsent", ANONYMOUS)


def test_roles_do_not_reach_into_each_other() -> None:
    grant = "/huilian.consent.v1.ConsentService/GrantConsent"
    policy.check(grant, Caller("net-1", Role.CITIZEN))
    for role in set(Role) - {Role.CITIZEN, Role.ANONYMOUS}:
        with pytest.raises(HuilianError, match="PERMISSION_DENIED"):
            policy.check(grant, Caller("x", role))


def test_what_others_serve_is_closed_here() -> None:
    for method, roles in policy.POLICY.items():
        served_elsewhere = any(part in method for part in (".connector.v1.", "AuthorityService/", "RegistryService/"))
        assert (not roles) == served_elsewhere, method
