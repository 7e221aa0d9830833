-- Products of which only sales are known so far: members without attributes, until an extract has them.
INSERT INTO showcase.dim_product (product_key, product_id, is_inferred)
SELECT STRTOL(SUBSTRING(MD5(CAST(s.product_id AS VARCHAR(20))), 1, 15), 16), s.product_id, TRUE
FROM (SELECT DISTINCT product_id FROM {{ stage }} WHERE product_id IS NOT NULL) s
LEFT JOIN showcase.dim_product p ON p.product_id = s.product_id
WHERE p.product_id IS NULL;
