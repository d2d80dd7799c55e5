"""What supervisors may ask, and the public log of what they asked."""
