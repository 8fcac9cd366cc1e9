-- A municipality that withdrew delivers nothing until it is registered again; a load that was under way is
-- refused too, as is one that had read a subject before it was erased. Loads do not take days.
CREATE FUNCTION erasure.refuse_withdrawn() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF erasure.is_withdrawn(NEW.municipality) THEN
        RAISE EXCEPTION 'municipality % has withdrawn', NEW.municipality
            USING ERRCODE = 'check_violation', CONSTRAINT = 'municipality_withdrawn';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER refuse_withdrawn BEFORE INSERT ON intake.delivery
    FOR EACH ROW EXECUTE FUNCTION erasure.refuse_withdrawn();
ALTER TABLE intake.delivery ENABLE ALWAYS TRIGGER refuse_withdrawn;

CREATE FUNCTION erasure.refuse_erased() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF erasure.is_withdrawn((SELECT d.municipality FROM intake.delivery d WHERE d.delivery_no = NEW.delivery_no)) THEN
        RAISE EXCEPTION 'the municipality of delivery % has withdrawn', NEW.delivery_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'municipality_withdrawn';
    END IF;
    IF EXISTS (SELECT FROM erasure.tombstone t WHERE t.set_at > clock_timestamp() - interval '7 days')
       AND EXISTS (SELECT FROM record.event e JOIN erasure.tombstone t ON t.digest = sha256(uuid_send(e.subject_id))
                   WHERE e.position BETWEEN NEW.first_position AND NEW.last_position) THEN
        RAISE EXCEPTION 'delivery % names a subject that was erased while it was read', NEW.delivery_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'erased_meanwhile';
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER refuse_erased AFTER INSERT ON record.batch
    FOR EACH ROW WHEN (NEW.delivery_no > 0) EXECUTE FUNCTION erasure.refuse_erased();
ALTER TABLE record.batch ENABLE ALWAYS TRIGGER refuse_erased;
