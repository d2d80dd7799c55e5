"""Who can be called in a running site, as whom, and which ids exist there: what the RPC fuzz walks."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import huilian
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from huilian.exchange.v1 import exchange_service_pb2 as exchange
from huilian_protocol.metadata import AUTHORIZATION, BEARER
from huilian_sdk import Huilian

from connectors.kit.sandbox_companies import DEALER, SUPPLIER
from connectors.kit.sandbox_people import Person
from deploy.journeys.parties import client_of, open_party, register_enterprises
from deploy.site import AGENCIES, HubPlace, Site
from hub.platform.callers import Role
from hub.platform.peers import caller_of
from hub.platform.policy import allowed_roles
from tests.integration.citizens import registered

AUTHORITIES = {
    "IdentityAuthorityService": ("identity_authority",),
    "CertificateAuthorityService": ("certificate_authority",),
    "TaxAuthorityService": ("tax_authority",),
    "MovableAssetRegistryService": ("movable_asset_registry",),
    "BusinessRegistryService": ("business_registry",),
    "ConnectorService": AGENCIES,
    "ErpConnectorService": ("erp_connector",),
}
# Certificates that the site's CA signs, and what they may call at an edge or at the hub is the policy's business.
SERVICES = ("channel.mini_program_api", "connector.housing_fund", "operator.desk", "supervisor.bureau", "nobody")
# Whom the edges of a site let in.
LET_IN = ("hub-a", "operator.desk")
# The future is shared: a site whose clock was moved by centuries is no site to fuzz any more.
LEFT_OUT = {("/huilian.common.v1.SandboxService/MoveClock", "operator.desk")}
REMEMBERED = 48


@dataclass(frozen=True)
class Method:
    """One RPC of the protocol."""

    path: str
    descriptor: MethodDescriptor

    @property
    def service(self) -> str:
        """The service's short name."""
        return str(self.descriptor.containing_service.name)


@cache
def methods() -> tuple[Method, ...]:
    """Every RPC of every service, by walking the generated descriptors: a new one is fuzzed from its first day."""
    found = {}
    for path in Path(huilian.__path__[0]).rglob("*_pb2.py"):
        name = ".".join(path.relative_to(Path(huilian.__path__[0]).parent).with_suffix("").parts)
        for service in importlib.import_module(name).DESCRIPTOR.services_by_name.values():
            for one in service.methods:
                found[f"/{service.full_name}/{one.name}"] = one
    assert found, "no service was found"
    return tuple(Method(path, found[path]) for path in sorted(found))


@dataclass
class Pool:
    """Values that exist, by the name of the field that carries them; newest kept."""

    values: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))

    def learn(self, message: Message) -> None:
        """Remember what an answer names, where a request has a field of that name."""
        for name, value in _scalars(message):
            if name in _asked_for() and value and value not in self.values[name]:
                self.values[name] = [*self.values[name], value][-REMEMBERED:]

    def frozen(self) -> Mapping[str, Sequence[Any]]:
        """The values of this moment."""
        return {name: tuple(values) for name, values in self.values.items()}


@cache
def _asked_for() -> frozenset[str]:
    """Names of scalar fields of requests, however deep. `request_id` is left alone: it has to be fresh or repeated."""
    names: set[str] = set()
    seen: set[str] = set()
    todo = [method.descriptor.input_type for method in methods()]
    while todo:
        message = todo.pop()
        if message.full_name not in seen:
            seen.add(message.full_name)
            names |= {one.name for one in message.fields if one.message_type is None}
            todo += [one.message_type for one in message.fields if one.message_type is not None]
    return frozenset(names)


def _scalars(message: Message) -> Iterator[tuple[str, Any]]:
    for one, value in message.ListFields():
        many = value if one.is_repeated else [value]
        if one.message_type is not None and one.message_type.GetOptions().map_entry:
            continue
        for each in many:
            if one.message_type is not None:
                yield from _scalars(each)
            elif one.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
                yield one.name, each


@dataclass(frozen=True)
class Caller:
    """One way to call: a channel and what is sent along."""

    name: str
    channel: grpc.Channel
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass
class Targets:
    """Open channels to everything, as everybody."""

    site: Site
    hub: HubPlace
    tokens: Mapping[str, str]
    _channels: dict[tuple[int, str], grpc.Channel] = field(default_factory=dict)

    def callers(self, method: Method) -> list[Caller]:
        """Everybody who can be tried on a method."""
        places = AUTHORITIES.get(method.service)
        if places is not None:
            ports = [self.site.port(place) for place in places]
            everybody = (*LET_IN, *LET_IN, "channel.mini_program_api", "supervisor.bureau", "nobody")
            return [Caller(f"{who}@{port}", self._mutual(port, who)) for port in ports for who in everybody]
        named = [Caller(who, self._mutual(self.hub.partner_port, who)) for who in (*SERVICES, DEALER.uscc)]
        public = self._channel(self.hub.public_port, "")
        bearers = [
            Caller(who, public if who == "citizen" else self._mutual(self.hub.partner_port, who), _bearer(token))
            for who, token in self.tokens.items()
        ]
        odd = Caller("forged token", public, _bearer(self.tokens["citizen"][:-4] + "AAAA"))
        everybody = [Caller("anonymous", public), odd, *named, *bearers]
        everybody = [caller for caller in everybody if (method.path, caller.name) not in LEFT_OUT]
        # Those whom the policy lets in come often enough to get somewhere, and first: so hypothesis likes it.
        welcome = [caller for caller in everybody if _role(caller) in allowed_roles(method.path)]
        return welcome * (4 * len(everybody) // max(1, len(welcome))) + everybody

    def close(self) -> None:
        """Close every channel."""
        for channel in self._channels.values():
            channel.close()

    def _mutual(self, port: int, who: str) -> grpc.Channel:
        return self._channel(port, who)

    def _channel(self, port: int, who: str) -> grpc.Channel:
        if (port, who) not in self._channels:
            files = self.site.pki.issue(who or "channel.mini_program_api")
            pair = (files.key.read_bytes(), files.certificate.read_bytes()) if who else (None, None)
            credentials = grpc.ssl_channel_credentials(files.ca.read_bytes(), *pair)
            options = [("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0)]
            self._channels[port, who] = grpc.secure_channel(f"127.0.0.1:{port}", credentials, options)
        return self._channels[port, who]


async def prepared(site: Site, hub: HubPlace, who: Person, pool: Pool) -> Targets:
    """A fresh device of this person and two enterprises, signed in, with consents, data and receivables of theirs."""
    tokens = {}
    async with registered(site, hub, who) as citizen:
        tokens["citizen"] = await _token(citizen.hub)
        wanted = await citizen.prepare()
        pool.values["sealed_subject"] += list((await citizen.sealed(wanted)).values())
        consent = await citizen.sign(wanted)
        pool.learn(consent)
        [grant] = wanted.artefact.datasets
        fetched = await citizen.hub.exchange.fetch_many(consent_id=consent.consent_id)
        for message in (fetched, await citizen.hub.exchange.datasets(), await citizen.hub.identity.key_set()):
            pool.learn(message)
        pool.learn(exchange.DatasetRead(dataset_id=grant.id, fields=grant.fields))
        for name in ("from_month", "to_month"):
            pool.values[name] = [getattr(grant.period, name)]
    parties = [await open_party(site, company) for company in (DEALER, SUPPLIER)]
    await register_enterprises(site, hub, parties)
    for party in parties:
        async with client_of(site, hub, party) as client:
            tokens[party.uscc] = await _token(client)
            if party.company is DEALER:
                await client.receivables.sync()
            for listed in (client.receivables.list(), client.certificates.list()):
                async for each in listed:
                    pool.learn(each)
        pool.values["uscc"].append(party.uscc)
    return Targets(site, hub, tokens)


async def _token(client: Huilian) -> str:
    return await client.exchange.calls.tokens.token()


def _role(caller: Caller) -> Role:
    return Role.CITIZEN if caller.name == "citizen" else caller_of(caller.name).role


def _bearer(token: str) -> tuple[tuple[str, str], ...]:
    return ((AUTHORIZATION, BEARER + token),)
