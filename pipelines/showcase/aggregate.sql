-- The days that the step before names, computed anew.
DELETE FROM showcase.fact_sales_aggregate USING days d WHERE fact_sales_aggregate.sales_date = d.sales_date;
INSERT INTO showcase.fact_sales_aggregate (sales_date, product_key, customer_key, sales, quantity, amount)
SELECT sales_date, product_key, customer_key, COUNT(*), SUM(quantity), SUM(amount)
FROM showcase.fact_sales
WHERE sales_date IN (SELECT sales_date FROM days)
GROUP BY 1, 2, 3;
