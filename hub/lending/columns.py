"""How long the texts in this domain's tables may be."""

ID_LENGTH = 64
PARTY_LENGTH = 64
