"""Connector to Tryton 8.2, a real open-source ERP, over its own JSON-RPC.

Tryton is GPL software: it runs as its own process in its own environment and is never imported here.
"""
