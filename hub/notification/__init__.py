"""Notifications: enterprises and the bank's operators are told what concerns them, in the hub and by webhook."""
