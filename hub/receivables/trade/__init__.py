"""Trade documents, as they come in from the buyers' ERPs."""
