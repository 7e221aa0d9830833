-- The rows of this load that the ledger does not have, all with one time. A replay has none.
CREATE TEMP TABLE appended AS
SELECT s.s_suppkey, s.s_name, s.s_address, s.s_nationkey, s.s_phone, s.s_acctbal, s.s_comment, n.load_ts
FROM {{ stage }} s CROSS JOIN (SELECT GETDATE() AS load_ts) n;

INSERT INTO {{ target }} (s_suppkey, s_name, s_address, s_nationkey, s_phone, s_acctbal, s_comment, load_ts)
SELECT s_suppkey, s_name, s_address, s_nationkey, s_phone, s_acctbal, s_comment, load_ts FROM appended;

INSERT INTO assignment.supplier_fact (s_suppkey, s_acctbal, s_comment, load_ts)
SELECT s_suppkey, s_acctbal, s_comment, load_ts FROM appended;
