"""The platform's interface: paths, header, codes, and the size of a page."""

from __future__ import annotations

PING_PATH, BILLS_PATH, PAYMENTS_PATH = "/open/v1/ping", "/open/v1/bills/search", "/open/v1/payments"
KEY_HEADER = "X-Api-Key"
ORDER_HEADER = "Idempotency-Key"
PAGE_SIZE = 20
OK, NO_CUSTOMER = "OK", "NO_CUSTOMER"
ALREADY_PAID, WRONG_AMOUNT, NO_BILL = "ALREADY_PAID", "WRONG_AMOUNT", "NO_BILL"
