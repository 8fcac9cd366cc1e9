CREATE SCHEMA record AUTHORIZATION tracker_owner;
CREATE TYPE record.event_type AS ENUM (
    'ReferralReceived', 'ReferralConcluded', 'InvestigationOpened', 'InvestigationClosed',
    'DecisionMade', 'InterventionStarted', 'InterventionEnded', 'FollowUpHeld',
    'OpenSupportStarted', 'OpenSupportEnded', 'OpenSupportCounted', 'ChildFactRecorded',
    'MunicipalityFactRecorded', 'SubjectsLinked', 'SubjectsUnlinked', 'DeliveryRecorded'
);
CREATE TYPE record.event_kind AS ENUM ('recorded', 'corrected', 'retracted');
GRANT USAGE ON SCHEMA record TO tracker_recorder, tracker_projector, tracker_reader, tracker_eraser;
