"""Connectors run at the edge of a data owner and trust nobody but the pinned authorities."""
