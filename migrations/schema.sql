CREATE SCHEMA codebook;

ALTER SCHEMA codebook OWNER TO tracker_owner;

CREATE SCHEMA erasure;

ALTER SCHEMA erasure OWNER TO tracker_owner;

CREATE SCHEMA intake;

ALTER SCHEMA intake OWNER TO tracker_owner;

CREATE SCHEMA projection;

ALTER SCHEMA projection OWNER TO tracker_owner;

CREATE SCHEMA publish;

ALTER SCHEMA publish OWNER TO tracker_owner;

CREATE SCHEMA record;

ALTER SCHEMA record OWNER TO tracker_owner;

CREATE SCHEMA vault;

ALTER SCHEMA vault OWNER TO tracker_owner;

CREATE TYPE intake.delivery_state AS ENUM (
    'loaded',
    'held',
    'rejected'
);

ALTER TYPE intake.delivery_state OWNER TO tracker_owner;

CREATE TYPE intake.outcome AS ENUM (
    'appended',
    'corrected',
    'unchanged',
    'quarantined',
    'set_aside'
);

ALTER TYPE intake.outcome OWNER TO tracker_owner;

CREATE TYPE record.event_kind AS ENUM (
    'recorded',
    'corrected',
    'retracted'
);

ALTER TYPE record.event_kind OWNER TO tracker_owner;

CREATE TYPE record.event_type AS ENUM (
    'ReferralReceived',
    'ReferralConcluded',
    'InvestigationOpened',
    'InvestigationClosed',
    'DecisionMade',
    'InterventionStarted',
    'InterventionEnded',
    'FollowUpHeld',
    'OpenSupportStarted',
    'OpenSupportEnded',
    'OpenSupportCounted',
    'ChildFactRecorded',
    'MunicipalityFactRecorded',
    'SubjectsLinked',
    'SubjectsUnlinked',
    'DeliveryRecorded',
    'SubjectErased',
    'MunicipalityErased'
);

ALTER TYPE record.event_type OWNER TO tracker_owner;

CREATE FUNCTION erasure.append_event(said record.event_type, of_municipality text, id uuid, said_body text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    previous record.batch;
    batch bigint;
    at bigint;
    salted bytea := uuid_send(gen_random_uuid());
    root bytea;
    now timestamptz;
BEGIN
    SELECT * INTO previous FROM record.batch b ORDER BY b.batch_no DESC LIMIT 1;
    batch := coalesce(previous.batch_no, 0) + 1;
    at := coalesce(previous.last_position, 0) + 1;
    PERFORM record.ensure_partition(at);
    INSERT INTO record.event (position, batch_no, leaf, salt, event_type, kind, municipality, fact_id, version,
                              content, body)
    VALUES (at, batch,
            record.leaf(salted, said, 'recorded', NULL, of_municipality, NULL, id, 1, NULL, NULL, NULL, NULL,
                        '\x00'::bytea, said_body),
            salted, said, 'recorded', of_municipality, id, 1, '\x00'::bytea, said_body);
    root := record.merkle_root(at, at);
    now := clock_timestamp();
    INSERT INTO record.batch
    VALUES (batch, at, at, 0, root, coalesce(previous.header_hash, sha256('')),
            record.header_hash(batch, at, at, 0, root, coalesce(previous.header_hash, sha256('')), now), now);
    RETURN at;
END;
$$;

ALTER FUNCTION erasure.append_event(said record.event_type, of_municipality text, id uuid, said_body text) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.approve(request integer, named uuid, OUT erased_events bigint, OUT id_hmacs bytea[], OUT key_versions integer[], OUT kinds text[]) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION erasure.approve(request integer, named uuid, OUT erased_events bigint, OUT id_hmacs bytea[], OUT key_versions integer[], OUT kinds text[]) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.as_ranges(positions bigint[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog'
    AS $$
    SELECT coalesce(string_agg(CASE WHEN first = last THEN first::text ELSE first || '-' || last END, ','
                               ORDER BY first), '')
    FROM (SELECT min(p) AS first, max(p) AS last
          FROM (SELECT p, p - row_number() OVER (ORDER BY p) AS run FROM unnest(positions) AS u (p)) AS numbered
          GROUP BY run) AS runs
$$;

ALTER FUNCTION erasure.as_ranges(positions bigint[]) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.clean_facts(id uuid, positions bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    facts uuid[] := (
        SELECT array_agg(DISTINCT e.fact_id) FROM unnest(positions) AS p (position) JOIN record.event e USING (position)
        WHERE NOT EXISTS (SELECT FROM projection.stream s JOIN projection.head h USING (stream_id)
                          WHERE (s.municipality, s.record_type) = (e.municipality, e.record_type)
                            AND h.fact_id = e.fact_id AND h.position <> ALL (positions)));
    said text[] := (
        SELECT coalesce(array_agg(DISTINCT told.value), '{}')
        FROM unnest(positions) AS p (position) JOIN record.event e USING (position),
             LATERAL jsonb_each_text(e.body::jsonb) AS told);
    deliveries integer[];
    row_nos integer[];
BEGIN
    SELECT array_agg(delivery_no), array_agg(row_no) INTO deliveries, row_nos FROM (
        SELECT o.delivery_no, o.row_no FROM intake.row_outcome o WHERE o.fact_id = ANY (facts)
        UNION
        SELECT e.delivery_no, e.row_no FROM unnest(positions) AS p (position) JOIN record.event e USING (position)
        WHERE e.delivery_no IS NOT NULL AND e.row_no IS NOT NULL AND e.fact_id = ANY (facts)) AS rows;
    IF deliveries IS NOT NULL THEN
        PERFORM erasure.clean_rows(id, deliveries, row_nos, said);
    END IF;
END;
$$;

ALTER FUNCTION erasure.clean_facts(id uuid, positions bigint[]) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.clean_rows(id uuid, deliveries integer[], row_nos integer[], said text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    UPDATE intake.row_outcome o SET fact_id = NULL, period_on = NULL
    FROM unnest(deliveries, row_nos) AS r (delivery_no, row_no)
    WHERE o.delivery_no = r.delivery_no AND o.row_no = r.row_no AND o.fact_id IS NOT NULL;
    UPDATE intake.finding f SET expected = '', found = '', message = 'Uppgiften är raderad.', remedy = ''
    FROM unnest(deliveries, row_nos) AS r (delivery_no, row_no)
    WHERE f.delivery_no = r.delivery_no AND f.row_no = r.row_no;
    DELETE FROM intake.spelling s
    USING (SELECT delivery_no, count(DISTINCT row_no) AS rows
           FROM unnest(deliveries, row_nos) AS r (delivery_no, row_no) GROUP BY delivery_no) AS k
    WHERE s.delivery_no = k.delivery_no AND s.count <= k.rows AND (said IS NULL OR s.wording = ANY (said));
    INSERT INTO erasure.file (delivery_no, erasure_id, digest, once)
    SELECT d.delivery_no, id, d.digest, false FROM intake.delivery d WHERE d.delivery_no = ANY (deliveries)
    ON CONFLICT (delivery_no) DO NOTHING;
END;
$$;

ALTER FUNCTION erasure.clean_rows(id uuid, deliveries integer[], row_nos integer[], said text[]) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.empty_events(positions bigint[], by_event bigint) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog'
    AS $$
    DELETE FROM projection.head h USING unnest(positions) AS p (position) WHERE h.position = p.position;
    UPDATE record.event e
    SET salt = NULL, event_type = NULL, kind = NULL, subject_id = NULL, municipality = NULL, record_type = NULL,
        fact_id = NULL, version = NULL, replaces = NULL, occurred_on = NULL, delivery_no = NULL, row_no = NULL,
        content = NULL, body = NULL, erased_by = by_event
    FROM unnest(positions) AS p (position) WHERE e.position = p.position;
$$;

ALTER FUNCTION erasure.empty_events(positions bigint[], by_event bigint) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.erase_municipality(id uuid, of_municipality text, request integer, reason text, legal_basis text, requested_by text, approved_by text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    positions bigint[];
    subjects uuid[];
    at bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tracker.log', 0));
    SELECT coalesce(array_agg(e.position ORDER BY e.position), '{}'), array_agg(DISTINCT e.subject_id)
    INTO positions, subjects
    FROM record.event e
    WHERE e.municipality = of_municipality AND e.event_type NOT IN ('SubjectErased', 'MunicipalityErased');
    at := erasure.append_event('MunicipalityErased', of_municipality, id, json_build_object(
        'erasure', id, 'legal_basis', legal_basis, 'positions', erasure.as_ranges(positions),
        'reason', reason)::text);
    INSERT INTO erasure.done (erasure_id, request_no, scope, municipality, reason, legal_basis, requested_by,
                              approved_by, position, events)
    VALUES (id, request, 'municipality', of_municipality, reason, legal_basis, requested_by, approved_by, at,
            cardinality(positions));
    PERFORM erasure.empty_events(positions, at);
    PERFORM erasure.forget_deliveries(id, of_municipality);
    PERFORM erasure.forget_subjects(of_municipality, subjects);
    INSERT INTO erasure.membership (entry_id, municipality, withdrawn, reason)
    VALUES (id, of_municipality, true, reason);
    RETURN cardinality(positions);
END;
$$;

ALTER FUNCTION erasure.erase_municipality(id uuid, of_municipality text, request integer, reason text, legal_basis text, requested_by text, approved_by text) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.erase_subjects(id uuid, subjects uuid[], request integer, reason text, legal_basis text, requested_by text, approved_by text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    positions bigint[];
    at bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tracker.log', 0));
    positions := erasure.positions_of(subjects);
    at := erasure.append_event('SubjectErased', '*', id, json_build_object(
        'erasure', id, 'legal_basis', legal_basis, 'positions', erasure.as_ranges(positions),
        'reason', reason)::text);
    INSERT INTO erasure.done (erasure_id, request_no, scope, municipality, reason, legal_basis, requested_by,
                              approved_by, position, events)
    VALUES (id, request, 'subject', '', reason, legal_basis, requested_by, approved_by, at, cardinality(positions));
    PERFORM erasure.clean_facts(id, positions);
    PERFORM erasure.empty_events(positions, at);
    INSERT INTO erasure.tombstone (digest) SELECT sha256(uuid_send(s)) FROM unnest(subjects) AS u (s)
    ON CONFLICT DO NOTHING;
    UPDATE vault.subject SET subject_id = NULL, state = 'erased', municipality = '' WHERE subject_id = ANY (subjects);
    UPDATE erasure.request r SET subject_id = NULL WHERE r.subject_id = ANY (subjects);
    RETURN cardinality(positions);
END;
$$;

ALTER FUNCTION erasure.erase_subjects(id uuid, subjects uuid[], request integer, reason text, legal_basis text, requested_by text, approved_by text) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.file_is_gone(delivery integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    DELETE FROM erasure.file f WHERE f.delivery_no = delivery AND f.once
$$;

ALTER FUNCTION erasure.file_is_gone(delivery integer) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.forget_deliveries(id uuid, of_municipality text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    deliveries integer[] := (SELECT coalesce(array_agg(d.delivery_no), '{}') FROM intake.delivery d
                             WHERE d.municipality = of_municipality);
BEGIN
    INSERT INTO erasure.file (delivery_no, erasure_id, digest, once)
    SELECT d.delivery_no, id, d.digest, true FROM intake.delivery d WHERE d.delivery_no = ANY (deliveries)
    ON CONFLICT (delivery_no) DO NOTHING;
    UPDATE intake.delivery d SET digest = sha256(d.digest || uuid_send(id)) WHERE d.delivery_no = ANY (deliveries);
    UPDATE intake.row_outcome o SET fact_id = NULL, period_on = NULL
    WHERE o.delivery_no = ANY (deliveries) AND o.fact_id IS NOT NULL;
    UPDATE intake.finding f SET expected = '', found = '', message = 'Uppgiften är raderad.', remedy = ''
    WHERE f.delivery_no = ANY (deliveries);
    DELETE FROM intake.spelling s WHERE s.delivery_no = ANY (deliveries);
    UPDATE projection.stream s SET municipality = of_municipality || ' withdrawn ' || id
    WHERE s.municipality = of_municipality;
END;
$$;

ALTER FUNCTION erasure.forget_deliveries(id uuid, of_municipality text) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.forget_rows(id uuid, delivery integer, row_nos integer[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    SELECT erasure.clean_rows(id, array_fill(delivery, ARRAY[cardinality(row_nos)]), row_nos, NULL);
    INSERT INTO erasure.file (delivery_no, erasure_id, digest, once)
    SELECT d.delivery_no, id, d.digest, false FROM intake.delivery d WHERE d.delivery_no = delivery
    ON CONFLICT (delivery_no) DO NOTHING;
$$;

ALTER FUNCTION erasure.forget_rows(id uuid, delivery integer, row_nos integer[]) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.forget_subjects(of_municipality text, subjects uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    gone uuid[] := (
        SELECT coalesce(array_agg(s), '{}') FROM (
            SELECT v.subject_id FROM vault.subject v
            WHERE v.kind = 'local' AND v.municipality = of_municipality AND v.state = 'live'
            UNION
            SELECT u.s FROM unnest(subjects) AS u (s)
            WHERE u.s IS NOT NULL
              AND NOT EXISTS (SELECT FROM record.event e WHERE e.subject_id = u.s)
              AND NOT EXISTS (SELECT FROM record.event e
                              WHERE e.event_type IN ('SubjectsLinked', 'SubjectsUnlinked')
                                AND e.body::jsonb ->> 'other' = u.s::text)) AS g (s));
BEGIN
    INSERT INTO erasure.tombstone (digest) SELECT sha256(uuid_send(s)) FROM unnest(gone) AS u (s)
    ON CONFLICT DO NOTHING;
    DELETE FROM vault.subject v WHERE v.subject_id = ANY (gone);
END;
$$;

ALTER FUNCTION erasure.forget_subjects(of_municipality text, subjects uuid[]) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.is_withdrawn(of_municipality text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
    SELECT coalesce((SELECT m.withdrawn FROM erasure.membership m WHERE m.municipality = of_municipality
                     ORDER BY m.number DESC LIMIT 1), false)
$$;

ALTER FUNCTION erasure.is_withdrawn(of_municipality text) OWNER TO tracker_owner;

CREATE FUNCTION erasure.linked(subject uuid) RETURNS uuid[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    known uuid[] := ARRAY[subject];
    more uuid[];
BEGIN
    LOOP
        more := (
            SELECT array_agg(DISTINCT side) FROM (
                SELECT DISTINCT ON (least(l.one, l.other), greatest(l.one, l.other)) l.*
                FROM (SELECT e.subject_id AS one, (e.body::jsonb ->> 'other')::uuid AS other, e.*
                      FROM record.event e
                      WHERE e.event_type IN ('SubjectsLinked', 'SubjectsUnlinked') AND e.kind <> 'retracted'
                        AND (e.subject_id = ANY (known) OR e.body::jsonb ->> 'other' = ANY (known::text[]))) AS l
                JOIN projection.stream s USING (municipality, record_type)
                JOIN projection.head h ON h.stream_id = s.stream_id AND h.fact_id = l.fact_id
                    AND h.event_type = l.event_type AND h.position = l.position AND h.live
                ORDER BY least(l.one, l.other), greatest(l.one, l.other), l.position DESC) AS newest,
            LATERAL unnest(ARRAY[newest.one, newest.other]) AS side
            WHERE newest.event_type = 'SubjectsLinked' AND side <> ALL (known));
        EXIT WHEN more IS NULL;
        known := known || more;
    END LOOP;
    RETURN known;
END;
$$;

ALTER FUNCTION erasure.linked(subject uuid) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.positions_of(subjects uuid[]) RETURNS bigint[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
    WITH RECURSIVE reached AS (
        SELECT e.position, e.replaces FROM record.event e WHERE e.subject_id = ANY (subjects)
        UNION
        SELECT e.position, e.replaces FROM record.event e
        WHERE e.event_type IN ('SubjectsLinked', 'SubjectsUnlinked')
          AND e.body::jsonb ->> 'other' = ANY (subjects::text[])
        UNION
        SELECT e.position, e.replaces FROM reached r JOIN record.event e ON e.position = r.replaces
        WHERE e.erased_by IS NULL
    )
    SELECT coalesce(array_agg(position ORDER BY position), '{}') FROM reached
$$;

ALTER FUNCTION erasure.positions_of(subjects uuid[]) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.refuse_all_but_erasing() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    IF current_user = 'tracker_erasing' THEN
        IF tg_op = 'DELETE' AND tg_argv[0] = 'may go' THEN
            RETURN OLD;
        ELSIF tg_op = 'UPDATE' AND to_jsonb(NEW) - tg_argv = to_jsonb(OLD) - tg_argv THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% on %.% is refused: the log is append-only', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'restrict_violation';
END;
$$;

ALTER FUNCTION erasure.refuse_all_but_erasing() OWNER TO tracker_owner;

CREATE FUNCTION erasure.refuse_all_but_erasure() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    IF current_user = 'tracker_erasing' AND tg_op = 'UPDATE' THEN
        IF OLD.erased_by IS NULL AND (NEW.position, NEW.batch_no, NEW.leaf) = (OLD.position, OLD.batch_no, OLD.leaf)
           AND EXISTS (SELECT FROM erasure.done d
                       WHERE d.position = NEW.erased_by AND d.made_in = pg_current_xact_id()) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% on %.% is refused: the log is append-only', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'restrict_violation';
END;
$$;

ALTER FUNCTION erasure.refuse_all_but_erasure() OWNER TO tracker_owner;

CREATE FUNCTION erasure.refuse_erased() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    IF erasure.is_withdrawn((SELECT d.municipality FROM intake.delivery d WHERE d.delivery_no = NEW.delivery_no)) THEN
        RAISE EXCEPTION 'the municipality of delivery % has withdrawn', NEW.delivery_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'municipality_withdrawn';
    END IF;
    IF EXISTS (SELECT FROM erasure.tombstone t WHERE t.set_at > clock_timestamp() - interval '7 days')
       AND EXISTS (SELECT FROM record.event e JOIN erasure.tombstone t ON t.digest = sha256(uuid_send(e.subject_id))
                   WHERE e.position BETWEEN NEW.first_position AND NEW.last_position) THEN
        RAISE EXCEPTION 'delivery % names a subject that was erased while it was read', NEW.delivery_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'erased_meanwhile';
    END IF;
    RETURN NULL;
END;
$$;

ALTER FUNCTION erasure.refuse_erased() OWNER TO tracker_owner;

CREATE FUNCTION erasure.refuse_withdrawn() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    IF erasure.is_withdrawn(NEW.municipality) THEN
        RAISE EXCEPTION 'municipality % has withdrawn', NEW.municipality
            USING ERRCODE = 'check_violation', CONSTRAINT = 'municipality_withdrawn';
    END IF;
    RETURN NEW;
END;
$$;

ALTER FUNCTION erasure.refuse_withdrawn() OWNER TO tracker_owner;

CREATE FUNCTION erasure.register_again(entry uuid, of_municipality text, reason text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    IF NOT erasure.is_withdrawn(of_municipality) THEN
        RETURN false;
    END IF;
    INSERT INTO erasure.membership (entry_id, municipality, withdrawn, reason)
    VALUES (entry, of_municipality, false, register_again.reason);
    RETURN true;
END;
$$;

ALTER FUNCTION erasure.register_again(entry uuid, of_municipality text, reason text) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.replay_municipality(id uuid, of_municipality text, reason text, legal_basis text, requested_by text, approved_by text) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    SELECT erasure.erase_municipality(id, of_municipality, NULL, reason, legal_basis, requested_by, approved_by)
$$;

ALTER FUNCTION erasure.replay_municipality(id uuid, of_municipality text, reason text, legal_basis text, requested_by text, approved_by text) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.replay_subject(id uuid, hashes bytea[], kinds text[], version integer, reason text, legal_basis text, requested_by text, approved_by text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION erasure.replay_subject(id uuid, hashes bytea[], kinds text[], version integer, reason text, legal_basis text, requested_by text, approved_by text) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.request_municipality(of_municipality text, reason text, legal_basis text) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    INSERT INTO erasure.request (scope, municipality, reason, legal_basis)
    VALUES ('municipality', of_municipality, request_municipality.reason, request_municipality.legal_basis)
    RETURNING request_no
$$;

ALTER FUNCTION erasure.request_municipality(of_municipality text, reason text, legal_basis text) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.request_subject(subject uuid, reason text, legal_basis text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION erasure.request_subject(subject uuid, reason text, legal_basis text) OWNER TO tracker_erasing;

CREATE FUNCTION erasure.stamp_approval() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    NEW.approved_by := session_user;
    NEW.approved_at := clock_timestamp();
    RETURN NEW;
END;
$$;

ALTER FUNCTION erasure.stamp_approval() OWNER TO tracker_owner;

CREATE FUNCTION erasure.stamp_request() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    NEW.requested_by := session_user;
    NEW.requested_at := clock_timestamp();
    RETURN NEW;
END;
$$;

ALTER FUNCTION erasure.stamp_request() OWNER TO tracker_owner;

CREATE FUNCTION intake.account_for_rows() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    ledger integer[] := (
        SELECT ARRAY[count(*), count(*) FILTER (WHERE outcome = 'appended'),
                     count(*) FILTER (WHERE outcome = 'corrected'), count(*) FILTER (WHERE outcome = 'unchanged'),
                     count(*) FILTER (WHERE outcome = 'quarantined'), count(*) FILTER (WHERE outcome = 'set_aside')]
        FROM intake.row_outcome o WHERE o.delivery_no = NEW.delivery_no AND o.attempt = NEW.attempt);
BEGIN
    IF ledger <> ARRAY[NEW.rows_read, NEW.appended, NEW.corrected, NEW.unchanged, NEW.quarantined, NEW.set_aside] THEN
        RAISE EXCEPTION 'delivery % attempt %: the row ledger does not add up', NEW.delivery_no, NEW.attempt
            USING ERRCODE = 'check_violation', CONSTRAINT = 'every_row_accounted_for';
    END IF;
    RETURN NULL;
END;
$$;

ALTER FUNCTION intake.account_for_rows() OWNER TO tracker_owner;

CREATE FUNCTION intake.forget_ids() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    DELETE FROM intake.churning_ids c USING before b
    WHERE (c.fact_id, c.delivery_no, c.attempt) = (b.fact_id, b.delivery_no, b.attempt);
    RETURN NULL;
END;
$$;

ALTER FUNCTION intake.forget_ids() OWNER TO tracker_owner;

CREATE FUNCTION intake.refuse_late_rows() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM intake.attempt a
               JOIN (SELECT DISTINCT delivery_no, attempt FROM added) d USING (delivery_no, attempt)) THEN
        RAISE EXCEPTION 'rows cannot be added to a recorded attempt'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'every_row_accounted_for';
    END IF;
    RETURN NULL;
END;
$$;

ALTER FUNCTION intake.refuse_late_rows() OWNER TO tracker_owner;

CREATE FUNCTION projection.advance(first_position bigint, last_position bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    made bigint;
BEGIN
    INSERT INTO projection.head
        (stream_id, fact_id, event_type, version, position, live, subject_id, occurred_on, content)
    SELECT s.stream_id, e.fact_id, e.event_type, e.version, e.position, e.kind <> 'retracted', e.subject_id,
           e.occurred_on, e.content
    FROM record.event e
    JOIN projection.stream s USING (municipality, record_type)
    WHERE e.position BETWEEN first_position AND last_position AND e.event_type <> 'DeliveryRecorded'
      AND e.version = 1
    ORDER BY e.fact_id;
    GET DIAGNOSTICS made = ROW_COUNT;
    IF made = last_position - first_position THEN RETURN; END IF;
    UPDATE projection.head h
    SET version = e.version, position = e.position, live = e.kind <> 'retracted',
        subject_id = e.subject_id, occurred_on = e.occurred_on, content = e.content
    FROM record.event e
    JOIN projection.stream s USING (municipality, record_type)
    WHERE e.position BETWEEN first_position AND last_position AND e.event_type <> 'DeliveryRecorded'
      AND e.version > 1
      AND h.stream_id = s.stream_id AND h.fact_id = e.fact_id AND h.event_type = e.event_type;
END;
$$;

ALTER FUNCTION projection.advance(first_position bigint, last_position bigint) OWNER TO tracker_owner;

CREATE FUNCTION projection.refold() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    header record.batch;
    erased boolean := EXISTS (SELECT FROM erasure.done);
BEGIN
    DELETE FROM projection.head;
    FOR header IN SELECT * FROM record.batch ORDER BY batch_no LOOP
        PERFORM projection.advance(header.first_position, header.last_position);
        IF erased THEN
            INSERT INTO projection.head
                (stream_id, fact_id, event_type, version, position, live, subject_id, occurred_on, content)
            SELECT s.stream_id, e.fact_id, e.event_type, e.version, e.position, e.kind <> 'retracted', e.subject_id,
                   e.occurred_on, e.content
            FROM record.event e JOIN projection.stream s USING (municipality, record_type)
            WHERE e.position BETWEEN header.first_position AND header.last_position AND e.version > 1
              AND e.event_type <> 'DeliveryRecorded'
            ON CONFLICT DO NOTHING;
        END IF;
    END LOOP;
END;
$$;

ALTER FUNCTION projection.refold() OWNER TO tracker_owner;

CREATE FUNCTION publish.stamp_export() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    NEW.exported_by := session_user;
    NEW.exported_at := clock_timestamp();
    RETURN NEW;
END;
$$;

ALTER FUNCTION publish.stamp_export() OWNER TO tracker_owner;

CREATE FUNCTION record.append(delivery integer, attempt_no integer, in_municipality text, in_record_type text, extracted date, delivery_body text, replaces_position bigint, OUT first_position bigint, OUT last_position bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
    previous record.batch;
    changes bigint := (SELECT count(*) FROM pg_temp.stage_change);
    batch bigint;
    root bytea;
    now timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tracker.log', 0));
    SELECT * INTO previous FROM record.batch b ORDER BY b.batch_no DESC LIMIT 1;
    batch := coalesce(previous.batch_no, 0) + 1;
    first_position := coalesce(previous.last_position, 0) + 1;
    last_position := first_position + changes;
    PERFORM record.ensure_partition(last_position);
    INSERT INTO record.event (position, batch_no, leaf, salt, event_type, kind, subject_id, municipality, record_type,
                              fact_id, version, replaces, occurred_on, delivery_no, row_no, content, body)
    SELECT first_position - 1 + n, batch,
           record.leaf(salt, event_type, kind, subject_id, in_municipality, in_record_type, fact_id, version,
                       replaces, occurred_on, delivery, row_no, content, body),
           salt, event_type, kind, subject_id, in_municipality, in_record_type, fact_id, version, replaces,
           occurred_on, delivery, row_no, content, body
    FROM (SELECT row_number() OVER (ORDER BY c.withdrawn, c.row_no, c.ordinal, c.fact_id, c.event_type) AS n, c.*
          FROM pg_temp.stage_change c
          UNION ALL
          SELECT changes + 1, false, NULL, NULL, 'recorded',
                 lpad(to_hex(delivery), 32, '0')::uuid, 'DeliveryRecorded', attempt_no, replaces_position, NULL,
                 extracted, '\x00'::bytea, uuid_send(gen_random_uuid()), delivery_body) AS numbered;
    root := record.merkle_root(first_position, last_position);
    now := clock_timestamp();
    INSERT INTO record.batch
    VALUES (batch, first_position, last_position, delivery, root, coalesce(previous.header_hash, sha256('')),
            record.header_hash(batch, first_position, last_position, delivery, root,
                               coalesce(previous.header_hash, sha256('')), now), now);
    PERFORM projection.advance(first_position, last_position);
END;
$$;

ALTER FUNCTION record.append(delivery integer, attempt_no integer, in_municipality text, in_record_type text, extracted date, delivery_body text, replaces_position bigint, OUT first_position bigint, OUT last_position bigint) OWNER TO tracker_owner;

CREATE FUNCTION record.changes(stream integer) RETURNS void
    LANGUAGE plpgsql
    SET enable_nestloop TO 'off'
    AS $$
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

ALTER FUNCTION record.changes(stream integer) OWNER TO tracker_owner;

CREATE FUNCTION record.class_of_rows(stream integer, extracted date, delivery integer) RETURNS void
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
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

ALTER FUNCTION record.class_of_rows(stream integer, extracted date, delivery integer) OWNER TO tracker_owner;

CREATE FUNCTION record.decide(stream integer, delivery integer, extracted date, is_full boolean, period_from date, period_to date, opening record.event_type, OUT retractions integer, OUT covered integer) RETURNS record
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM record.class_of_rows(stream, extracted, delivery);
    PERFORM record.changes(stream);
    retractions := 0;
    covered := 0;
    IF is_full THEN
        SELECT w.withdrawn, w.covered INTO retractions, covered
        FROM record.withdrawals(stream, extracted, delivery, period_from, period_to, opening) w;
    END IF;
    PERFORM record.outcomes(stream);
END;
$$;

ALTER FUNCTION record.decide(stream integer, delivery integer, extracted date, is_full boolean, period_from date, period_to date, opening record.event_type, OUT retractions integer, OUT covered integer) OWNER TO tracker_owner;

CREATE FUNCTION record.ensure_partition(up_to bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    width CONSTANT bigint := 20000000;
    part bigint := (up_to - 1) / width;
    name text;
BEGIN
    WHILE part >= 0 LOOP
        name := format('record.event_%s', lpad(part::text, 6, '0'));
        EXIT WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %s PARTITION OF record.event FOR VALUES FROM (%s) TO (%s)',
                       name, part * width + 1, (part + 1) * width + 1);
        PERFORM record.make_append_only(name::regclass);
        part := part - 1;
    END LOOP;
END;
$$;

ALTER FUNCTION record.ensure_partition(up_to bigint) OWNER TO tracker_owner;

CREATE FUNCTION record.header_hash(batch_no bigint, first_position bigint, last_position bigint, delivery_no integer, merkle_root bytea, previous_hash bytea, recorded_at timestamp with time zone) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256(((((((int8send(batch_no) || int8send(first_position)) || int8send(last_position)) || int4send(delivery_no)) || merkle_root) || previous_hash) || int8send(((EXTRACT(epoch FROM recorded_at) * (1000000)::numeric))::bigint)));

ALTER FUNCTION record.header_hash(batch_no bigint, first_position bigint, last_position bigint, delivery_no integer, merkle_root bytea, previous_hash bytea, recorded_at timestamp with time zone) OWNER TO tracker_owner;

CREATE FUNCTION record.leaf(salt bytea, event_type record.event_type, kind record.event_kind, subject_id uuid, municipality text, record_type text, fact_id uuid, version integer, replaces bigint, occurred_on date, delivery_no integer, row_no integer, content bytea, body text) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256((((('\x00'::bytea || salt) || convert_to(((((((((((((((((((((((event_type)::text || ''::text) || (kind)::text) || ''::text) || COALESCE((subject_id)::text, ''::text)) || ''::text) || municipality) || ''::text) || COALESCE(record_type, ''::text)) || ''::text) || (fact_id)::text) || ''::text) || version) || ''::text) || COALESCE((replaces)::text, ''::text)) || ''::text) || COALESCE(((occurred_on - '2000-01-01'::date))::text, ''::text)) || ''::text) || COALESCE((delivery_no)::text, ''::text)) || ''::text) || COALESCE((row_no)::text, ''::text)) || ''::text), 'UTF8'::name)) || content) || sha256(convert_to(body, 'UTF8'::name))));

ALTER FUNCTION record.leaf(salt bytea, event_type record.event_type, kind record.event_kind, subject_id uuid, municipality text, record_type text, fact_id uuid, version integer, replaces bigint, occurred_on date, delivery_no integer, row_no integer, content bytea, body text) OWNER TO tracker_owner;

CREATE FUNCTION record.make_append_only(target regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    is_partition boolean := (SELECT relispartition FROM pg_class WHERE oid = target);
BEGIN
    IF NOT is_partition THEN
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %s
                        FOR EACH ROW EXECUTE FUNCTION record.refuse_change()', target);
    END IF;
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change()', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only_truncate', target);
END;
$$;

ALTER FUNCTION record.make_append_only(target regclass) OWNER TO tracker_owner;

CREATE FUNCTION record.merkle_root(first_position bigint, last_position bigint) RETURNS bytea
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    nodes bytea := (SELECT string_agg(e.leaf, NULL ORDER BY e.position) FROM record.event e
                    WHERE e.position BETWEEN merkle_root.first_position AND merkle_root.last_position);
    n integer := octet_length(nodes) / 32;
BEGIN
    WHILE n > 1 LOOP
        nodes := (
            SELECT string_agg(CASE WHEN i * 2 + 1 < n THEN sha256('\x01'::bytea || substring(nodes FROM i * 64 + 1 FOR 64))
                                   ELSE substring(nodes FROM i * 64 + 1) END, NULL ORDER BY i)
            FROM generate_series(0, (n - 1) / 2) AS i);
        n := (n + 1) / 2;
    END LOOP;
    RETURN nodes;
END;
$$;

ALTER FUNCTION record.merkle_root(first_position bigint, last_position bigint) OWNER TO tracker_owner;

CREATE FUNCTION record.open_stage() RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    SET LOCAL client_min_messages = warning;
    CREATE TEMP TABLE IF NOT EXISTS stage_row (
        row_no integer, fact_id uuid, period_on date, outcome intake.outcome, rule text
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS stage_event (
        ordinal integer, row_no integer, fact_id uuid, event_type record.event_type, subject_id uuid,
        occurred_on date, content bytea, salt bytea, body text
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS stage_protected (fact_id uuid, subject_id uuid) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS stage_change (
        withdrawn boolean, row_no integer, ordinal integer, kind record.event_kind, fact_id uuid,
        event_type record.event_type, version integer, replaces bigint, subject_id uuid, occurred_on date,
        content bytea, salt bytea, body text
    ) ON COMMIT DELETE ROWS;
END;
$$;

ALTER FUNCTION record.open_stage() OWNER TO tracker_owner;

CREATE FUNCTION record.outcomes(stream integer) RETURNS void
    LANGUAGE plpgsql
    SET enable_nestloop TO 'off'
    AS $$
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

ALTER FUNCTION record.outcomes(stream integer) OWNER TO tracker_owner;

CREATE FUNCTION record.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: the log is append-only', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'restrict_violation';
END;
$$;

ALTER FUNCTION record.refuse_change() OWNER TO tracker_owner;

CREATE FUNCTION record.withdrawals(stream integer, extracted date, delivery integer, period_from date, period_to date, opening record.event_type, OUT withdrawn integer, OUT covered integer) RETURNS record
    LANGUAGE plpgsql
    SET enable_nestloop TO 'off'
    AS $$
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

ALTER FUNCTION record.withdrawals(stream integer, extracted date, delivery integer, period_from date, period_to date, opening record.event_type, OUT withdrawn integer, OUT covered integer) OWNER TO tracker_owner;

CREATE FUNCTION record.write_ledger(delivery integer, attempt_no integer) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO intake.row_outcome (delivery_no, attempt, row_no, outcome, rule, fact_id, period_on)
    SELECT delivery, attempt_no, row_no, outcome, rule, fact_id, period_on FROM pg_temp.stage_row
$$;

ALTER FUNCTION record.write_ledger(delivery integer, attempt_no integer) OWNER TO tracker_owner;

CREATE TABLE codebook.decision (
    number integer NOT NULL,
    codebook text NOT NULL,
    spelling text NOT NULL,
    codes text[] NOT NULL,
    municipality text DEFAULT ''::text NOT NULL,
    system text DEFAULT ''::text NOT NULL,
    decided_by text NOT NULL,
    decided_on date NOT NULL,
    valid_from date,
    valid_to date,
    reason text DEFAULT ''::text NOT NULL,
    undoes integer,
    CONSTRAINT decision_check CHECK (((cardinality(codes) = 0) = (undoes IS NOT NULL)))
);

ALTER TABLE codebook.decision OWNER TO tracker_owner;

ALTER TABLE codebook.decision ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME codebook.decision_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE erasure.approval (
    request_no integer NOT NULL,
    requested_by text NOT NULL,
    approved_by text NOT NULL,
    approved_at timestamp with time zone NOT NULL,
    CONSTRAINT two_people CHECK ((approved_by <> requested_by))
);

ALTER TABLE erasure.approval OWNER TO tracker_owner;

CREATE TABLE erasure.done (
    erasure_id uuid NOT NULL,
    request_no integer,
    scope text NOT NULL,
    municipality text NOT NULL,
    reason text NOT NULL,
    legal_basis text NOT NULL,
    requested_by text NOT NULL,
    approved_by text NOT NULL,
    "position" bigint NOT NULL,
    events bigint NOT NULL,
    done_by text DEFAULT SESSION_USER NOT NULL,
    done_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    made_in xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT done_check CHECK ((approved_by <> requested_by)),
    CONSTRAINT done_scope_check CHECK ((scope = ANY (ARRAY['subject'::text, 'municipality'::text])))
);

ALTER TABLE erasure.done OWNER TO tracker_owner;

CREATE TABLE erasure.file (
    delivery_no integer NOT NULL,
    erasure_id uuid NOT NULL,
    digest bytea NOT NULL,
    once boolean NOT NULL
);

ALTER TABLE erasure.file OWNER TO tracker_owner;

CREATE TABLE erasure.membership (
    number integer NOT NULL,
    entry_id uuid NOT NULL,
    municipality text NOT NULL,
    withdrawn boolean NOT NULL,
    reason text NOT NULL,
    decided_by text DEFAULT SESSION_USER NOT NULL,
    decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT membership_municipality_check CHECK ((municipality <> ''::text)),
    CONSTRAINT membership_reason_check CHECK ((reason <> ''::text))
);

ALTER TABLE erasure.membership OWNER TO tracker_owner;

ALTER TABLE erasure.membership ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME erasure.membership_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE erasure.request (
    request_no integer NOT NULL,
    erasure_id uuid DEFAULT gen_random_uuid() NOT NULL,
    scope text NOT NULL,
    subject_id uuid,
    municipality text DEFAULT ''::text NOT NULL,
    reason text NOT NULL,
    legal_basis text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    CONSTRAINT request_check CHECK (((scope = 'municipality'::text) = (municipality <> ''::text))),
    CONSTRAINT request_legal_basis_check CHECK ((legal_basis <> ''::text)),
    CONSTRAINT request_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT request_scope_check CHECK ((scope = ANY (ARRAY['subject'::text, 'municipality'::text])))
);

ALTER TABLE erasure.request OWNER TO tracker_owner;

ALTER TABLE erasure.request ALTER COLUMN request_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME erasure.request_request_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE erasure.tombstone (
    digest bytea NOT NULL,
    set_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE erasure.tombstone OWNER TO tracker_owner;

CREATE TABLE intake.attempt (
    delivery_no integer NOT NULL,
    attempt integer NOT NULL,
    state intake.delivery_state NOT NULL,
    stream_id integer,
    period_from date,
    period_to date,
    "full" boolean DEFAULT false NOT NULL,
    extracted_on date,
    system text,
    rule text,
    rows_read integer DEFAULT 0 NOT NULL,
    appended integer DEFAULT 0 NOT NULL,
    corrected integer DEFAULT 0 NOT NULL,
    unchanged integer DEFAULT 0 NOT NULL,
    quarantined integer DEFAULT 0 NOT NULL,
    set_aside integer DEFAULT 0 NOT NULL,
    retractions integer DEFAULT 0 NOT NULL,
    covered integer DEFAULT 0 NOT NULL,
    first_position bigint,
    last_position bigint,
    software text NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT attempt_attempt_check CHECK ((attempt > 0)),
    CONSTRAINT attempt_check CHECK (((state <> 'loaded'::intake.delivery_state) OR ((stream_id IS NOT NULL) AND (last_position IS NOT NULL) AND (extracted_on IS NOT NULL)))),
    CONSTRAINT attempt_check1 CHECK (((state <> 'rejected'::intake.delivery_state) OR (rule IS NOT NULL))),
    CONSTRAINT every_row_accounted_for CHECK ((rows_read = ((((appended + corrected) + unchanged) + quarantined) + set_aside)))
);

ALTER TABLE intake.attempt OWNER TO tracker_owner;

CREATE TABLE intake.churning_ids (
    fact_id uuid NOT NULL,
    delivery_no integer NOT NULL,
    attempt integer NOT NULL,
    case_id uuid,
    referral_id uuid,
    referral_ids uuid[],
    investigation_id uuid,
    intervention_id uuid
);

ALTER TABLE intake.churning_ids OWNER TO tracker_owner;

CREATE TABLE intake.delivery (
    delivery_no integer NOT NULL,
    municipality text NOT NULL,
    digest bytea NOT NULL,
    file_name text NOT NULL,
    size bigint NOT NULL,
    received_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT delivery_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT delivery_municipality_check CHECK ((municipality <> ''::text))
);

ALTER TABLE intake.delivery OWNER TO tracker_owner;

ALTER TABLE intake.delivery ALTER COLUMN delivery_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME intake.delivery_delivery_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE intake.finding (
    delivery_no integer NOT NULL,
    attempt integer NOT NULL,
    finding_no integer NOT NULL,
    rule text NOT NULL,
    severity text NOT NULL,
    sheet text NOT NULL,
    row_no integer,
    column_letter text NOT NULL,
    fields text[] NOT NULL,
    expected text NOT NULL,
    found text NOT NULL,
    message text NOT NULL,
    remedy text NOT NULL,
    count integer NOT NULL,
    quarantines boolean NOT NULL,
    CONSTRAINT finding_count_check CHECK ((count > 0)),
    CONSTRAINT finding_severity_check CHECK ((severity = ANY (ARRAY['FATAL'::text, 'ERROR'::text, 'WARNING'::text, 'INFO'::text])))
);

ALTER TABLE intake.finding OWNER TO tracker_owner;

CREATE TABLE intake.row_outcome (
    delivery_no integer NOT NULL,
    attempt integer NOT NULL,
    row_no integer NOT NULL,
    outcome intake.outcome NOT NULL,
    rule text,
    fact_id uuid,
    period_on date,
    CONSTRAINT row_outcome_check CHECK (((outcome = 'set_aside'::intake.outcome) = (rule IS NOT NULL)))
);

ALTER TABLE intake.row_outcome OWNER TO tracker_owner;

CREATE TABLE intake.spelling (
    delivery_no integer NOT NULL,
    attempt integer NOT NULL,
    field text NOT NULL,
    codebook text NOT NULL,
    wording text NOT NULL,
    count integer NOT NULL,
    CONSTRAINT spelling_count_check CHECK ((count > 0))
);

ALTER TABLE intake.spelling OWNER TO tracker_owner;

CREATE VIEW intake.told_ids AS
 SELECT a.last_position AS "position",
    c.fact_id,
    a.extracted_on,
    replace((jsonb_strip_nulls((to_jsonb(c.*) - '{fact_id,delivery_no,attempt}'::text[])))::text, '-'::text, ''::text) AS ids
   FROM (intake.churning_ids c
     JOIN intake.attempt a USING (delivery_no, attempt));

ALTER VIEW intake.told_ids OWNER TO tracker_owner;

CREATE TABLE projection.head (
    stream_id integer NOT NULL,
    fact_id uuid NOT NULL,
    event_type record.event_type NOT NULL,
    version integer NOT NULL,
    "position" bigint NOT NULL,
    live boolean NOT NULL,
    subject_id uuid,
    occurred_on date,
    content bytea NOT NULL
);

ALTER TABLE projection.head OWNER TO tracker_owner;

CREATE TABLE projection.stream (
    stream_id integer NOT NULL,
    municipality text NOT NULL,
    record_type text NOT NULL
);

ALTER TABLE projection.stream OWNER TO tracker_owner;

ALTER TABLE projection.stream ALTER COLUMN stream_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME projection.stream_stream_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE publish.export (
    number integer NOT NULL,
    exported_by text NOT NULL,
    exported_at timestamp with time zone NOT NULL,
    project text NOT NULL,
    form text NOT NULL,
    format text NOT NULL,
    exact_dates boolean NOT NULL,
    reason text NOT NULL,
    cohort text NOT NULL,
    persons bigint NOT NULL,
    rows bigint NOT NULL,
    "position" bigint NOT NULL,
    codebook text NOT NULL,
    software text NOT NULL,
    manifest_hash bytea NOT NULL,
    CONSTRAINT exact_dates_need_a_reason CHECK (((NOT exact_dates) OR (btrim(reason) <> ''::text))),
    CONSTRAINT export_manifest_hash_check CHECK ((length(manifest_hash) = 32)),
    CONSTRAINT export_persons_check CHECK ((persons >= 0)),
    CONSTRAINT export_position_check CHECK (("position" >= 0)),
    CONSTRAINT export_project_check CHECK ((project <> ''::text)),
    CONSTRAINT export_rows_check CHECK ((rows >= 0))
);

ALTER TABLE publish.export OWNER TO tracker_owner;

ALTER TABLE publish.export ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME publish.export_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE record.batch (
    batch_no bigint NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    delivery_no integer NOT NULL,
    merkle_root bytea NOT NULL,
    previous_hash bytea NOT NULL,
    header_hash bytea NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT batch_check CHECK ((last_position >= first_position)),
    CONSTRAINT batch_header_hash_check CHECK ((octet_length(header_hash) = 32)),
    CONSTRAINT batch_merkle_root_check CHECK ((octet_length(merkle_root) = 32)),
    CONSTRAINT batch_previous_hash_check CHECK ((octet_length(previous_hash) = 32))
);

ALTER TABLE record.batch OWNER TO tracker_owner;

CREATE TABLE record.event (
    "position" bigint NOT NULL,
    batch_no bigint NOT NULL,
    leaf bytea NOT NULL,
    salt bytea,
    event_type record.event_type,
    kind record.event_kind,
    subject_id uuid,
    municipality text,
    record_type text,
    fact_id uuid,
    version integer,
    replaces bigint,
    occurred_on date,
    delivery_no integer,
    row_no integer,
    content bytea,
    body text,
    erased_by bigint,
    CONSTRAINT erased_whole CHECK (((erased_by IS NULL) OR (num_nonnulls(salt, event_type, kind, subject_id, municipality, record_type, fact_id, version, replaces, occurred_on, delivery_no, row_no, content, body) = 0))),
    CONSTRAINT event_check CHECK ((replaces < "position")),
    CONSTRAINT event_check1 CHECK (((erased_by IS NOT NULL) OR ((salt IS NOT NULL) AND (event_type IS NOT NULL) AND (kind IS NOT NULL) AND (body IS NOT NULL) AND (municipality IS NOT NULL) AND (fact_id IS NOT NULL) AND (content IS NOT NULL)))),
    CONSTRAINT event_leaf_check CHECK ((octet_length(leaf) = 32)),
    CONSTRAINT event_municipality_check CHECK ((municipality <> ''::text)),
    CONSTRAINT event_record_type_check CHECK ((record_type <> ''::text)),
    CONSTRAINT event_version_check CHECK ((version > 0))
)
PARTITION BY RANGE ("position");

ALTER TABLE record.event OWNER TO tracker_owner;

CREATE TABLE vault.identity_key (
    version integer NOT NULL,
    fingerprint text NOT NULL,
    renewed boolean NOT NULL,
    CONSTRAINT identity_key_version_check CHECK ((version >= 1))
);

ALTER TABLE vault.identity_key OWNER TO tracker_owner;

CREATE TABLE vault.subject (
    id_hmac bytea NOT NULL,
    key_version integer NOT NULL,
    kind text NOT NULL,
    municipality text NOT NULL,
    subject_id uuid,
    state text DEFAULT 'live'::text NOT NULL,
    CONSTRAINT subject_check CHECK (((kind = 'local'::text) OR (municipality = ''::text))),
    CONSTRAINT subject_check1 CHECK (((state = 'live'::text) = (subject_id IS NOT NULL))),
    CONSTRAINT subject_id_hmac_check CHECK ((octet_length(id_hmac) = 32)),
    CONSTRAINT subject_key_version_check CHECK ((key_version >= 1)),
    CONSTRAINT subject_kind_check CHECK ((kind = ANY (ARRAY['pnr'::text, 'sam'::text, 'local'::text]))),
    CONSTRAINT subject_state_check CHECK ((state = ANY (ARRAY['live'::text, 'erased'::text])))
);

ALTER TABLE vault.subject OWNER TO tracker_owner;

ALTER TABLE ONLY codebook.decision
    ADD CONSTRAINT decision_pkey PRIMARY KEY (number);

ALTER TABLE ONLY erasure.approval
    ADD CONSTRAINT approval_pkey PRIMARY KEY (request_no);

ALTER TABLE ONLY erasure.done
    ADD CONSTRAINT done_pkey PRIMARY KEY (erasure_id);

ALTER TABLE ONLY erasure.done
    ADD CONSTRAINT done_position_key UNIQUE ("position");

ALTER TABLE ONLY erasure.done
    ADD CONSTRAINT done_request_no_key UNIQUE (request_no);

ALTER TABLE ONLY erasure.file
    ADD CONSTRAINT file_pkey PRIMARY KEY (delivery_no);

ALTER TABLE ONLY erasure.membership
    ADD CONSTRAINT membership_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY erasure.membership
    ADD CONSTRAINT membership_pkey PRIMARY KEY (number);

ALTER TABLE ONLY erasure.request
    ADD CONSTRAINT request_erasure_id_key UNIQUE (erasure_id);

ALTER TABLE ONLY erasure.request
    ADD CONSTRAINT request_pkey PRIMARY KEY (request_no);

ALTER TABLE ONLY erasure.request
    ADD CONSTRAINT request_request_no_requested_by_key UNIQUE (request_no, requested_by);

ALTER TABLE ONLY erasure.tombstone
    ADD CONSTRAINT tombstone_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY intake.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (delivery_no, attempt);

ALTER TABLE ONLY intake.churning_ids
    ADD CONSTRAINT churning_ids_pkey PRIMARY KEY (fact_id, delivery_no, attempt);

ALTER TABLE ONLY intake.delivery
    ADD CONSTRAINT delivery_municipality_digest_key UNIQUE (municipality, digest);

ALTER TABLE ONLY intake.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (delivery_no);

ALTER TABLE ONLY intake.finding
    ADD CONSTRAINT finding_pkey PRIMARY KEY (delivery_no, attempt, finding_no);

ALTER TABLE ONLY intake.row_outcome
    ADD CONSTRAINT row_outcome_pkey PRIMARY KEY (delivery_no, attempt, row_no);

ALTER TABLE ONLY intake.spelling
    ADD CONSTRAINT spelling_pkey PRIMARY KEY (delivery_no, attempt, field, wording);

ALTER TABLE ONLY projection.head
    ADD CONSTRAINT head_pkey PRIMARY KEY (stream_id, fact_id, event_type);

ALTER TABLE ONLY projection.stream
    ADD CONSTRAINT stream_municipality_record_type_key UNIQUE (municipality, record_type);

ALTER TABLE ONLY projection.stream
    ADD CONSTRAINT stream_pkey PRIMARY KEY (stream_id);

ALTER TABLE ONLY publish.export
    ADD CONSTRAINT export_pkey PRIMARY KEY (number);

ALTER TABLE ONLY record.batch
    ADD CONSTRAINT batch_header_hash_key UNIQUE (header_hash);

ALTER TABLE ONLY record.batch
    ADD CONSTRAINT batch_last_position_key UNIQUE (last_position);

ALTER TABLE ONLY record.batch
    ADD CONSTRAINT batch_pkey PRIMARY KEY (batch_no);

ALTER TABLE ONLY record.event
    ADD CONSTRAINT event_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY vault.identity_key
    ADD CONSTRAINT identity_key_pkey PRIMARY KEY (version);

ALTER TABLE ONLY vault.subject
    ADD CONSTRAINT subject_pkey PRIMARY KEY (id_hmac);

CREATE INDEX membership_newest ON erasure.membership USING btree (municipality, number);

CREATE INDEX tombstone_set_at ON erasure.tombstone USING btree (set_at);

CREATE INDEX attempt_stream ON intake.attempt USING btree (stream_id, extracted_on);

CREATE INDEX row_outcome_erased ON intake.row_outcome USING btree (delivery_no, attempt) WHERE (rule = 'erased_subject'::text);

CREATE INDEX event_other_side ON ONLY record.event USING btree ((((body)::jsonb ->> 'other'::text))) WHERE (event_type = ANY (ARRAY['SubjectsLinked'::record.event_type, 'SubjectsUnlinked'::record.event_type]));

CREATE INDEX event_subject ON ONLY record.event USING btree (subject_id, "position") WHERE (subject_id IS NOT NULL);

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON codebook.decision FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE codebook.decision ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON codebook.decision FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE codebook.decision ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON erasure.approval FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE erasure.approval ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON erasure.done FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE erasure.done ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON erasure.membership FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE erasure.membership ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON erasure.request FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('subject_id');

ALTER TABLE erasure.request ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON erasure.tombstone FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE erasure.tombstone ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON erasure.approval FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE erasure.approval ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON erasure.done FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE erasure.done ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON erasure.membership FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE erasure.membership ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON erasure.request FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE erasure.request ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON erasure.tombstone FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE erasure.tombstone ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER stamp BEFORE INSERT ON erasure.approval FOR EACH ROW EXECUTE FUNCTION erasure.stamp_approval();

ALTER TABLE erasure.approval ENABLE ALWAYS TRIGGER stamp;

CREATE TRIGGER stamp BEFORE INSERT ON erasure.request FOR EACH ROW EXECUTE FUNCTION erasure.stamp_request();

ALTER TABLE erasure.request ENABLE ALWAYS TRIGGER stamp;

CREATE TRIGGER account_for_rows AFTER INSERT ON intake.attempt FOR EACH ROW EXECUTE FUNCTION intake.account_for_rows();

ALTER TABLE intake.attempt ENABLE ALWAYS TRIGGER account_for_rows;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON intake.attempt FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.attempt ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON intake.churning_ids FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('may go');

ALTER TABLE intake.churning_ids ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON intake.delivery FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('digest');

ALTER TABLE intake.delivery ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON intake.finding FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('expected', 'found', 'message', 'remedy');

ALTER TABLE intake.finding ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON intake.row_outcome FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('fact_id', 'period_on');

ALTER TABLE intake.row_outcome ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON intake.spelling FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('may go');

ALTER TABLE intake.spelling ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON intake.attempt FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.attempt ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON intake.churning_ids FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.churning_ids ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON intake.delivery FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.delivery ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON intake.finding FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.finding ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON intake.row_outcome FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.row_outcome ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON intake.spelling FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.spelling ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER forget_ids AFTER UPDATE ON intake.row_outcome REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION intake.forget_ids();

ALTER TABLE intake.row_outcome ENABLE ALWAYS TRIGGER forget_ids;

CREATE TRIGGER refuse_late_rows AFTER INSERT ON intake.churning_ids REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION intake.refuse_late_rows();

ALTER TABLE intake.churning_ids ENABLE ALWAYS TRIGGER refuse_late_rows;

CREATE TRIGGER refuse_late_rows AFTER INSERT ON intake.row_outcome REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION intake.refuse_late_rows();

ALTER TABLE intake.row_outcome ENABLE ALWAYS TRIGGER refuse_late_rows;

CREATE TRIGGER refuse_withdrawn BEFORE INSERT ON intake.delivery FOR EACH ROW EXECUTE FUNCTION erasure.refuse_withdrawn();

ALTER TABLE intake.delivery ENABLE ALWAYS TRIGGER refuse_withdrawn;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON publish.export FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE publish.export ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON publish.export FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE publish.export ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER stamp BEFORE INSERT ON publish.export FOR EACH ROW EXECUTE FUNCTION publish.stamp_export();

ALTER TABLE publish.export ENABLE ALWAYS TRIGGER stamp;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON record.batch FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE record.batch ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON record.event FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasure();

ALTER TABLE record.event ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON record.batch FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE record.batch ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON record.event FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE record.event ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER refuse_erased AFTER INSERT ON record.batch FOR EACH ROW WHEN ((new.delivery_no > 0)) EXECUTE FUNCTION erasure.refuse_erased();

ALTER TABLE record.batch ENABLE ALWAYS TRIGGER refuse_erased;

ALTER TABLE ONLY codebook.decision
    ADD CONSTRAINT decision_undoes_fkey FOREIGN KEY (undoes) REFERENCES codebook.decision(number);

ALTER TABLE ONLY erasure.approval
    ADD CONSTRAINT approval_request_no_requested_by_fkey FOREIGN KEY (request_no, requested_by) REFERENCES erasure.request(request_no, requested_by);

ALTER TABLE ONLY erasure.done
    ADD CONSTRAINT done_request_no_fkey FOREIGN KEY (request_no) REFERENCES erasure.approval(request_no);

ALTER TABLE ONLY erasure.file
    ADD CONSTRAINT file_erasure_id_fkey FOREIGN KEY (erasure_id) REFERENCES erasure.done(erasure_id);

ALTER TABLE ONLY intake.attempt
    ADD CONSTRAINT attempt_delivery_no_fkey FOREIGN KEY (delivery_no) REFERENCES intake.delivery(delivery_no);

ALTER TABLE ONLY intake.attempt
    ADD CONSTRAINT attempt_stream_id_fkey FOREIGN KEY (stream_id) REFERENCES projection.stream(stream_id);

GRANT USAGE ON SCHEMA codebook TO tracker_recorder;
GRANT USAGE ON SCHEMA codebook TO tracker_projector;
GRANT USAGE ON SCHEMA codebook TO tracker_reader;

GRANT USAGE ON SCHEMA erasure TO tracker_eraser;
GRANT USAGE ON SCHEMA erasure TO tracker_recorder;
GRANT USAGE ON SCHEMA erasure TO tracker_projector;
GRANT USAGE ON SCHEMA erasure TO tracker_reader;
GRANT USAGE ON SCHEMA erasure TO tracker_erasing;

GRANT USAGE ON SCHEMA intake TO tracker_recorder;
GRANT USAGE ON SCHEMA intake TO tracker_projector;
GRANT USAGE ON SCHEMA intake TO tracker_reader;
GRANT USAGE ON SCHEMA intake TO tracker_erasing;

GRANT USAGE ON SCHEMA projection TO tracker_recorder;
GRANT USAGE ON SCHEMA projection TO tracker_projector;
GRANT USAGE ON SCHEMA projection TO tracker_reader;
GRANT USAGE ON SCHEMA projection TO tracker_erasing;

REVOKE USAGE ON SCHEMA public FROM PUBLIC;

GRANT USAGE ON SCHEMA publish TO tracker_publisher;
GRANT USAGE ON SCHEMA publish TO tracker_reader;

GRANT USAGE ON SCHEMA record TO tracker_recorder;
GRANT USAGE ON SCHEMA record TO tracker_projector;
GRANT USAGE ON SCHEMA record TO tracker_reader;
GRANT USAGE ON SCHEMA record TO tracker_eraser;
GRANT USAGE ON SCHEMA record TO tracker_erasing;

GRANT USAGE ON SCHEMA vault TO tracker_vault;
GRANT USAGE ON SCHEMA vault TO tracker_erasing;

REVOKE ALL ON FUNCTION erasure.append_event(said record.event_type, of_municipality text, id uuid, said_body text) FROM PUBLIC;

REVOKE ALL ON FUNCTION erasure.approve(request integer, named uuid, OUT erased_events bigint, OUT id_hmacs bytea[], OUT key_versions integer[], OUT kinds text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION erasure.approve(request integer, named uuid, OUT erased_events bigint, OUT id_hmacs bytea[], OUT key_versions integer[], OUT kinds text[]) TO tracker_eraser;

REVOKE ALL ON FUNCTION erasure.as_ranges(positions bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION erasure.clean_facts(id uuid, positions bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION erasure.clean_rows(id uuid, deliveries integer[], row_nos integer[], said text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION erasure.empty_events(positions bigint[], by_event bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION erasure.erase_municipality(id uuid, of_municipality text, request integer, reason text, legal_basis text, requested_by text, approved_by text) FROM PUBLIC;

REVOKE ALL ON FUNCTION erasure.erase_subjects(id uuid, subjects uuid[], request integer, reason text, legal_basis text, requested_by text, approved_by text) FROM PUBLIC;

REVOKE ALL ON FUNCTION erasure.file_is_gone(delivery integer) FROM PUBLIC;
GRANT ALL ON FUNCTION erasure.file_is_gone(delivery integer) TO tracker_eraser;

REVOKE ALL ON FUNCTION erasure.forget_deliveries(id uuid, of_municipality text) FROM PUBLIC;

REVOKE ALL ON FUNCTION erasure.forget_rows(id uuid, delivery integer, row_nos integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION erasure.forget_rows(id uuid, delivery integer, row_nos integer[]) TO tracker_eraser;

REVOKE ALL ON FUNCTION erasure.forget_subjects(of_municipality text, subjects uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION erasure.linked(subject uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION erasure.positions_of(subjects uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION erasure.register_again(entry uuid, of_municipality text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION erasure.register_again(entry uuid, of_municipality text, reason text) TO tracker_eraser;

REVOKE ALL ON FUNCTION erasure.replay_municipality(id uuid, of_municipality text, reason text, legal_basis text, requested_by text, approved_by text) FROM PUBLIC;
GRANT ALL ON FUNCTION erasure.replay_municipality(id uuid, of_municipality text, reason text, legal_basis text, requested_by text, approved_by text) TO tracker_owner;

REVOKE ALL ON FUNCTION erasure.replay_subject(id uuid, hashes bytea[], kinds text[], version integer, reason text, legal_basis text, requested_by text, approved_by text) FROM PUBLIC;
GRANT ALL ON FUNCTION erasure.replay_subject(id uuid, hashes bytea[], kinds text[], version integer, reason text, legal_basis text, requested_by text, approved_by text) TO tracker_owner;

REVOKE ALL ON FUNCTION erasure.request_municipality(of_municipality text, reason text, legal_basis text) FROM PUBLIC;
GRANT ALL ON FUNCTION erasure.request_municipality(of_municipality text, reason text, legal_basis text) TO tracker_eraser;

REVOKE ALL ON FUNCTION erasure.request_subject(subject uuid, reason text, legal_basis text) FROM PUBLIC;
GRANT ALL ON FUNCTION erasure.request_subject(subject uuid, reason text, legal_basis text) TO tracker_eraser;

REVOKE ALL ON FUNCTION intake.forget_ids() FROM PUBLIC;

REVOKE ALL ON FUNCTION projection.advance(first_position bigint, last_position bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION projection.advance(first_position bigint, last_position bigint) TO tracker_recorder;
GRANT ALL ON FUNCTION projection.advance(first_position bigint, last_position bigint) TO tracker_projector;

REVOKE ALL ON FUNCTION projection.refold() FROM PUBLIC;
GRANT ALL ON FUNCTION projection.refold() TO tracker_projector;

GRANT ALL ON FUNCTION record.append(delivery integer, attempt_no integer, in_municipality text, in_record_type text, extracted date, delivery_body text, replaces_position bigint, OUT first_position bigint, OUT last_position bigint) TO tracker_recorder;

GRANT ALL ON FUNCTION record.decide(stream integer, delivery integer, extracted date, is_full boolean, period_from date, period_to date, opening record.event_type, OUT retractions integer, OUT covered integer) TO tracker_recorder;

REVOKE ALL ON FUNCTION record.ensure_partition(up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION record.ensure_partition(up_to bigint) TO tracker_recorder;
GRANT ALL ON FUNCTION record.ensure_partition(up_to bigint) TO tracker_erasing;

GRANT ALL ON FUNCTION record.merkle_root(first_position bigint, last_position bigint) TO tracker_recorder;
GRANT ALL ON FUNCTION record.merkle_root(first_position bigint, last_position bigint) TO tracker_reader;
GRANT ALL ON FUNCTION record.merkle_root(first_position bigint, last_position bigint) TO tracker_erasing;

GRANT ALL ON FUNCTION record.open_stage() TO tracker_recorder;

GRANT ALL ON FUNCTION record.write_ledger(delivery integer, attempt_no integer) TO tracker_recorder;

GRANT SELECT,INSERT ON TABLE codebook.decision TO tracker_recorder;
GRANT SELECT ON TABLE codebook.decision TO tracker_projector;
GRANT SELECT ON TABLE codebook.decision TO tracker_reader;

GRANT SELECT,INSERT ON TABLE erasure.approval TO tracker_erasing;
GRANT SELECT ON TABLE erasure.approval TO tracker_reader;

GRANT SELECT,INSERT ON TABLE erasure.done TO tracker_erasing;
GRANT SELECT ON TABLE erasure.done TO tracker_reader;
GRANT SELECT ON TABLE erasure.done TO tracker_projector;
GRANT SELECT ON TABLE erasure.done TO tracker_eraser;

GRANT SELECT,INSERT,DELETE ON TABLE erasure.file TO tracker_erasing;
GRANT SELECT ON TABLE erasure.file TO tracker_reader;

GRANT SELECT,INSERT ON TABLE erasure.membership TO tracker_erasing;
GRANT SELECT ON TABLE erasure.membership TO tracker_reader;
GRANT SELECT ON TABLE erasure.membership TO tracker_recorder;

GRANT SELECT,INSERT,UPDATE ON TABLE erasure.request TO tracker_erasing;
GRANT SELECT ON TABLE erasure.request TO tracker_reader;

GRANT SELECT,INSERT ON TABLE erasure.tombstone TO tracker_erasing;
GRANT SELECT ON TABLE erasure.tombstone TO tracker_recorder;

GRANT SELECT,INSERT ON TABLE intake.attempt TO tracker_recorder;
GRANT SELECT ON TABLE intake.attempt TO tracker_projector;
GRANT SELECT ON TABLE intake.attempt TO tracker_reader;
GRANT SELECT ON TABLE intake.attempt TO tracker_erasing;

GRANT SELECT,INSERT ON TABLE intake.churning_ids TO tracker_recorder;
GRANT SELECT ON TABLE intake.churning_ids TO tracker_projector;
GRANT SELECT ON TABLE intake.churning_ids TO tracker_reader;
GRANT SELECT,DELETE ON TABLE intake.churning_ids TO tracker_erasing;

GRANT SELECT,INSERT ON TABLE intake.delivery TO tracker_recorder;
GRANT SELECT ON TABLE intake.delivery TO tracker_projector;
GRANT SELECT ON TABLE intake.delivery TO tracker_reader;
GRANT SELECT,UPDATE ON TABLE intake.delivery TO tracker_erasing;

GRANT SELECT,INSERT ON TABLE intake.finding TO tracker_recorder;
GRANT SELECT ON TABLE intake.finding TO tracker_projector;
GRANT SELECT ON TABLE intake.finding TO tracker_reader;
GRANT SELECT,UPDATE ON TABLE intake.finding TO tracker_erasing;

GRANT SELECT,INSERT ON TABLE intake.row_outcome TO tracker_recorder;
GRANT SELECT ON TABLE intake.row_outcome TO tracker_projector;
GRANT SELECT ON TABLE intake.row_outcome TO tracker_reader;
GRANT SELECT,UPDATE ON TABLE intake.row_outcome TO tracker_erasing;

GRANT SELECT,INSERT ON TABLE intake.spelling TO tracker_recorder;
GRANT SELECT ON TABLE intake.spelling TO tracker_projector;
GRANT SELECT ON TABLE intake.spelling TO tracker_reader;
GRANT SELECT,DELETE ON TABLE intake.spelling TO tracker_erasing;

GRANT SELECT ON TABLE intake.told_ids TO tracker_projector;
GRANT SELECT ON TABLE intake.told_ids TO tracker_reader;

GRANT SELECT ON TABLE projection.head TO tracker_recorder;
GRANT SELECT ON TABLE projection.head TO tracker_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE projection.head TO tracker_projector;
GRANT SELECT,DELETE ON TABLE projection.head TO tracker_erasing;

GRANT SELECT,INSERT ON TABLE projection.stream TO tracker_recorder;
GRANT SELECT,INSERT ON TABLE projection.stream TO tracker_projector;
GRANT SELECT ON TABLE projection.stream TO tracker_reader;
GRANT SELECT,UPDATE ON TABLE projection.stream TO tracker_erasing;

GRANT SELECT,INSERT ON TABLE publish.export TO tracker_publisher;
GRANT SELECT ON TABLE publish.export TO tracker_reader;

GRANT SELECT,INSERT ON TABLE record.batch TO tracker_recorder;
GRANT SELECT ON TABLE record.batch TO tracker_projector;
GRANT SELECT ON TABLE record.batch TO tracker_reader;
GRANT SELECT,INSERT ON TABLE record.batch TO tracker_erasing;

GRANT SELECT,INSERT ON TABLE record.event TO tracker_recorder;
GRANT SELECT ON TABLE record.event TO tracker_projector;
GRANT SELECT ON TABLE record.event TO tracker_reader;
GRANT SELECT,INSERT,UPDATE ON TABLE record.event TO tracker_erasing;

GRANT SELECT,INSERT,UPDATE ON TABLE vault.identity_key TO tracker_vault;

GRANT SELECT,INSERT,UPDATE ON TABLE vault.subject TO tracker_vault;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE vault.subject TO tracker_erasing;
