"""Publish: tables, pictures and the sender's feedback workbook."""
