-- Somebody asked for an erasure. The subject is known here only until it is carried out.
CREATE TABLE erasure.request (
    request_no   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    erasure_id   uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    scope        text NOT NULL CHECK (scope IN ('subject', 'municipality')),
    subject_id   uuid,
    municipality text NOT NULL DEFAULT '',
    reason       text NOT NULL CHECK (reason <> ''),
    legal_basis  text NOT NULL CHECK (legal_basis <> ''),
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    UNIQUE (request_no, requested_by),
    CHECK ((scope = 'municipality') = (municipality <> ''))
);
GRANT SELECT, INSERT, UPDATE ON erasure.request TO tracker_erasing;
GRANT SELECT ON erasure.request TO tracker_reader;
