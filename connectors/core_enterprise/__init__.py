"""Connectors to the ERPs of core enterprises, one folder per ERP. Each runs at the enterprise's own edge."""
