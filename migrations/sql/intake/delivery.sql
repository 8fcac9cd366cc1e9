-- Every file taken in, once: the same content for the same municipality is the same delivery.
CREATE SCHEMA intake AUTHORIZATION tracker_owner;
GRANT USAGE ON SCHEMA intake TO tracker_recorder, tracker_projector, tracker_reader;
CREATE TABLE intake.delivery (
    delivery_no  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    municipality text NOT NULL CHECK (municipality <> ''),
    digest       bytea NOT NULL CHECK (octet_length(digest) = 32),
    file_name    text NOT NULL,
    size         bigint NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (municipality, digest)
);
GRANT SELECT, INSERT ON intake.delivery TO tracker_recorder;
GRANT SELECT ON intake.delivery TO tracker_projector, tracker_reader;
