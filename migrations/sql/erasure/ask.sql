-- What an officer calls to ask for an erasure. A subject the log and vault do not know cannot be asked for.
CREATE FUNCTION erasure.request_subject(subject uuid, reason text, legal_basis text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    number integer;
BEGIN
    IF NOT EXISTS (SELECT FROM vault.subject v WHERE v.subject_id = subject) THEN
        RAISE EXCEPTION 'there is no such subject' USING ERRCODE = 'no_data_found';
    END IF;
    INSERT INTO erasure.request (scope, subject_id, reason, legal_basis)
    VALUES ('subject', subject, request_subject.reason, request_subject.legal_basis)
    RETURNING request_no INTO number;
    RETURN number;
END;
$$;
CREATE FUNCTION erasure.request_municipality(of_municipality text, reason text, legal_basis text) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO erasure.request (scope, municipality, reason, legal_basis)
    VALUES ('municipality', of_municipality, request_municipality.reason, request_municipality.legal_basis)
    RETURNING request_no
$$;
