"""Which claims exist: a receivable's canonical identity and the fingerprints by which it is locked on the chain."""
