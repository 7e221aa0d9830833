-- The dates that this load has rows of, computed anew from what the table now holds of them: an exact decimal, never a float.
DELETE FROM retail.archive_spent USING (SELECT DISTINCT insert_date FROM {{ stage }}) d WHERE archive_spent.insert_date = d.insert_date;
INSERT INTO retail.archive_spent (insert_date, purchase_date, customer_id, amount_spent)
SELECT insert_date, CAST(invoice_date AS DATE), customer_id, CAST(SUM(quantity * unit_price) AS DECIMAL(18,5))
FROM {{ target }}
WHERE insert_date IN (SELECT insert_date FROM {{ stage }})
GROUP BY 1, 2, 3;
