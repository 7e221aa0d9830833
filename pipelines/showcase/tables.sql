-- All but `products`, which its pipeline creates; whichever pipeline starts first makes them.
CREATE SCHEMA IF NOT EXISTS showcase;

-- The sales as they came, each once: what the star is resolved from again when a customer's history changes.
CREATE TABLE IF NOT EXISTS showcase.sales (
    transaction_code VARCHAR(32) NOT NULL, customer_id BIGINT, product_id BIGINT, quantity INTEGER NOT NULL,
    unit_price DECIMAL(10,2) NOT NULL, sales_date DATE NOT NULL, "_tidegate_object" VARCHAR(32), "_tidegate_row" BIGINT
) DISTKEY (transaction_code) SORTKEY (sales_date);

-- Keys of dimensions follow from what they name (MD5, 60 bits of it), so that they are the same in whatever order the days come. An IDENTITY would not be.
-- is_inferred: known from sales alone, its attributes are NULL.
CREATE TABLE IF NOT EXISTS showcase.dim_product (
    product_key BIGINT NOT NULL, product_id BIGINT NOT NULL, product_name VARCHAR(256), category VARCHAR(128), product_rating SMALLINT,
    is_inferred BOOLEAN NOT NULL
) DISTSTYLE ALL SORTKEY (product_key);

-- customer_key is filled behind the insert, by customer_keys.sql.
CREATE TABLE IF NOT EXISTS showcase.dim_customer (
    customer_key BIGINT, customer_id BIGINT NOT NULL, company_name VARCHAR(256), industry VARCHAR(128), satisfaction_rating SMALLINT,
    row_effective_date DATE NOT NULL, row_expired_date DATE NOT NULL, is_current BOOLEAN NOT NULL,
    "_tidegate_object" VARCHAR(32), "_tidegate_row" BIGINT
) DISTSTYLE ALL SORTKEY (customer_key);

CREATE TABLE IF NOT EXISTS showcase.fact_sales (
    transaction_code VARCHAR(32) NOT NULL, sales_date DATE NOT NULL, product_key BIGINT NOT NULL, customer_key BIGINT NOT NULL,
    quantity INTEGER NOT NULL, unit_price DECIMAL(10,2) NOT NULL, amount DECIMAL(18,2) NOT NULL
) DISTKEY (transaction_code) SORTKEY (sales_date);

CREATE TABLE IF NOT EXISTS showcase.fact_sales_aggregate (
    sales_date DATE NOT NULL, product_key BIGINT NOT NULL, customer_key BIGINT NOT NULL, sales BIGINT NOT NULL, quantity BIGINT NOT NULL,
    amount DECIMAL(18,2) NOT NULL
) DISTSTYLE EVEN SORTKEY (sales_date);
