CREATE FUNCTION publish.stamp_export() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.exported_by := session_user;
    NEW.exported_at := clock_timestamp();
    RETURN NEW;
END;
$$;
CREATE TRIGGER stamp BEFORE INSERT ON publish.export FOR EACH ROW EXECUTE FUNCTION publish.stamp_export();
ALTER TABLE publish.export ENABLE ALWAYS TRIGGER stamp;
SELECT record.make_append_only('publish.export');
