-- Deliveries whose stored file holds something erased. One row goes once the file is gone for good ("once":
-- the whole delivery was withdrawn); the others stay, so that the file does not come back by being sent again.
CREATE TABLE erasure.file (
    delivery_no integer PRIMARY KEY,
    erasure_id  uuid NOT NULL REFERENCES erasure.done,
    digest      bytea NOT NULL,
    once        boolean NOT NULL
);
CREATE INDEX row_outcome_erased ON intake.row_outcome (delivery_no, attempt) WHERE rule = 'erased_subject';
GRANT SELECT, INSERT, DELETE ON erasure.file TO tracker_erasing;
GRANT SELECT ON erasure.file TO tracker_reader;
