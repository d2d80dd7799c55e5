"""Connectors to government agencies, one folder per agency. Each runs at the agency's own edge."""
