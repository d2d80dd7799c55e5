"""Traffic police (公安交管): url-encoded forms in GB18030 with an MD5 signature, both ways; fines can be paid."""
