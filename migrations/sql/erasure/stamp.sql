-- Who asked and who approved is who logged in: not the role taken, and not what a statement says.
CREATE FUNCTION erasure.stamp_request() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.requested_by := session_user;
    NEW.requested_at := clock_timestamp();
    RETURN NEW;
END;
$$;
CREATE FUNCTION erasure.stamp_approval() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.approved_by := session_user;
    NEW.approved_at := clock_timestamp();
    RETURN NEW;
END;
$$;
CREATE TRIGGER stamp BEFORE INSERT ON erasure.request FOR EACH ROW EXECUTE FUNCTION erasure.stamp_request();
CREATE TRIGGER stamp BEFORE INSERT ON erasure.approval FOR EACH ROW EXECUTE FUNCTION erasure.stamp_approval();
ALTER TABLE erasure.request ENABLE ALWAYS TRIGGER stamp;
ALTER TABLE erasure.approval ENABLE ALWAYS TRIGGER stamp;
