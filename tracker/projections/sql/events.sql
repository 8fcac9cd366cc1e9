-- The live events by child and day, subjects replaced by the one id of the child.
COPY (
    SELECT live.position, event_type, kind, coalesce(canonical_id, live.subject_id) AS subject_id,
           municipality, record_type, fact_id, version, occurred_on, delivery_no, body
    FROM live LEFT JOIN canonical ON canonical.subject_id = live.subject_id
    ORDER BY 4 NULLS LAST, occurred_on NULLS LAST, live.position
) TO '$out' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880);

CREATE VIEW events AS SELECT * FROM read_parquet('$out');
