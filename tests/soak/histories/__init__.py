"""Random histories of the whole of trade, certificates, loans and books, with crashes and restarts."""
