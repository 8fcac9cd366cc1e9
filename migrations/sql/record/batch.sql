-- One header for each committed delivery, hash-chained: the RFC 6962 tree of its leaves and the header before.
CREATE TABLE record.batch (
    batch_no       bigint PRIMARY KEY,
    first_position bigint NOT NULL,
    last_position  bigint NOT NULL CHECK (last_position >= first_position),
    delivery_no    integer NOT NULL,
    merkle_root    bytea NOT NULL CHECK (octet_length(merkle_root) = 32),
    previous_hash  bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    header_hash    bytea NOT NULL UNIQUE CHECK (octet_length(header_hash) = 32),
    recorded_at    timestamptz NOT NULL,
    UNIQUE (last_position)
);
GRANT SELECT, INSERT ON record.batch TO tracker_recorder;
GRANT SELECT ON record.batch TO tracker_projector, tracker_reader;
