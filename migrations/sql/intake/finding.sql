-- What was wrong with, or said aloud about, a delivery. Findings of quarantined rows are the quarantine.
-- "found" is a shape for identity and free-text cells, never the value.
CREATE TABLE intake.finding (
    delivery_no integer NOT NULL,
    attempt     integer NOT NULL,
    finding_no  integer NOT NULL,
    rule        text NOT NULL,
    severity    text NOT NULL CHECK (severity IN ('FATAL', 'ERROR', 'WARNING', 'INFO')),
    sheet       text NOT NULL,
    row_no      integer,
    column_letter text NOT NULL,
    fields      text[] NOT NULL,
    expected    text NOT NULL,
    found       text NOT NULL,
    message     text NOT NULL,
    remedy      text NOT NULL,
    count       integer NOT NULL CHECK (count > 0),
    quarantines boolean NOT NULL,
    PRIMARY KEY (delivery_no, attempt, finding_no)
);
GRANT SELECT, INSERT ON intake.finding TO tracker_recorder;
GRANT SELECT ON intake.finding TO tracker_projector, tracker_reader;
