CREATE SCHEMA IF NOT EXISTS retail;

-- What a customer spent on a day; customer_id is NULL of purchases of which the customer is not known.
CREATE TABLE IF NOT EXISTS retail.user_spent (
    insert_date DATE NOT NULL, purchase_date DATE NOT NULL, customer_id INTEGER, amount_spent DECIMAL(18,5) NOT NULL
) DISTKEY (customer_id) SORTKEY (purchase_date);

CREATE TABLE IF NOT EXISTS retail.archive_spent (
    insert_date DATE NOT NULL, purchase_date DATE NOT NULL, customer_id INTEGER, amount_spent DECIMAL(18,5) NOT NULL
) DISTKEY (customer_id) SORTKEY (purchase_date);
