-- What another officer calls to approve one, which carries it out at once: the one audited way to erase.
-- "named" is the subject as this officer named it: both must mean the same. Returns the hashes erased.
CREATE FUNCTION erasure.approve(request integer, named uuid, OUT erased_events bigint, OUT id_hmacs bytea[],
                                OUT key_versions integer[], OUT kinds text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    asked erasure.request;
    subjects uuid[];
BEGIN
    SELECT * INTO asked FROM erasure.request r WHERE r.request_no = request FOR UPDATE;
    IF asked.scope = 'subject' AND asked.subject_id IS DISTINCT FROM named THEN
        RAISE EXCEPTION 'request % is about another subject, or carried out', request
            USING ERRCODE = 'check_violation', CONSTRAINT = 'both_mean_the_same';
    END IF;
    INSERT INTO erasure.approval (request_no, requested_by) VALUES (request, asked.requested_by);
    IF asked.scope = 'municipality' THEN
        erased_events := erasure.erase_municipality(asked.erasure_id, asked.municipality, request, asked.reason,
                                                    asked.legal_basis, asked.requested_by, session_user);
        RETURN;
    END IF;
    subjects := erasure.linked(named);
    SELECT array_agg(v.id_hmac ORDER BY v.id_hmac), array_agg(v.key_version ORDER BY v.id_hmac),
           array_agg(v.kind ORDER BY v.id_hmac)
    INTO id_hmacs, key_versions, kinds FROM vault.subject v WHERE v.subject_id = ANY (subjects);
    erased_events := erasure.erase_subjects(asked.erasure_id, subjects, request, asked.reason, asked.legal_basis,
                                            asked.requested_by, session_user);
END;
$$;
