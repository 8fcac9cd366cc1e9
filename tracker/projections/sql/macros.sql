-- Whole years of age on a day; a child born on 29 February has its birthday on 1 March in common years.
CREATE MACRO age_on(birth_date, day) AS
    (year(day) - year(birth_date) - (month(day) * 100 + day(day) < month(birth_date) * 100 + day(birth_date))::INTEGER)::SMALLINT;

-- The day a child turns so many years; 1 March for 29 February in common years.
CREATE MACRO birthday(birth_date, years) AS (
    (birth_date + to_years(years::INTEGER))::DATE
    + (day(birth_date) = 29 AND day((birth_date + to_years(years::INTEGER))::DATE) = 28)::INTEGER);

CREATE MACRO age_group_of(age) AS $age_group;

CREATE MACRO flow_class_of(action) AS $flow_class;

-- What a row itself says; where it says nothing readable, what is known of the child.
CREATE MACRO own_or(own, known) AS coalesce(nullif(own, 'unmapped'), known, own);
