-- Another person approved it. Two logins: the foreign key says who asked, the check that it is not the same.
CREATE TABLE erasure.approval (
    request_no   integer PRIMARY KEY,
    requested_by text NOT NULL,
    approved_by  text NOT NULL,
    approved_at  timestamptz NOT NULL,
    FOREIGN KEY (request_no, requested_by) REFERENCES erasure.request (request_no, requested_by),
    CONSTRAINT two_people CHECK (approved_by <> requested_by)
);
GRANT SELECT, INSERT ON erasure.approval TO tracker_erasing;
GRANT SELECT ON erasure.approval TO tracker_reader;
