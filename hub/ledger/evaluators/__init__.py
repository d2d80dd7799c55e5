"""The claim key that no hub holds."""
