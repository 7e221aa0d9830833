-- Sales may have come before the customers of their day, and a past day's extract may come last. An extract changes who a customer was from
-- its own day on and never before; of the sales since then, those that are somebody else's now.
CREATE TEMP TABLE resolved AS
SELECT f.transaction_code, f.sales_date, NVL(c.customer_key, -1) AS customer_key
FROM showcase.fact_sales f
JOIN showcase.sales s ON s.transaction_code = f.transaction_code
LEFT JOIN {{ target }} c ON c.customer_id = s.customer_id AND s.sales_date BETWEEN c.row_effective_date AND c.row_expired_date
WHERE f.sales_date >= (SELECT MIN(row_effective_date) FROM {{ stage }}) AND f.customer_key <> NVL(c.customer_key, -1);

UPDATE showcase.fact_sales SET customer_key = r.customer_key FROM resolved r WHERE fact_sales.transaction_code = r.transaction_code;

-- For aggregate.sql.
CREATE TEMP TABLE days AS SELECT DISTINCT sales_date FROM resolved;
