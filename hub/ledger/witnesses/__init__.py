"""Witnesses: other hubs cosign this log, and this hub cosigns theirs."""
