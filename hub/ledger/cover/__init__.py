"""Claims under cover: the same goes onto the chain at every beat."""
