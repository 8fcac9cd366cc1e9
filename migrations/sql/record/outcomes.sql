-- One outcome a row, its strongest: unchanged, appended (only adds), corrected (changes or withdraws anything).
-- No nested loops: a stream's heads are guessed too few, and the stage has no index to loop over.
CREATE FUNCTION record.outcomes(stream integer) RETURNS void LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_temp.stage_row r WHERE r.rule = 'newer_statement') THEN
        UPDATE pg_temp.stage_row r SET outcome = 'unchanged', rule = NULL
        WHERE r.rule = 'newer_statement'
          AND NOT EXISTS (SELECT FROM pg_temp.stage_event s
                          LEFT JOIN projection.head h ON h.stream_id = stream AND h.fact_id = s.fact_id
                              AND h.event_type = s.event_type AND h.live AND h.content = s.content
                          WHERE s.row_no = r.row_no AND h.fact_id IS NULL)
          AND NOT EXISTS (SELECT FROM projection.head h
                          LEFT JOIN pg_temp.stage_event s ON s.row_no = r.row_no AND s.event_type = h.event_type
                          WHERE h.stream_id = stream AND h.fact_id = r.fact_id AND h.live AND s.row_no IS NULL);
    END IF;
    UPDATE pg_temp.stage_row r SET outcome = 'set_aside', rule = 'older_extract'
    WHERE r.outcome IS NULL AND r.rule IS NOT NULL;
    UPDATE pg_temp.stage_row r SET outcome = c.outcome
    FROM (SELECT row_no, (CASE WHEN bool_and(kind = 'recorded') THEN 'appended' ELSE 'corrected' END)::intake.outcome
                 AS outcome
          FROM pg_temp.stage_change WHERE NOT withdrawn GROUP BY row_no) AS c
    WHERE r.row_no = c.row_no AND r.outcome IS NULL;
    UPDATE pg_temp.stage_row r SET outcome = 'unchanged' WHERE r.outcome IS NULL;
END;
$$;
