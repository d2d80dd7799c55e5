"""Sandboxes of the authorities that Huilian's trust is rooted in. They stand for institutions outside every hub."""
