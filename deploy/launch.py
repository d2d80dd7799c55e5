"""Brings a site up in the order in which its parts need each other, and down again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import grpc
from huilian.identity.v1 import authority_service_pb2 as pb
from huilian.identity.v1 import authority_service_pb2_grpc
from huilian_protocol.sealing import SealingKey, Suite

from deploy import claim_keys
from deploy import site as places
from deploy.operators import operator_keys
from deploy.process import ProcessSpec, Supervisor, python
from deploy.recipients import state_recipients_keys
from deploy.site import HubPlace, Site
from ledger.anchor.deploy import deploy_contract

Say = Callable[[str], None]


async def launch(
    site: Site, supervisor: Supervisor, hubs: Sequence[HubPlace], say: Say, *, government: bool = True
) -> None:
    """Start everything; the first hub is the one that the agencies' connectors and the channel serve.

    Without `government` there are no agencies and no channel: supply-chain finance alone.
    """
    say("authorities, agency sandboxes, ERP, chain …")
    tryton, erp_connector = places.erp_specs(site)
    agencies = places.agency_sandbox_specs(site) if government else []
    connectors = places.connector_specs(site, hubs[0]) if government else []
    entries, _ = await asyncio.gather(
        _hub_entries(site, supervisor, hubs),
        supervisor.start_all([*places.authority_specs(site), *agencies, tryton]),
    )
    evaluators = await asyncio.to_thread(claim_keys.prepare, site, [hub_spec(site, hub) for hub in hubs])
    addresses = [entry["chain_address"] for entry in entries]
    contract = await deploy_contract(site.chain_url, site.chain_admin(), addresses)
    agency_keys = {spec.name: places.connector_keys(spec) for spec in connectors}
    await write_trust(site, entries, agency_keys, contract, state_recipients_keys(site, hubs))
    say("hub, connectors, mini_program_api …")
    channel = [places.mini_program_spec(site, hubs[0])] if government else []
    serving = [*(hub_spec(site, hub, hubs) for hub in hubs), *evaluators, erp_connector, *connectors, *channel]
    await supervisor.start_all(serving)


async def _hub_entries(site: Site, supervisor: Supervisor, hubs: Sequence[HubPlace]) -> list[dict[str, Any]]:
    """What the hubs publish of themselves; the chain is started as soon as their addresses are known."""
    entries = await asyncio.gather(*(published(supervisor, hub_spec(site, hub)) for hub in hubs))
    await supervisor.start(places.chain_spec(site, {entry["origin"]: entry["chain_address"] for entry in entries}))
    return entries


def hub_spec(site: Site, hub: HubPlace, hubs: Sequence[HubPlace] = ()) -> ProcessSpec:
    """One hub; the others of `hubs` watch its log and are its consortium. Only the first hub of a site has connectors
    to agencies: an edge follows one hub's revocations.
    """
    agencies = {agency: f"127.0.0.1:{site.port(agency)}" for agency in places.AGENCIES} if hub.name == "hub-a" else {}
    others = {other.origin: f"127.0.0.1:{other.partner_port}" for other in hubs if other.name != hub.name}
    environment = {
        **places.tls_environment(site.pki.issue(hub.certificate)),
        "HUILIAN_MODE": "sandbox",
        "HUILIAN_ORIGIN": hub.origin,
        "HUILIAN_STATE_DIR": str(hub.folder),
        "HUILIAN_MORE_SUITES": json.dumps([Suite.X25519]),
        **_claim_key(site),
        "HUILIAN_PUBLIC_LISTEN": f"127.0.0.1:{hub.public_port}",
        "HUILIAN_PARTNER_LISTEN": f"127.0.0.1:{hub.partner_port}",
        "HUILIAN_TRUST_ANCHORS_FILE": str(site.trust_file),
        "HUILIAN_CLOCK_FILE": str(site.clock_file),
        "HUILIAN_IDENTITY_AUTHORITY": f"127.0.0.1:{site.port('identity_authority')}",
        "HUILIAN_TAX_AUTHORITY": f"127.0.0.1:{site.port('tax_authority')}",
        "HUILIAN_MOVABLE_ASSET_REGISTRY": f"127.0.0.1:{site.port('movable_asset_registry')}",
        "HUILIAN_BUSINESS_REGISTRY": f"127.0.0.1:{site.port('business_registry')}",
        "HUILIAN_CONNECTORS": json.dumps(agencies),
        "HUILIAN_ERP_CONNECTORS": json.dumps({places.BUYER_USCC: f"127.0.0.1:{site.port('erp_connector')}"}),
        "HUILIAN_CHAIN_URL": site.chain_url,
        "HUILIAN_WITNESSES": json.dumps(others),
        "HUILIAN_HUBS": json.dumps({**others, **_evaluators(site, hubs)}),
        "HUILIAN_OPERATOR_KEYS_FILE": str(operator_keys(site)),
        # A partner tries its receiver on this machine.
        "HUILIAN_WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
        "HUILIAN_WEBHOOK_CA_FILE": str(site.pki.issue(hub.certificate).ca),
    }
    if site.statements_file(hub).exists():
        environment["HUILIAN_RECIPIENT_STATEMENTS_FILE"] = str(site.statements_file(hub))
    if site.rate_limits:
        environment["HUILIAN_RATE_LIMITS"] = site.rate_limits
    if site.database_url and hub.name == "hub-a":
        environment["HUILIAN_DATABASE_URL"] = site.database_url
    return ProcessSpec(hub.name, python("-m", "hub.main"), site.serving(f"{hub.name}.partner"), environment)


def _claim_key(site: Site) -> dict[str, str]:
    """The key in shares, once its ceremony was held; a hub that is started by itself has one for itself."""
    if site.claim_groups_file.exists():
        return {"HUILIAN_CLAIM_GROUPS_FILE": str(site.claim_groups_file)}
    return {"HUILIAN_CONSORTIUM_KEY_FILE": str(site.secret_file("consortium"))}


def _evaluators(site: Site, hubs: Sequence[HubPlace]) -> dict[str, str]:
    return claim_keys.addresses(site, len(hubs) or 1) if site.claim_groups_file.exists() else {}


async def published(supervisor: Supervisor, spec: ProcessSpec) -> dict[str, Any]:
    """What a hub publishes of itself, made before its first start by a command of its own. Raises StartFailed."""
    answer: dict[str, Any] = json.loads(await supervisor.output(replace(spec, arguments=[*spec.arguments, "keys"])))
    return answer


async def write_trust(
    site: Site,
    hubs: list[dict[str, Any]],
    agencies: dict[str, Any],
    contract: str,
    recipients: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Ask the two authorities for their keys and write what devices, edges and verifiers pin."""
    credentials = site.operator_credentials()
    async with (
        grpc.aio.secure_channel(f"127.0.0.1:{site.port('identity_authority')}", credentials) as identity,
        grpc.aio.secure_channel(f"127.0.0.1:{site.port('certificate_authority')}", credentials) as certificates,
    ):
        bindings = await authority_service_pb2_grpc.IdentityAuthorityServiceStub(identity).GetAuthorityKeys(
            pb.GetAuthorityKeysRequest(), timeout=10
        )
        ca = await authority_service_pb2_grpc.CertificateAuthorityServiceStub(certificates).GetCertificateAuthority(
            pb.GetCertificateAuthorityRequest(), timeout=10
        )
    sealing = SealingKey(Suite(bindings.suite), bindings.sealing_public_key)
    trust = {
        "identity_authority_keys": json.loads(bindings.binding_keys_jwks),
        "identity_authority_sealing_keys": [sealing.to_dict()],
        "agencies": agencies,
        "recipients": dict(recipients),
        "enterprise_ca": ca.ca_certificate_pem,
        "hubs": [_witnessed(hub, hubs) for hub in hubs],
        "chain": {"chain_id": places.CHAIN_ID, "contract": contract},
        "rp_id": places.RP_ID,
        "origin": places.WEB_ORIGIN,
    }
    site.trust_file.write_text(json.dumps(trust, indent=2) + "\n")


def _witnessed(hub: dict[str, Any], hubs: list[dict[str, Any]]) -> dict[str, Any]:
    """The hub's entry, with the other hubs of the site as witnesses of its log: all of them, for there are few."""
    vkeys = [other["witness_vkey"] for other in hubs if other is not hub]
    return {**hub, "witnesses": {"at_least": len(vkeys), "vkeys": vkeys}}
