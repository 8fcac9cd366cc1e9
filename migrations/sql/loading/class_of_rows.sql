-- Planned for the stage as it is: a plan kept from a small delivery could loop over the ledger for a large one.
ALTER FUNCTION record.class_of_rows(integer, date, integer) SET plan_cache_mode = force_custom_plan;
