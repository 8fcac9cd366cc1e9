-- Append-only holds for every role, the owner and replication included (ENABLE ALWAYS).
CREATE FUNCTION record.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: the log is append-only', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'restrict_violation';
END;
$$;
