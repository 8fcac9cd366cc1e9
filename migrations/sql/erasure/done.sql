-- Erasures carried out: the event at "position" names what was erased. request_no is null for one replayed from
-- the ledger outside into a restored database, where its approval may be unknown.
-- made_in is the transaction that carries it out: events can be erased in that one and in no other.
CREATE TABLE erasure.done (
    erasure_id   uuid PRIMARY KEY,
    request_no   integer UNIQUE REFERENCES erasure.approval,
    scope        text NOT NULL CHECK (scope IN ('subject', 'municipality')),
    municipality text NOT NULL,
    reason       text NOT NULL,
    legal_basis  text NOT NULL,
    requested_by text NOT NULL,
    approved_by  text NOT NULL CHECK (approved_by <> requested_by),
    position     bigint NOT NULL UNIQUE,
    events       bigint NOT NULL,
    done_by      text NOT NULL DEFAULT session_user,
    done_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    made_in      xid8 NOT NULL DEFAULT pg_current_xact_id()
);
GRANT SELECT, INSERT ON erasure.done TO tracker_erasing;
GRANT SELECT ON erasure.done TO tracker_reader, tracker_projector;
GRANT SELECT ON erasure.done TO tracker_eraser;
