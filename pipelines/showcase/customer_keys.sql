-- The key of a version follows from the customer and the day from which it holds.
UPDATE {{ target }}
SET customer_key = STRTOL(SUBSTRING(MD5(CAST(customer_id AS VARCHAR(20)) || '/' || TO_CHAR(row_effective_date, 'YYYY-MM-DD')), 1, 15), 16)
WHERE customer_key IS NULL;
