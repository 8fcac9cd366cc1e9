CREATE SCHEMA codebook;

ALTER SCHEMA codebook OWNER TO tracker_owner;

CREATE SCHEMA intake;

ALTER SCHEMA intake OWNER TO tracker_owner;

CREATE SCHEMA projection;

ALTER SCHEMA projection OWNER TO tracker_owner;

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
    'DeliveryRecorded'
);

ALTER TYPE record.event_type OWNER TO tracker_owner;

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
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    INSERT INTO projection.head
        (stream_id, fact_id, event_type, version, position, live, subject_id, occurred_on, content)
    SELECT s.stream_id, e.fact_id, e.event_type, e.version, e.position, e.kind <> 'retracted', e.subject_id,
           e.occurred_on, e.content
    FROM record.event e
    JOIN projection.stream s USING (municipality, record_type)
    WHERE e.position BETWEEN first_position AND last_position AND e.event_type <> 'DeliveryRecorded'
      AND e.version = 1;
    UPDATE projection.head h
    SET version = e.version, position = e.position, live = e.kind <> 'retracted',
        subject_id = e.subject_id, occurred_on = e.occurred_on, content = e.content
    FROM record.event e
    JOIN projection.stream s USING (municipality, record_type)
    WHERE e.position BETWEEN first_position AND last_position AND e.event_type <> 'DeliveryRecorded'
      AND e.version > 1
      AND h.stream_id = s.stream_id AND h.fact_id = e.fact_id AND h.event_type = e.event_type
$$;

ALTER FUNCTION projection.advance(first_position bigint, last_position bigint) OWNER TO tracker_owner;

CREATE FUNCTION projection.refold() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    header record.batch;
BEGIN
    DELETE FROM projection.head;
    FOR header IN SELECT * FROM record.batch ORDER BY batch_no LOOP
        PERFORM projection.advance(header.first_position, header.last_position);
    END LOOP;
END;
$$;

ALTER FUNCTION projection.refold() OWNER TO tracker_owner;

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
    LANGUAGE sql
    SET enable_nestloop TO 'off'
    AS $$
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
$$;

ALTER FUNCTION record.changes(stream integer) OWNER TO tracker_owner;

CREATE FUNCTION record.class_of_rows(stream integer, extracted date, delivery integer) RETURNS void
    LANGUAGE plpgsql
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
    ANALYZE pg_temp.stage_row (row_no, fact_id, outcome);
    ANALYZE pg_temp.stage_event (row_no, fact_id, event_type);
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
    something_newer boolean := EXISTS (
        SELECT FROM intake.attempt a WHERE a.stream_id = stream AND a.state = 'loaded'
        AND (a.extracted_on, a.delivery_no) > (extracted, delivery));
BEGIN
    covered := (SELECT count(*) FROM projection.head h
                WHERE h.stream_id = stream AND h.live AND h.event_type = opening
                  AND h.occurred_on BETWEEN withdrawals.period_from AND withdrawals.period_to);
    INSERT INTO pg_temp.stage_change
    SELECT true, NULL, NULL, 'retracted', h.fact_id, h.event_type, h.version + 1, h.position,
           h.subject_id, h.occurred_on, h.content, uuid_send(gen_random_uuid()), '{}'
    FROM projection.head h
    JOIN (SELECT o.fact_id FROM projection.head o
          WHERE o.stream_id = stream AND o.live AND o.event_type = opening
            AND o.occurred_on BETWEEN withdrawals.period_from AND withdrawals.period_to) AS c USING (fact_id)
    WHERE h.stream_id = stream AND h.live
      AND NOT EXISTS (SELECT FROM pg_temp.stage_row r
                      WHERE r.fact_id = h.fact_id AND (r.outcome IS NULL OR r.outcome = 'unchanged'))
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

ALTER TABLE ONLY intake.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (delivery_no, attempt);

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

CREATE INDEX attempt_stream ON intake.attempt USING btree (stream_id, extracted_on);

CREATE INDEX event_other_side ON ONLY record.event USING btree ((((body)::jsonb ->> 'other'::text))) WHERE (event_type = ANY (ARRAY['SubjectsLinked'::record.event_type, 'SubjectsUnlinked'::record.event_type]));

CREATE INDEX event_subject ON ONLY record.event USING btree (subject_id, "position") WHERE (subject_id IS NOT NULL);

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON codebook.decision FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE codebook.decision ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON codebook.decision FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE codebook.decision ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER account_for_rows AFTER INSERT ON intake.attempt FOR EACH ROW EXECUTE FUNCTION intake.account_for_rows();

ALTER TABLE intake.attempt ENABLE ALWAYS TRIGGER account_for_rows;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON intake.attempt FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.attempt ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON intake.delivery FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.delivery ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON intake.finding FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.finding ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON intake.row_outcome FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.row_outcome ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON intake.spelling FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.spelling ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON intake.attempt FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.attempt ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON intake.delivery FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.delivery ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON intake.finding FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.finding ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON intake.row_outcome FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.row_outcome ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON intake.spelling FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE intake.spelling ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER refuse_late_rows AFTER INSERT ON intake.row_outcome REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION intake.refuse_late_rows();

ALTER TABLE intake.row_outcome ENABLE ALWAYS TRIGGER refuse_late_rows;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON record.batch FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE record.batch ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON record.event FOR EACH ROW EXECUTE FUNCTION record.refuse_change();

ALTER TABLE record.event ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON record.batch FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE record.batch ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON record.event FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_change();

ALTER TABLE record.event ENABLE ALWAYS TRIGGER append_only_truncate;

ALTER TABLE ONLY codebook.decision
    ADD CONSTRAINT decision_undoes_fkey FOREIGN KEY (undoes) REFERENCES codebook.decision(number);

ALTER TABLE ONLY intake.attempt
    ADD CONSTRAINT attempt_delivery_no_fkey FOREIGN KEY (delivery_no) REFERENCES intake.delivery(delivery_no);

ALTER TABLE ONLY intake.attempt
    ADD CONSTRAINT attempt_stream_id_fkey FOREIGN KEY (stream_id) REFERENCES projection.stream(stream_id);

GRANT USAGE ON SCHEMA codebook TO tracker_recorder;
GRANT USAGE ON SCHEMA codebook TO tracker_projector;
GRANT USAGE ON SCHEMA codebook TO tracker_reader;

GRANT USAGE ON SCHEMA intake TO tracker_recorder;
GRANT USAGE ON SCHEMA intake TO tracker_projector;
GRANT USAGE ON SCHEMA intake TO tracker_reader;

GRANT USAGE ON SCHEMA projection TO tracker_recorder;
GRANT USAGE ON SCHEMA projection TO tracker_projector;
GRANT USAGE ON SCHEMA projection TO tracker_reader;

REVOKE USAGE ON SCHEMA public FROM PUBLIC;

GRANT USAGE ON SCHEMA record TO tracker_recorder;
GRANT USAGE ON SCHEMA record TO tracker_projector;
GRANT USAGE ON SCHEMA record TO tracker_reader;
GRANT USAGE ON SCHEMA record TO tracker_eraser;

GRANT USAGE ON SCHEMA vault TO tracker_vault;

REVOKE ALL ON FUNCTION projection.advance(first_position bigint, last_position bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION projection.advance(first_position bigint, last_position bigint) TO tracker_recorder;
GRANT ALL ON FUNCTION projection.advance(first_position bigint, last_position bigint) TO tracker_projector;

REVOKE ALL ON FUNCTION projection.refold() FROM PUBLIC;
GRANT ALL ON FUNCTION projection.refold() TO tracker_projector;

GRANT ALL ON FUNCTION record.append(delivery integer, attempt_no integer, in_municipality text, in_record_type text, extracted date, delivery_body text, replaces_position bigint, OUT first_position bigint, OUT last_position bigint) TO tracker_recorder;

GRANT ALL ON FUNCTION record.decide(stream integer, delivery integer, extracted date, is_full boolean, period_from date, period_to date, opening record.event_type, OUT retractions integer, OUT covered integer) TO tracker_recorder;

REVOKE ALL ON FUNCTION record.ensure_partition(up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION record.ensure_partition(up_to bigint) TO tracker_recorder;

GRANT ALL ON FUNCTION record.merkle_root(first_position bigint, last_position bigint) TO tracker_recorder;
GRANT ALL ON FUNCTION record.merkle_root(first_position bigint, last_position bigint) TO tracker_reader;

GRANT ALL ON FUNCTION record.open_stage() TO tracker_recorder;

GRANT ALL ON FUNCTION record.write_ledger(delivery integer, attempt_no integer) TO tracker_recorder;

GRANT SELECT,INSERT ON TABLE codebook.decision TO tracker_recorder;
GRANT SELECT ON TABLE codebook.decision TO tracker_projector;
GRANT SELECT ON TABLE codebook.decision TO tracker_reader;

GRANT SELECT,INSERT ON TABLE intake.attempt TO tracker_recorder;
GRANT SELECT ON TABLE intake.attempt TO tracker_projector;
GRANT SELECT ON TABLE intake.attempt TO tracker_reader;

GRANT SELECT,INSERT ON TABLE intake.delivery TO tracker_recorder;
GRANT SELECT ON TABLE intake.delivery TO tracker_projector;
GRANT SELECT ON TABLE intake.delivery TO tracker_reader;

GRANT SELECT,INSERT ON TABLE intake.finding TO tracker_recorder;
GRANT SELECT ON TABLE intake.finding TO tracker_projector;
GRANT SELECT ON TABLE intake.finding TO tracker_reader;

GRANT SELECT,INSERT ON TABLE intake.row_outcome TO tracker_recorder;
GRANT SELECT ON TABLE intake.row_outcome TO tracker_projector;
GRANT SELECT ON TABLE intake.row_outcome TO tracker_reader;

GRANT SELECT,INSERT ON TABLE intake.spelling TO tracker_recorder;
GRANT SELECT ON TABLE intake.spelling TO tracker_projector;
GRANT SELECT ON TABLE intake.spelling TO tracker_reader;

GRANT SELECT ON TABLE projection.head TO tracker_recorder;
GRANT SELECT ON TABLE projection.head TO tracker_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE projection.head TO tracker_projector;

GRANT SELECT,INSERT ON TABLE projection.stream TO tracker_recorder;
GRANT SELECT,INSERT ON TABLE projection.stream TO tracker_projector;
GRANT SELECT ON TABLE projection.stream TO tracker_reader;

GRANT SELECT,INSERT ON TABLE record.batch TO tracker_recorder;
GRANT SELECT ON TABLE record.batch TO tracker_projector;
GRANT SELECT ON TABLE record.batch TO tracker_reader;

GRANT SELECT,INSERT ON TABLE record.event TO tracker_recorder;
GRANT SELECT ON TABLE record.event TO tracker_projector;
GRANT SELECT ON TABLE record.event TO tracker_reader;

GRANT SELECT,INSERT,UPDATE ON TABLE vault.identity_key TO tracker_vault;

GRANT SELECT,INSERT,UPDATE ON TABLE vault.subject TO tracker_vault;
