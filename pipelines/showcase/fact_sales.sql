-- The days of this load's sales, and those on which they stood before. For aggregate.sql too.
CREATE TEMP TABLE days AS
SELECT sales_date FROM {{ stage }}
UNION
SELECT f.sales_date FROM showcase.fact_sales f JOIN {{ stage }} s ON s.transaction_code = f.transaction_code;

-- By transaction_code, from the target, where the newest of a sale stands. The customer's version is that of the day; -1 is nobody known.
DELETE FROM showcase.fact_sales USING (SELECT DISTINCT transaction_code FROM {{ stage }}) k WHERE fact_sales.transaction_code = k.transaction_code;
INSERT INTO showcase.fact_sales (transaction_code, sales_date, product_key, customer_key, quantity, unit_price, amount)
SELECT s.transaction_code, s.sales_date, NVL(p.product_key, -1), NVL(c.customer_key, -1), s.quantity, s.unit_price,
       CAST(s.quantity * s.unit_price AS DECIMAL(18,2))
FROM {{ target }} s
LEFT JOIN showcase.dim_product p ON p.product_id = s.product_id
LEFT JOIN showcase.dim_customer c ON c.customer_id = s.customer_id AND s.sales_date BETWEEN c.row_effective_date AND c.row_expired_date
WHERE s.transaction_code IN (SELECT transaction_code FROM {{ stage }});
