"""The chain: this hub's transactions and anchors."""
