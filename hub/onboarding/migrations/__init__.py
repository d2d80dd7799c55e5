"""Schema steps of hub.onboarding."""
