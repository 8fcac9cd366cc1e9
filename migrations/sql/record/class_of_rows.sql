-- First half of the rule: which staged rows a newer extract already covers. Precedence is extracted_on, then
-- delivery number. Fills stage_row.rule for those; the common case (nothing newer) returns at once.
CREATE FUNCTION record.class_of_rows(stream integer, extracted date, delivery integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM intake.attempt a WHERE a.stream_id = stream AND a.state = 'loaded'
        AND (a.extracted_on, a.delivery_no) > (extracted, delivery);
    IF NOT FOUND THEN RETURN; END IF;
    UPDATE pg_temp.stage_row r SET rule = 'newer_statement'
    WHERE r.outcome IS NULL AND EXISTS (
        SELECT FROM intake.row_outcome o JOIN intake.attempt a USING (delivery_no, attempt)
        WHERE a.stream_id = stream AND a.state = 'loaded' AND (a.extracted_on, a.delivery_no) > (extracted, delivery)
          AND o.fact_id = r.fact_id);
    UPDATE pg_temp.stage_row r SET rule = 'newer_full'
    WHERE r.outcome IS NULL AND r.rule IS NULL AND EXISTS (
        SELECT FROM intake.attempt a
        WHERE a.stream_id = stream AND a.state = 'loaded' AND a."full"
          AND (a.extracted_on, a.delivery_no) > (extracted, delivery)
          AND r.period_on BETWEEN a.period_from AND a.period_to);
END;
$$;
