-- The log. Position order is commit order. After an erasure only position, batch and leaf remain,
-- so everything of the envelope, the body and the salt may be null.
CREATE TABLE record.event (
    position    bigint NOT NULL,
    batch_no    bigint NOT NULL,
    leaf        bytea  NOT NULL CHECK (octet_length(leaf) = 32),
    salt        bytea,
    event_type  record.event_type,
    kind        record.event_kind,
    subject_id  uuid,
    municipality text CHECK (municipality <> ''),
    record_type text CHECK (record_type <> ''),
    fact_id     uuid,
    version     integer CHECK (version > 0),
    replaces    bigint CHECK (replaces < position),
    occurred_on date,
    delivery_no integer,
    row_no      integer,
    content     bytea,
    body        text,
    erased_by   bigint,
    PRIMARY KEY (position),
    CHECK (erased_by IS NOT NULL
           OR (salt IS NOT NULL AND event_type IS NOT NULL AND kind IS NOT NULL AND body IS NOT NULL
               AND municipality IS NOT NULL AND fact_id IS NOT NULL AND content IS NOT NULL))
) PARTITION BY RANGE (position);
CREATE INDEX event_subject ON record.event (subject_id, position) WHERE subject_id IS NOT NULL;
CREATE INDEX event_other_side ON record.event ((body::jsonb ->> 'other'))
    WHERE event_type IN ('SubjectsLinked', 'SubjectsUnlinked');
GRANT SELECT, INSERT ON record.event TO tracker_recorder;
GRANT SELECT ON record.event TO tracker_projector, tracker_reader;
