"""Early warning: rule tables (JSON), what they count, what persons do about it."""
