-- What became of each row, and which fact it stated: the ledger that rows read are accounted against.
CREATE TYPE intake.outcome AS ENUM ('appended', 'corrected', 'unchanged', 'quarantined', 'set_aside');
CREATE TABLE intake.row_outcome (
    delivery_no integer NOT NULL,
    attempt     integer NOT NULL,
    row_no      integer NOT NULL,
    outcome     intake.outcome NOT NULL,
    rule        text,
    fact_id     uuid,
    period_on   date,
    PRIMARY KEY (delivery_no, attempt, row_no),
    CHECK ((outcome = 'set_aside') = (rule IS NOT NULL))
);
GRANT SELECT, INSERT ON intake.row_outcome TO tracker_recorder;
GRANT SELECT ON intake.row_outcome TO tracker_projector, tracker_reader;
