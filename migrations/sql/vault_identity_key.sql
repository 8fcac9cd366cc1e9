-- Which identity keys the vault was filled with: fingerprints, so that other keys are refused before
-- they make every child a new one. renewed is false while hashes of older versions are left.
CREATE TABLE vault.identity_key (
    version integer PRIMARY KEY CHECK (version >= 1),
    fingerprint text NOT NULL,
    renewed boolean NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON vault.identity_key TO tracker_vault;
