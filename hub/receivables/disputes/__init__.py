"""What the buyer disputes, and what credits and returns take off."""
