"""How the command line reaches the hub and who it is: options, each with an environment variable."""

from __future__ import annotations

import argparse
import getpass
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import Clock, SandboxClock, SystemClock

from huilian_sdk import ClientCertificate, ClientSigner, Huilian, Keystore, TokenSigner
from huilian_sdk._files import read_private

_OPTIONS = {
    "target": "hub's host:port",
    "root_certificates": "PEM file of the hub's certificate authority (default: the system's)",
    "server_name": "name in the hub's certificate where it differs from the host",
    "client_certificate": "PEM file of a client certificate, for mutual TLS",
    "client_certificate_key": "PEM file of its private key",
    "origin": "the hub's origin, the audience of the caller's proofs",
    "keystore": "the enterprise's keystore file",
    "password_file": "file with the keystore's password (default: asked for)",
    "client_id": "name of a service that signs in with --client-key instead of a keystore",
    "client_key": "PEM file of that service's P-256 key",
    "access_token": "token of a person who signed in elsewhere, instead of a keystore",
    "clock_file": "a sandbox's clock file",
}


class UsageError(Exception):
    """An option is missing."""


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; each defaults to its variable, ``--target`` to ``HUILIAN_TARGET`` and so on."""
    for name, text in _OPTIONS.items():
        flag, variable = f"--{name.replace('_', '-')}", f"HUILIAN_{name.upper()}"
        parser.add_argument(flag, default=os.environ.get(variable), metavar="…", help=f"{text} [{variable}]")


def needed(options: argparse.Namespace, name: str) -> str:
    """The option's value. Raises :class:`UsageError` if it was not given."""
    value = getattr(options, name)
    if not value:
        raise UsageError(f"--{name.replace('_', '-')} (HUILIAN_{name.upper()}): {_OPTIONS[name]}")
    return str(value)


def open_keystore(options: argparse.Namespace) -> Keystore:
    """The keystore, opened. Raises :class:`UsageError` without ``--keystore`` and ``ValueError`` for a wrong
    password.
    """
    return Keystore.load(needed(options, "keystore"), password(options))


def password(options: argparse.Namespace) -> str:
    """The keystore's password from its file, else asked for."""
    if options.password_file:
        return read_private(options.password_file).decode("utf-8").rstrip("\r\n")
    return getpass.getpass("密钥库密码 keystore password: ")


def connect(options: argparse.Namespace, keystore: Keystore | None = None, *, anonymous: bool = False) -> Huilian:
    """A client as the options say: of a service, else of the enterprise whose keystore is open or will be opened."""
    clock: Clock = SandboxClock(options.clock_file) if options.clock_file else SystemClock()
    token = options.access_token
    client = Huilian.connect(
        needed(options, "target"),
        root_certificates_pem=Path(options.root_certificates).read_bytes() if options.root_certificates else None,
        client_certificate=_client_certificate(options),
        server_name=options.server_name,
        signer=None if anonymous or token else _signer(options, keystore, clock),
        clock=clock,
    )
    return client.with_token(token) if token else client


def _signer(options: argparse.Namespace, keystore: Keystore | None, clock: Clock) -> TokenSigner:
    origin = needed(options, "origin")
    if options.client_id:
        return ClientSigner(options.client_id, _client_key(options), origin, clock)
    keystore = keystore or open_keystore(options)
    return ClientSigner(keystore.uscc, keystore.token_key, origin, clock)


def _client_key(options: argparse.Namespace) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(read_private(needed(options, "client_key")), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("--client-key is no P-256 key")
    return key


def _client_certificate(options: argparse.Namespace) -> ClientCertificate | None:
    if not options.client_certificate:
        return None
    chain = Path(options.client_certificate).read_bytes()
    return ClientCertificate(chain, read_private(needed(options, "client_certificate_key")))
