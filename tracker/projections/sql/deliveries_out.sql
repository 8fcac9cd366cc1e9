SELECT delivery_no, municipality, record_type, period_from, period_to, "full", extracted_on, system, not_opened_complete,
       synthetic, position, rows_read
FROM deliveries ORDER BY delivery_no
