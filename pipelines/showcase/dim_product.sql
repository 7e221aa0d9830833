-- What is newest of the products of this load.
CREATE TEMP TABLE newest AS
SELECT t.product_id, t.product_name, t.category, t.product_rating
FROM {{ target }} t JOIN (SELECT DISTINCT product_id FROM {{ stage }}) k ON k.product_id = t.product_id;

-- What the dimension says already is left alone. A set operation takes two NULLs for the same.
DELETE FROM newest USING (
    SELECT product_id, product_name, category, product_rating FROM newest
    INTERSECT
    SELECT product_id, product_name, category, product_rating FROM showcase.dim_product WHERE NOT is_inferred
) same
WHERE newest.product_id = same.product_id;

-- A member that was inferred from sales has its attributes from now on; its key stays.
UPDATE showcase.dim_product
SET product_name = n.product_name, category = n.category, product_rating = n.product_rating, is_inferred = FALSE
FROM newest n
WHERE dim_product.product_id = n.product_id;

INSERT INTO showcase.dim_product (product_key, product_id, product_name, category, product_rating, is_inferred)
SELECT STRTOL(SUBSTRING(MD5(CAST(n.product_id AS VARCHAR(20))), 1, 15), 16), n.product_id, n.product_name, n.category, n.product_rating, FALSE
FROM newest n
LEFT JOIN showcase.dim_product p ON p.product_id = n.product_id
WHERE p.product_id IS NULL;
