"""Documents for people: one renderer, a folder of templates, and a module for each kind of document.

`receipt.py` shows a receipt as a page (PDF/A-3) that carries the receipt itself; other documents add a template and a
module beside it. Rendering takes hundreds of milliseconds of processor time, so services use `pool.RenderingPool`.
"""
