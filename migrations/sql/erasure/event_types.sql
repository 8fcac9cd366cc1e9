-- Erasures are events too: they say which positions were erased and why, and nothing of whom.
ALTER TYPE record.event_type ADD VALUE 'SubjectErased';
ALTER TYPE record.event_type ADD VALUE 'MunicipalityErased';
