-- The functions are made: from here on nobody acts as this role.
REVOKE CREATE ON SCHEMA erasure FROM tracker_erasing;
