"""Accounting: the bank's books behind the `BankCore` port."""
