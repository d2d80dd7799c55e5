"""What every connector shares: contract, host process, consent verification, sealing, quota, acceptance suite."""
