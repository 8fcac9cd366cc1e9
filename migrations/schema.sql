CREATE SCHEMA vault;

ALTER SCHEMA vault OWNER TO tracker_owner;

CREATE TABLE vault.subject (
    id_hmac bytea NOT NULL,
    key_version integer NOT NULL,
    kind text NOT NULL,
    municipality text NOT NULL,
    subject_id uuid,
    state text DEFAULT 'live'::text NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT subject_check CHECK (((state = 'live'::text) = (subject_id IS NOT NULL))),
    CONSTRAINT subject_id_hmac_check CHECK ((octet_length(id_hmac) = 32)),
    CONSTRAINT subject_key_version_check CHECK ((key_version >= 1)),
    CONSTRAINT subject_kind_check CHECK ((kind = ANY (ARRAY['pnr'::text, 'sam'::text, 'local'::text]))),
    CONSTRAINT subject_state_check CHECK ((state = ANY (ARRAY['live'::text, 'erased'::text])))
);

ALTER TABLE vault.subject OWNER TO tracker_owner;

ALTER TABLE ONLY vault.subject
    ADD CONSTRAINT subject_pkey PRIMARY KEY (id_hmac);

ALTER TABLE ONLY vault.subject
    ADD CONSTRAINT subject_subject_id_key UNIQUE (subject_id);

REVOKE USAGE ON SCHEMA public FROM PUBLIC;

GRANT USAGE ON SCHEMA vault TO tracker_vault;

GRANT SELECT,INSERT,UPDATE ON TABLE vault.subject TO tracker_vault;
