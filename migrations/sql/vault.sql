-- The vault: which keyed hash of an identity is which subject. Only the role tracker_vault enters.
CREATE SCHEMA vault;
GRANT USAGE ON SCHEMA vault TO tracker_vault;
