"""What an edge says in words of its own, before the hub keeps, logs or passes it on.

An edge says nothing personal in an error, and its acceptance suite looks; one that is broken, or hands on what its
agency wrote into an error, would put a person's name into the hub's tables and answers. So whatever is no ASCII text,
and every long number, is left out here. Codes, ids of datasets and the kit's own sentences pass unchanged.
"""

from __future__ import annotations

import re

from huilian_protocol.errors import HuilianError

MOST_CHARS = 200
LEFT_OUT = "…"
# Numbers of persons, cards, accounts and phones, also when they are written in groups; amounts of six digits and more.
_TELLING = re.compile(r"[^\x20-\x7e]+|[0-9](?:[ .,:/_-]?[0-9Xx]){5,}|%[0-9A-Fa-f]{2}|\\[ux][0-9A-Fa-f]{2}")
# The same in another spelling (hexadecimal, base64): letters mixed with digits, or a word as long as none of ours is.
_ENCODED = re.compile(r"(?=[A-Za-z+=]*[0-9])(?=[0-9+=]*[A-Za-z])[0-9A-Za-z+=]{8,}|[A-Za-z+=]{28,}")


def plain_words(text: str) -> str:
    """The text without what could be about a person."""
    return _ENCODED.sub(LEFT_OUT, _TELLING.sub(LEFT_OUT, text[:MOST_CHARS]))


def in_plain_words(error: HuilianError, agency: str, request_id: str) -> HuilianError:
    """The refusal of a request by this agency's edge; nothing of it could be about a person."""
    told, ours = HuilianError(error.code, plain_words(error.detail)), {"provider": agency, "request_id": request_id}
    told.params = {plain_words(name): ours.get(name, plain_words(value)) for name, value in error.params.items()}
    return told
