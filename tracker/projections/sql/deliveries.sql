-- What each delivery declared of itself, as of the position.
CREATE TABLE deliveries AS
SELECT delivery_no, municipality, record_type, b.period_from, b.period_to, coalesce(b."full", false) AS "full",
       b.extracted_on, coalesce(b.system, '') AS system, coalesce(b.not_opened_complete, false) AS not_opened_complete,
       coalesce(b.synthetic, false) AS synthetic, position, b.rows_read
FROM (
    SELECT *, from_json(body, '{"period_from": "DATE", "period_to": "DATE", "full": "BOOLEAN",
                                "extracted_on": "DATE", "system": "VARCHAR", "not_opened_complete": "BOOLEAN",
                                "synthetic": "BOOLEAN", "rows_read": "BIGINT"}') AS b
    FROM events WHERE event_type = 'DeliveryRecorded'
)
QUALIFY row_number() OVER (PARTITION BY delivery_no ORDER BY position DESC) = 1;
