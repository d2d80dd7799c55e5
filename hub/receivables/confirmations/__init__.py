"""The core enterprise's confirmation with its own key."""
