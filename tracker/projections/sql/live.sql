-- Events that stand as of the position: not withdrawn, and replaced by nothing.
CREATE TABLE superseded AS
SELECT DISTINCT replaces AS position FROM log WHERE replaces IS NOT NULL;

CREATE VIEW live AS
SELECT * FROM log ANTI JOIN superseded USING (position) WHERE kind <> 'retracted';
