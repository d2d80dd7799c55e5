"""Documents for people: one renderer, a folder of templates, and a module for each kind of document.

`receipt.py` shows a receipt as a page (PDF/A-3) that carries the receipt itself; `lending_papers.py` says what
contracts, confirmations, statements, registration notices and payoff letters hold, `paper.py` prints them. Rendering
takes hundreds of milliseconds of processor time, so services use `pool.RenderingPool`.
"""
