"""The bank's operators of a sandbox: their keys, and the process of their own pages."""

from __future__ import annotations

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.jose import Jwk, public_key_to_jwk

from deploy.process import ProcessSpec, port_open, python
from deploy.site import HubPlace, Site, mini_program_spec

# Two, for what needs four eyes.
OPERATORS = ("operator.li", "operator.wang")


def desk_spec(site: Site, hub: HubPlace) -> ProcessSpec:
    """The operators' own pages; over mutual TLS, so that their tokens are good here only."""
    files = site.pki.issue("channel.desk")
    port = site.port("desk")
    environment = {
        **mini_program_spec(site, hub).environment,
        "HUILIAN_FACE": "desk",
        "HUILIAN_TLS_CERTIFICATE_FILE": str(files.certificate),
        "HUILIAN_TLS_KEY_FILE": str(files.key),
        "HUILIAN_LISTEN": f"127.0.0.1:{port}",
        "HUILIAN_HUB_ADDRESS": f"127.0.0.1:{hub.partner_port}",
    }
    return ProcessSpec("desk", python("-m", "mini_program_api"), port_open(port), environment)


def operator_keys(site: Site) -> Path:
    """The file of the operators' public keys; each private key lies beside it, for the page to be chosen."""
    folder = site.folder / "operators"
    public = folder / "keys.json"
    if not public.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        public.write_text(json.dumps({name: _operator_key(folder, name) for name in OPERATORS}, indent=2) + "\n")
    return public


def _operator_key(folder: Path, name: str) -> Jwk:
    key = ec.generate_private_key(ec.SECP256R1())
    write_key(folder / f"{name}.key.json", name, key)
    return public_key_to_jwk(key.public_key())


def write_key(path: Path, client_id: str, key: ec.EllipticCurvePrivateKey) -> None:
    """What somebody signs in with at a page (web/shared/sign-in.ts): who they are and their P-256 key as a JWK."""
    scalar = key.private_numbers().private_value.to_bytes(32, "big")
    jwk = {**public_key_to_jwk(key.public_key()), "d": b64u_encode(scalar)}
    path.touch(mode=0o600)
    path.write_text(json.dumps({"client_id": client_id, "key": jwk}, indent=2) + "\n")
