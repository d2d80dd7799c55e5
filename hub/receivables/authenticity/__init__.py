"""Whether the tax authority knows an invoice."""
