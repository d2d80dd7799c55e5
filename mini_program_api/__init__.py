"""The REST face of the hub for mini program and supplier portal: no database, no business rule, only the SDK."""
