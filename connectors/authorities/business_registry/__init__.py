"""Business registry sandbox, standing for the enterprise credit publicity system (国家企业信用信息公示系统)."""
