"""Loans on receivable certificates, and the locks on what they lend on."""
