-- The roles of tracker. They belong to the server, not to one database, so they may be there already.
-- The login that migrates becomes a member of each; from PostgreSQL 16 on without inheriting, so that it
-- has no rights until it says which role it acts in.
DO $$
DECLARE
    name text;
    how text := '';
BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        how := ' WITH INHERIT FALSE, SET TRUE';
    END IF;
    FOREACH name IN ARRAY ARRAY['tracker_owner', 'tracker_recorder', 'tracker_projector', 'tracker_publisher',
                                'tracker_reader', 'tracker_vault', 'tracker_eraser']
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        EXECUTE format('GRANT %I TO %I', name, current_user) || how;
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO tracker_recorder, tracker_vault', current_database());
    EXECUTE format('GRANT CREATE ON DATABASE %I TO tracker_owner', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
