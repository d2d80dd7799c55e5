"""The client of another hub's witness: one gRPC channel, a deadline for each call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc
from huilian.ledger.v1 import witness_service_pb2 as pb
from huilian.ledger.v1 import witness_service_pb2_grpc
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import from_rpc_error
from huilian_protocol.tls import TlsFiles
from huilian_protocol.trust import TrustAnchors

from hub.ledger.witnesses.desk import Answer
from hub.platform.channels import Channels
from hub.platform.transactions import forbid_transaction
from hub.settings import Settings, SettingsError
from ledger.merkle.note import NoteKey

DEADLINE_S = 3.0


class GrpcWitness:
    """See `ports.WitnessPeer`."""

    def __init__(self, channel: grpc.aio.Channel, key: NoteKey) -> None:
        self._stub = witness_service_pb2_grpc.WitnessServiceStub(channel)
        self.key = key

    async def add_checkpoint(self, old_size: int, proof: Sequence[bytes], note: str) -> Answer:
        """See the port."""
        forbid_transaction("a call to a witness")
        request = pb.AddCheckpointRequest(old_size=old_size, proof=proof, checkpoint=note)
        try:
            answer = await self._stub.AddCheckpoint(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        if answer.WhichOneof("outcome") == "known_size":
            return Answer(known_size=answer.known_size)
        return Answer(answer.cosignatures, equivocation=answer.equivocation)

    async def witnessed(self, log_name: str) -> str | None:
        """See the port."""
        try:
            answer = await self._stub.GetWitnessedLog(pb.GetWitnessedLogRequest(origin=log_name), timeout=DEADLINE_S)
        except grpc.RpcError as error:
            stated: HuilianError = from_rpc_error(error)
            if stated.code == "NOT_FOUND":
                return None
            raise stated from error
        checkpoint: str = answer.checkpoint
        return checkpoint


@dataclass
class WitnessPeers:
    """The witnesses of this hub's log, with their channels."""

    peers: list[GrpcWitness] = field(default_factory=list)
    channels: Channels | None = None

    async def close(self) -> None:
        """Close the channels."""
        if self.channels is not None:
            await self.channels.close()


def witness_peers(settings: Settings, trust: TrustAnchors) -> WitnessPeers:
    """The witnesses that the settings name; their keys are pinned like all others. Raises SettingsError otherwise."""
    pinned = [vkey for hub in trust.hubs if hub.origin == settings.origin for vkey in hub.witnesses.vkeys]
    keys = {key.name: key for key in map(NoteKey.from_vkey, pinned)}
    unknown = [origin for origin in settings.witnesses if f"{origin}/witness" not in keys]
    if unknown:
        raise SettingsError(f"HUILIAN_WITNESSES: the trust anchors name no witness key of {', '.join(unknown)}")
    channels = Channels(TlsFiles(settings.tls_certificate_file, settings.tls_key_file, settings.tls_ca_file))
    witnesses = settings.witnesses.items()
    return WitnessPeers([GrpcWitness(channels.to(at), keys[f"{origin}/witness"]) for origin, at in witnesses], channels)
