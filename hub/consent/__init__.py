"""What persons allow: purposes, artefacts, grants, revocations."""
