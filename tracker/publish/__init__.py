"""What leaves the system: stamped tables, pictures and the sender's feedback workbook."""
