"""The client of Huilian, the government-services and supply-chain-finance hub.

::

    async with Huilian.connect("hub.example:7443", signer=ClientSigner(...)) as hub:
        async for receivable in hub.receivables.list():
            ...

Modules whose names begin with an underscore are private; everything public is here.
"""

from huilian_protocol.errors import HuilianError

from huilian_sdk._calls import Call, Environment, RetryPolicy, new_id
from huilian_sdk._client import Huilian
from huilian_sdk._errors import (
    AuthenticationError,
    CallerError,
    ConflictError,
    DeadlineError,
    HubError,
    InvalidInputError,
    NotFoundError,
    PersonError,
    ProviderError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
)
from huilian_sdk._openings import sign_opening
from huilian_sdk._pages import Page, Pages
from huilian_sdk._tokens import ClientSigner, DeviceSigner, TokenSigner
from huilian_sdk._transport import ClientCertificate, GrpcTransport, Reply, Transport
from huilian_sdk.authenticator import SoftwareAuthenticator
from huilian_sdk.keystore import Keystore
from huilian_sdk.person import Person

__all__ = [
    "AuthenticationError",
    "Call",
    "CallerError",
    "ClientCertificate",
    "ClientSigner",
    "ConflictError",
    "DeadlineError",
    "DeviceSigner",
    "Environment",
    "GrpcTransport",
    "HubError",
    "Huilian",
    "HuilianError",
    "InvalidInputError",
    "Keystore",
    "NotFoundError",
    "Page",
    "Pages",
    "Person",
    "PersonError",
    "ProviderError",
    "RateLimitedError",
    "RefusedError",
    "Reply",
    "RetryPolicy",
    "SoftwareAuthenticator",
    "TokenSigner",
    "Transport",
    "UnavailableError",
    "new_id",
    "sign_opening",
]
