"""Sandbox of the unified register of security over movables and rights (中登网 动产融资统一登记公示系统)."""
