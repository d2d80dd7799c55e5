"""Registration at the register of movable assets."""
