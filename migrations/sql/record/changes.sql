-- Second half of the rule, set-wise: next versions of stated events, and withdrawal of events that a newer
-- statement of their fact leaves out. In a stream without heads all is new, and compared with nothing.
-- No nested loops: a stream's heads are guessed too few, and the stage has no index to loop over.
CREATE FUNCTION record.changes(stream integer) RETURNS void LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM projection.head h WHERE h.stream_id = stream) THEN
        INSERT INTO pg_temp.stage_change
        SELECT false, s.row_no, s.ordinal, 'recorded', s.fact_id, s.event_type, 1, NULL, s.subject_id, s.occurred_on,
               s.content, s.salt, s.body
        FROM pg_temp.stage_event s
        JOIN pg_temp.stage_row r ON r.row_no = s.row_no AND r.outcome IS NULL AND r.rule IS NULL;
        RETURN;
    END IF;
    INSERT INTO pg_temp.stage_change
    SELECT false, s.row_no, s.ordinal,
           (CASE WHEN h.live THEN 'corrected' ELSE 'recorded' END)::record.event_kind,
           s.fact_id, s.event_type, coalesce(h.version, 0) + 1, h.position, s.subject_id, s.occurred_on,
           s.content, s.salt, s.body
    FROM pg_temp.stage_event s
    JOIN pg_temp.stage_row r ON r.row_no = s.row_no AND r.outcome IS NULL AND r.rule IS NULL
    LEFT JOIN projection.head h
        ON h.stream_id = stream AND h.fact_id = s.fact_id AND h.event_type = s.event_type
    WHERE h.live IS NOT TRUE OR h.content <> s.content;

    INSERT INTO pg_temp.stage_change
    SELECT false, r.row_no, 2147483647, 'retracted', h.fact_id, h.event_type, h.version + 1, h.position,
           h.subject_id, h.occurred_on, h.content, uuid_send(gen_random_uuid()), '{}'
    FROM pg_temp.stage_row r
    JOIN projection.head h ON h.stream_id = stream AND h.fact_id = r.fact_id AND h.live
    LEFT JOIN pg_temp.stage_event s
        ON s.row_no = r.row_no AND s.event_type = h.event_type AND r.rule IS NULL
    WHERE r.outcome IS NULL AND (r.rule IS NULL OR r.rule = 'newer_full') AND s.row_no IS NULL;
END;
$$;
