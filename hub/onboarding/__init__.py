"""Onboarding: enterprises compared with the business registry, and who may bind them up to which amount."""
