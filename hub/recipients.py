"""Identity's published keys in the shape in which consent and exchange ask for them."""

from __future__ import annotations

from hub.consent.rules import RecipientKey
from hub.identity.keyset import KeyPublisher


class PublishedRecipients:
    """Identity's published keys in the shape in which consent and exchange ask for them."""

    def __init__(self, publisher: KeyPublisher) -> None:
        self._publisher = publisher

    def recipient_key(self, recipient_id: str, sealing_key_id: str | None = None) -> RecipientKey:
        """The recipient's present key or that with this id; raises NOT_FOUND or RECIPIENT_KEY_MISMATCH."""
        key = self._publisher.recipient(recipient_id, sealing_key_id)
        return RecipientKey(key.party, key.suite, key.public_key)
