-- One row an identity: its HMAC-SHA-256, never the identity. An erased row keeps the hash, so that a
-- later delivery of the same identity is recognised and set aside, and loses all else.
-- subject_id is random (version 4) and has no index: only an erasure looks for one, and can scan.
-- key_version says how many identity keys are nested in id_hmac. A number belongs to no municipality.
CREATE TABLE vault.subject (
    id_hmac bytea PRIMARY KEY CHECK (octet_length(id_hmac) = 32),
    key_version integer NOT NULL CHECK (key_version >= 1),
    kind text NOT NULL CHECK (kind IN ('pnr', 'sam', 'local')),
    municipality text NOT NULL CHECK (kind = 'local' OR municipality = ''),
    subject_id uuid,
    state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'erased')),
    CHECK ((state = 'live') = (subject_id IS NOT NULL))
);

GRANT SELECT, INSERT, UPDATE ON vault.subject TO tracker_vault;
