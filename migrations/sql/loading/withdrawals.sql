-- What a full delivery leaves out: live facts of its period that it does not state, that no newer extract
-- states, and that no quarantined row may have stated. Returns facts withdrawn and live facts covered.
-- Most deliveries state all that is covered: one look at the heads tells.
-- No nested loops: a stream's heads are guessed too few, and the stage has no index to loop over.
CREATE OR REPLACE FUNCTION record.withdrawals(
    stream integer, extracted date, delivery integer, period_from date, period_to date,
    opening record.event_type, OUT withdrawn integer, OUT covered integer
) LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
    unstated uuid[];
    something_newer boolean := EXISTS (
        SELECT FROM intake.attempt a WHERE a.stream_id = stream AND a.state = 'loaded'
        AND (a.extracted_on, a.delivery_no) > (extracted, delivery));
BEGIN
    SELECT count(*), array_agg(h.fact_id) FILTER (WHERE stated.fact_id IS NULL) INTO covered, unstated
    FROM projection.head h
    LEFT JOIN (SELECT DISTINCT r.fact_id FROM pg_temp.stage_row r
               WHERE r.outcome IS NULL OR r.outcome = 'unchanged') AS stated USING (fact_id)
    WHERE h.stream_id = stream AND h.live AND h.event_type = opening
      AND h.occurred_on BETWEEN withdrawals.period_from AND withdrawals.period_to;
    withdrawn := 0;
    IF unstated IS NULL THEN RETURN; END IF;
    INSERT INTO pg_temp.stage_change
    SELECT true, NULL, NULL, 'retracted', h.fact_id, h.event_type, h.version + 1, h.position,
           h.subject_id, h.occurred_on, h.content, uuid_send(gen_random_uuid()), '{}'
    FROM projection.head h
    JOIN unnest(unstated) AS u (fact_id) USING (fact_id)
    WHERE h.stream_id = stream AND h.live
      AND NOT EXISTS (SELECT FROM pg_temp.stage_protected p WHERE p.fact_id = h.fact_id)
      AND NOT EXISTS (SELECT FROM pg_temp.stage_protected p
                      JOIN projection.head k ON k.subject_id = p.subject_id
                      WHERE k.stream_id = stream AND k.live AND k.fact_id = h.fact_id)
      AND NOT (something_newer AND EXISTS (
          SELECT FROM intake.row_outcome o JOIN intake.attempt a USING (delivery_no, attempt)
          WHERE a.stream_id = stream AND a.state = 'loaded'
            AND (a.extracted_on, a.delivery_no) > (extracted, delivery) AND o.fact_id = h.fact_id));
    withdrawn := (SELECT count(DISTINCT fact_id) FROM pg_temp.stage_change c WHERE c.withdrawn);
END;
$$;
