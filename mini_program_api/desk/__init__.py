"""What the bank's operators see and act on. Served at an address of its own, never at the public one."""
