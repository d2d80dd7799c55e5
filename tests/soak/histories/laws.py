"""The design's invariants as one statement over the tables: every row that it gives is a breach.

What one row can show is a CHECK of the database already; these are the sums and the ties between tables. The
statement runs after every step.
"""

from __future__ import annotations

from hub.lending.products.definitions import DEALER_LOAN, ORDER_LOAN, RECEIVABLE_LOAN, load_products

_PRODUCTS = load_products()
ON_RECEIVABLES, ON_ORDERS = (
    int(_PRODUCTS[name].advance_rate * 10_000) for name in (RECEIVABLE_LOAN, ORDER_LOAN)
)  # advance rates in ten-thousandths: SQLite's sums of decimals are floats
ROUNDED_FEN = 40
"""Parts of an order's principal leave it rounded down, a fen with each delivery or cancellation."""

_UNSPENT = "'ISSUED', 'HELD', 'BLOCKED', 'FINANCED', 'FROZEN', 'DUE'"
_ASKED = "'SUBMITTED', 'CHECKED', 'OFFERED', 'ACCEPTED', 'SIGNED'"
_BIDDING = "'OPEN', 'AWARDED'"
_UNSOUND = "'DRAFT', 'MATCHED', 'DISPUTED', 'DILUTED', 'VOID'"

_CERTIFICATES = f"""
SELECT 'unspent + redeemed = issued <= confirmed' AS law, r.receivable_id AS what
FROM receivables_receivable r LEFT JOIN (
    SELECT receivable_id, SUM(redeemed_fen) AS paid,
        SUM(CASE WHEN state IN ({_UNSPENT}, 'REDEEMED') THEN amount_fen ELSE 0 END) AS alive
    FROM receivables_certificate GROUP BY receivable_id) c ON c.receivable_id = r.receivable_id
WHERE r.issued_fen <> COALESCE(c.alive, 0) OR r.redeemed_fen <> COALESCE(c.paid, 0) OR r.issued_fen > r.amount_fen
UNION ALL
SELECT 'maturity is the receivable''s', c.certificate_id FROM receivables_certificate c
JOIN receivables_receivable r ON r.receivable_id = c.receivable_id WHERE c.due_date <> r.due_date
UNION ALL
SELECT 'outputs are worth what was spent', p.certificate_id FROM receivables_certificate p LEFT JOIN (
    SELECT parent_id, SUM(amount_fen) AS fen FROM receivables_certificate WHERE parent_id IS NOT NULL GROUP BY parent_id
    ) o ON o.parent_id = p.certificate_id
WHERE COALESCE(o.fen, 0) <> CASE WHEN p.state IN ('SPLIT', 'TRANSFERRED')
    OR (p.state IN ('REFUSED', 'CANCELLED') AND p.parent_id IS NOT NULL) THEN p.amount_fen ELSE 0 END
"""

_LIMITS = f"""
SELECT 'blocked + utilised = uses <= limit', l.limit_id FROM lending_limit l LEFT JOIN (
    SELECT limit_id, SUM(blocked_fen) AS blocked, SUM(utilised_fen) AS utilised FROM (
        SELECT limit_id, blocked_fen, utilised_fen FROM lending_limit_use
        UNION ALL SELECT h.limit_id, u.blocked_fen, u.utilised_fen FROM lending_limit_hold h
        JOIN lending_limit_use u ON u.reference = h.reference) held
    GROUP BY limit_id) s ON s.limit_id = l.limit_id
WHERE l.blocked_fen <> COALESCE(s.blocked, 0) OR l.utilised_fen <> COALESCE(s.utilised, 0)
    OR l.blocked_fen + l.utilised_fen > l.limit_fen
UNION ALL
SELECT 'utilised = principal in the books', u.reference FROM lending_limit_use u
LEFT JOIN accounting_account a ON a.account_id = 'loan:' || u.reference
WHERE u.utilised_fen <> COALESCE(a.guarded_fen, 0)
UNION ALL
SELECT 'blocked = what was asked for', u.reference FROM lending_limit_use u
LEFT JOIN lending_financing f ON f.financing_id = u.reference AND f.state IN ({_ASKED})
LEFT JOIN lending_order_loan o ON o.loan_id = u.reference AND o.state IN ('OFFERED', 'SIGNED')
LEFT JOIN lending_dealer_loan d ON d.loan_id = u.reference AND d.state = 'OFFERED'
WHERE u.blocked_fen <> COALESCE(f.principal_fen, o.principal_fen, d.principal_fen, 0)
"""

_CLAIMS = f"""
SELECT 'a certificate is blocked for one application', c.certificate_id FROM receivables_certificate c
LEFT JOIN (
    SELECT certificate_id, COUNT(*) AS asked FROM (
        SELECT certificate_id FROM lending_financing WHERE state IN ({_ASKED})
        UNION ALL SELECT certificate_id FROM lending_auction WHERE state IN ({_BIDDING})) a
    GROUP BY certificate_id) f ON f.certificate_id = c.certificate_id
WHERE COALESCE(f.asked, 0) <> CASE WHEN c.state = 'BLOCKED' THEN 1 ELSE 0 END
UNION ALL
SELECT 'a certificate secures its one open loan', c.certificate_id FROM receivables_certificate c LEFT JOIN (
    SELECT certificate_id, COUNT(*) AS loans FROM lending_loan WHERE NOT closed AND certificate_id IS NOT NULL
    GROUP BY certificate_id) l ON l.certificate_id = c.certificate_id
WHERE COALESCE(l.loans, 0) > 1 OR (c.state = 'FINANCED' AND l.loans IS NULL)
    OR (l.loans IS NOT NULL AND c.state NOT IN ('FINANCED', 'DUE', 'REDEEMED'))
UNION ALL
SELECT 'a receivable is pledged for something', r.receivable_id FROM receivables_receivable r
WHERE r.state IN ('PLEDGED', 'ASSIGNED') AND r.direct_fen = 0 AND NOT EXISTS (
    SELECT 1 FROM lending_conversion v LEFT JOIN lending_loan l ON l.loan_id = v.receivable_loan_id
    WHERE v.receivable_id = r.receivable_id AND (v.state = 'PENDING' OR (v.state = 'CONVERTED' AND NOT l.closed)))
UNION ALL
SELECT 'what secures a loan is not free', r.receivable_id FROM lending_conversion v
JOIN lending_loan l ON l.loan_id = v.receivable_loan_id AND NOT l.closed
JOIN receivables_receivable r ON r.receivable_id = v.receivable_id
WHERE v.state = 'CONVERTED' AND r.direct_fen = 0 AND r.state IN ('CONFIRMED', 'CERTIFICATED')
UNION ALL
SELECT 'an open loan rests on a live claim', l.loan_id FROM lending_loan l
JOIN lending_claim c ON c.claim_id = l.claim_id WHERE NOT l.closed AND c.state <> 'FINANCED'
"""

_ADVANCES = f"""
SELECT 'advance <= rate x certificate', f.financing_id FROM lending_financing f
JOIN receivables_certificate c ON c.certificate_id = f.certificate_id
WHERE f.state <> 'REJECTED' AND f.principal_fen * 10000 > c.amount_fen * {ON_RECEIVABLES}
UNION ALL
SELECT 'advance <= rate x certificate', a.auction_id FROM lending_auction a
JOIN receivables_certificate c ON c.certificate_id = a.certificate_id
WHERE a.principal_fen * 10000 > c.amount_fen * {ON_RECEIVABLES}
UNION ALL
SELECT 'advance <= rate x goods to come', o.loan_id FROM lending_order_loan o JOIN (
    SELECT loan_id, SUM(principal_fen) AS principal, SUM(ordered_fen) AS ordered,
        SUM(principal_fen - converted_fen - called_fen) AS standing,
        SUM(ordered_fen - delivered_fen - cancelled_fen) AS coming
    FROM lending_order_line GROUP BY loan_id) s ON s.loan_id = o.loan_id
WHERE o.principal_fen <> s.principal OR s.principal * 10000 > s.ordered * {ON_ORDERS}
    OR (s.standing - {ROUNDED_FEN}) * 10000 > s.coming * {ON_ORDERS}
UNION ALL
SELECT 'lent on delivery <= rate x receivable', v.id FROM lending_conversion v
JOIN receivables_receivable r ON r.receivable_id = v.receivable_id
WHERE v.lent_fen * 10000 > (r.amount_fen + r.credited_fen) * {ON_RECEIVABLES}
UNION ALL
SELECT 'above rate x what is left: called in', l.loan_id FROM lending_conversion v
JOIN lending_loan l ON l.loan_id = v.receivable_loan_id AND NOT l.closed
JOIN receivables_receivable r ON r.receivable_id = v.receivable_id
JOIN accounting_account a ON a.account_id = 'loan:' || l.loan_id
WHERE v.state = 'CONVERTED' AND a.guarded_fen > 0 AND r.state <> 'SETTLED'
    AND (r.state IN ({_UNSOUND}) OR a.guarded_fen * 10000 > r.amount_fen * {ON_RECEIVABLES})
    AND NOT EXISTS (SELECT 1 FROM lending_call k WHERE k.loan_id = l.loan_id AND k.state = 'OPEN')
UNION ALL
SELECT 'a call ends with its loan', k.loan_id FROM lending_call k
JOIN lending_loan l ON l.loan_id = k.loan_id WHERE k.state = 'OPEN' AND l.closed
UNION ALL
SELECT 'an order loan ends with its loan', o.loan_id FROM lending_order_loan o
JOIN lending_loan l ON l.loan_id = o.loan_id
WHERE (l.closed AND o.state <> 'ENDED') OR (NOT l.closed AND o.state <> 'DISBURSED')
"""

_AUCTIONS = f"""
SELECT 'a bid''s money is aside until the auction ends' AS law, b.bid_id AS what FROM lending_bid b
JOIN lending_auction a ON a.auction_id = b.auction_id
LEFT JOIN accounting_account e ON e.account_id = 'escrow:' || b.bid_id
WHERE COALESCE(e.guarded_fen, -1) <>
    CASE WHEN b.state <> 'LOST' AND a.state IN ({_BIDDING}) THEN a.principal_fen ELSE 0 END
UNION ALL
SELECT 'one bid wins', a.auction_id FROM lending_auction a LEFT JOIN (
    SELECT auction_id, SUM(CASE WHEN state = 'WON' THEN 1 ELSE 0 END) AS won,
        SUM(CASE WHEN state IN ('SEALED', 'REVEALED') THEN 1 ELSE 0 END) AS waiting
    FROM lending_bid GROUP BY auction_id) b ON b.auction_id = a.auction_id
WHERE COALESCE(b.won, 0) <> CASE WHEN a.state IN ('AWARDED', 'FUNDED') THEN 1 ELSE 0 END
    OR (a.state <> 'OPEN' AND COALESCE(b.waiting, 0) <> 0)
UNION ALL
SELECT 'the best rate wins, of equal ones the earliest', b.bid_id FROM lending_bid b
JOIN lending_bid o ON o.auction_id = b.auction_id AND o.bid_id <> b.bid_id AND o.annual_rate IS NOT NULL
WHERE b.state = 'WON' AND (CAST(o.annual_rate AS DECIMAL) < CAST(b.annual_rate AS DECIMAL)
    OR (CAST(o.annual_rate AS DECIMAL) = CAST(b.annual_rate AS DECIMAL) AND o.sequence < b.sequence))
UNION ALL
SELECT 'no bid is above what the holder accepts', b.bid_id FROM lending_bid b
JOIN lending_auction a ON a.auction_id = b.auction_id
WHERE CAST(b.annual_rate AS DECIMAL) > CAST(a.highest_rate AS DECIMAL)
UNION ALL
SELECT 'what the winner lends is what was offered', a.auction_id FROM lending_auction a
LEFT JOIN lending_bid b ON b.auction_id = a.auction_id AND b.state = 'WON'
LEFT JOIN lending_loan l ON l.loan_id = a.auction_id
WHERE (a.state = 'FUNDED') <> (l.loan_id IS NOT NULL)
    OR (l.loan_id IS NOT NULL AND (l.funder <> b.funder OR l.limit_fen <> a.principal_fen))
UNION ALL
SELECT 'the bank owes a funder what its borrower owes', l.loan_id FROM lending_loan l
LEFT JOIN accounting_account e ON e.account_id = 'entrusted:' || l.loan_id
LEFT JOIN accounting_account a ON a.account_id = 'loan:' || l.loan_id
WHERE (l.funder IS NULL AND e.account_id IS NOT NULL)
    OR (l.funder IS NOT NULL AND COALESCE(e.guarded_fen, -1) <> a.guarded_fen)
"""

_DEALERS = f"""
SELECT 'a dealer''s loan was signed' AS law, d.loan_id AS what FROM lending_dealer_loan d
LEFT JOIN lending_loan l ON l.loan_id = d.loan_id WHERE (d.state = 'DISBURSED') <> (l.loan_id IS NOT NULL)
UNION ALL
SELECT 'a dealer owes no more than its limit', d.loan_id FROM lending_dealer_loan d
JOIN accounting_account a ON a.account_id = 'loan:' || d.loan_id WHERE a.guarded_fen > d.limit_fen
UNION ALL
SELECT 'one loan of a dealer at a time', l.loan_id FROM lending_loan l
JOIN accounting_account a ON a.account_id = 'loan:' || l.loan_id
JOIN lending_loan n ON n.borrower = l.borrower AND n.product_id = l.product_id AND n.created_at > l.created_at
JOIN lending_loan_event e ON e.loan_id = n.loan_id AND e.sequence = 0
WHERE l.product_id = '{DEALER_LOAN}' AND NOT l.closed AND (e.value_date < l.maturity OR a.guarded_fen > 0)
UNION ALL
SELECT 'whoever proposed does not decide', loan_id FROM lending_dealer_loan WHERE reviewed_by = proposed_by
"""

_BOOKS = """
SELECT 'the buyer''s ledger is told of what was paid', r.receivable_id FROM receivables_receivable r LEFT JOIN (
    SELECT receivable_id, SUM(amount_fen) AS fen FROM lending_erp_payment GROUP BY receivable_id
    ) e ON e.receivable_id = r.receivable_id WHERE r.redeemed_fen + r.direct_fen <> COALESCE(e.fen, 0)
UNION ALL
SELECT 'a journal balances', journal_id FROM accounting_line GROUP BY journal_id
HAVING SUM(debit_fen) <> SUM(credit_fen)
UNION ALL
SELECT 'a balance is the sum of its lines', a.account_id FROM accounting_account a LEFT JOIN (
    SELECT account_id, SUM(credit_fen - debit_fen) AS fen FROM accounting_line GROUP BY account_id
    ) s ON s.account_id = a.account_id
WHERE (a.kind IN ('DEPOSIT', 'ESCROW', 'ENTRUSTED') AND a.guarded_fen <> COALESCE(s.fen, 0))
    OR (a.kind = 'LOAN' AND a.guarded_fen <> -COALESCE(s.fen, 0))
UNION ALL
SELECT 'the trial balance is 0', 'book' FROM (
    SELECT SUM(debit_fen) AS debit_fen, SUM(credit_fen) AS credit_fen FROM accounting_line) b
WHERE debit_fen <> credit_fen
UNION ALL
SELECT 'a message fails for what it may', topic || ' ' || key || ' ' || last_error FROM platform_outbox
WHERE state = 'parked' OR last_error NOT IN ('', 'CHAIN_UNAVAILABLE', 'PROVIDER_UNAVAILABLE', 'Broken')
"""

BREACHES = " UNION ALL ".join((_CERTIFICATES, _LIMITS, _CLAIMS, _ADVANCES, _AUCTIONS, _DEALERS, _BOOKS))
