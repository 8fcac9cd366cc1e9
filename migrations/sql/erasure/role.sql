-- The role the erasing functions run as. Nobody is a member of it: what it may do is done through these
-- functions alone. The login that migrates lends it to itself while it creates them.
DO $$
BEGIN
    BEGIN
        CREATE ROLE tracker_erasing NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
    END;
    EXECUTE format('GRANT tracker_erasing TO %I', current_user)
        || CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
END
$$;
-- Which revision the database is at may be seen by every login: an officer's software asks it too.
GRANT USAGE ON SCHEMA migration TO PUBLIC;
GRANT SELECT ON migration.alembic_version TO PUBLIC;
