"""Courts' freezing orders."""
