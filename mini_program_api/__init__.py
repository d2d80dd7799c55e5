"""REST for the screens of mini program and browser: HTTP in, the SDK's calls to the hub out; no database, no business rule."""
