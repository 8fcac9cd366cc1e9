-- Carries out once more what the ledger outside says was erased, in a database restored from before it. Hashes are
-- those of the newest key. For the owner alone: two people stood behind it then, and the ledger is signed.
CREATE FUNCTION erasure.replay_subject(id uuid, hashes bytea[], kinds text[], version integer, reason text,
                                       legal_basis text, requested_by text, approved_by text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    subjects uuid[] := (
        SELECT coalesce(array_agg(DISTINCT l), '{}') FROM vault.subject v, LATERAL unnest(erasure.linked(v.subject_id)) l
        WHERE v.id_hmac = ANY (hashes) AND v.state = 'live');
    erased bigint := erasure.erase_subjects(id, subjects, NULL, reason, legal_basis, requested_by, approved_by);
BEGIN
    INSERT INTO vault.subject (id_hmac, key_version, kind, municipality, state)
    SELECT h, version, k, '', 'erased' FROM unnest(hashes, kinds) AS u (h, k)
    ON CONFLICT (id_hmac) DO NOTHING;
    RETURN erased;
END;
$$;
CREATE FUNCTION erasure.replay_municipality(id uuid, of_municipality text, reason text, legal_basis text,
                                            requested_by text, approved_by text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT erasure.erase_municipality(id, of_municipality, NULL, reason, legal_basis, requested_by, approved_by)
$$;
