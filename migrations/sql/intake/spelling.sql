-- How often each wording of a coded column stood in a delivery: the steward's queue and the sender's feedback.
CREATE TABLE intake.spelling (
    delivery_no integer NOT NULL,
    attempt     integer NOT NULL,
    field       text NOT NULL,
    codebook    text NOT NULL,
    wording     text NOT NULL,
    count       integer NOT NULL CHECK (count > 0),
    PRIMARY KEY (delivery_no, attempt, field, wording)
);
GRANT SELECT, INSERT ON intake.spelling TO tracker_recorder;
GRANT SELECT ON intake.spelling TO tracker_projector, tracker_reader;
