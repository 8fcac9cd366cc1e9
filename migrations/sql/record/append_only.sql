SELECT record.make_append_only('record.event');
SELECT record.make_append_only('record.batch');
SELECT record.make_append_only('intake.delivery');
SELECT record.make_append_only('intake.attempt');
SELECT record.make_append_only('intake.row_outcome');
SELECT record.make_append_only('intake.finding');
SELECT record.make_append_only('intake.spelling');
SELECT record.make_append_only('codebook.decision');
