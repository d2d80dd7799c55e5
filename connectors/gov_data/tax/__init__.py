"""Tax bureau (税务): XML in GB18030, every document signed by HMAC-SM3."""
