-- Every export for a project of research: who took what, when, and why with exact dates. Kept for ever. Who and
-- when are those of the login, not what a statement says.
CREATE SCHEMA publish AUTHORIZATION tracker_owner;
GRANT USAGE ON SCHEMA publish TO tracker_publisher, tracker_reader;
CREATE TABLE publish.export (
    number         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exported_by    text NOT NULL,
    exported_at    timestamptz NOT NULL,
    project        text NOT NULL CHECK (project <> ''),
    form           text NOT NULL,
    format         text NOT NULL,
    exact_dates    boolean NOT NULL,
    reason         text NOT NULL,
    cohort         text NOT NULL,
    persons        bigint NOT NULL CHECK (persons >= 0),
    rows           bigint NOT NULL CHECK (rows >= 0),
    position       bigint NOT NULL CHECK (position >= 0),
    codebook       text NOT NULL,
    software       text NOT NULL,
    manifest_hash  bytea NOT NULL CHECK (length(manifest_hash) = 32),
    CONSTRAINT exact_dates_need_a_reason CHECK (NOT exact_dates OR btrim(reason) <> '')
);
GRANT SELECT, INSERT ON publish.export TO tracker_publisher;
GRANT SELECT ON publish.export TO tracker_reader;
