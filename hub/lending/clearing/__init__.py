"""Payment at and after the due date, down the certificate chain."""
