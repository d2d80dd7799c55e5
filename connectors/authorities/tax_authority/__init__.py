"""Tax authority sandbox, standing for the invoice verification platform (全国增值税发票查验平台)."""
