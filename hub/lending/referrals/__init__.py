"""What decision tables leave to a person."""
