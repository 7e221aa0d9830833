"""Asks the sandbox's Redshift Data API what its users ask it, through boto3: redshift_data_api.py ENDPOINT."""

import sys
import time

import boto3
import botocore.config
from botocore.exceptions import ClientError

CLIENT = boto3.client(
    "redshift-data",
    endpoint_url=sys.argv[1],
    region_name="us-east-1",
    aws_access_key_id="any",
    aws_secret_access_key="thing",
    config=botocore.config.Config(retries={"max_attempts": 1}),
)
WAREHOUSE = {"WorkgroupName": "tidegate", "Database": "dev"}
ENDED = {"FINISHED", "FAILED", "ABORTED"}


def end(reply):
    """Polls as clients without WaitTimeSeconds do."""
    for _ in range(600):
        described = CLIENT.describe_statement(Id=reply["Id"])
        if described["Status"] in ENDED:
            return described
        assert described["Status"] in {"SUBMITTED", "PICKED", "STARTED"}, described
        time.sleep(0.05)
    raise AssertionError("the statement did not end")


def execute(sql, **more):
    return end(CLIENT.execute_statement(Sql=sql, **WAREHOUSE, **more))


def batch(*sqls, **more):
    return end(CLIENT.batch_execute_statement(Sqls=list(sqls), **WAREHOUSE, **more))


def rows(id):
    """All pages of a result, by boto3's own paginator."""
    pages = list(CLIENT.get_paginator("get_statement_result").paginate(Id=id))
    records = [[next(iter(field.values())) for field in record] for page in pages for record in page["Records"]]
    assert all(page["TotalNumRows"] == len(records) for page in pages)
    return records, len(pages)


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} was expected, but the call succeeded")


# A batch is one transaction, and tells how each statement went.
made = batch(
    "CREATE TABLE songs (id INTEGER NOT NULL ENCODE az64, title VARCHAR(64), PRIMARY KEY (id)) DISTSTYLE ALL SORTKEY (id)",
    "INSERT INTO songs VALUES (1, 'one'), (2, 'two')",
    "SELECT id, title FROM songs ORDER BY id",
)
assert made["Status"] == "FINISHED" and made["HasResultSet"], made
assert [each["Status"] for each in made["SubStatements"]] == ["FINISHED"] * 3
assert [each["Id"] for each in made["SubStatements"]] == [f"{made['Id']}:{n}" for n in (1, 2, 3)]
assert made["SubStatements"][1]["ResultRows"] == 2 and not made["SubStatements"][1]["HasResultSet"]
assert rows(f"{made['Id']}:3") == ([[1, "one"], [2, "two"]], 1)
assert made["CreatedAt"] <= made["UpdatedAt"] and made["Duration"] > 0

failed = batch("DELETE FROM songs", "SELECT 1 / (COUNT(*)) FROM songs", "SELECT 1")
assert failed["Status"] == "FAILED" and "division by zero" in failed["Error"], failed
assert [each["Status"] for each in failed["SubStatements"]] == ["FINISHED", "FAILED", "ABORTED"]
assert "Error" not in failed["SubStatements"][0]
assert rows(execute("SELECT COUNT(*) FROM songs")["Id"])[0] == [[2]]

# The same token is the same submission.
insert = {"Sql": "INSERT INTO songs VALUES (:id::int, :title)", "ClientToken": "t-1", "StatementName": "insert-3"}
values = [{"name": "id", "value": "3"}, {"name": "title", "value": "it's \\ three"}]
tokened = [CLIENT.execute_statement(**insert, Parameters=values, **WAREHOUSE) for _ in range(2)]
assert tokened[0]["Id"] == tokened[1]["Id"]
described = end(tokened[0])
assert described["QueryParameters"] == values and described["QueryString"] == insert["Sql"], described
assert rows(execute("SELECT title FROM songs WHERE id = 3")["Id"])[0] == [["it's \\ three"]]
listed = CLIENT.list_statements(StatementName="insert-3", Status="FINISHED")["Statements"]
assert [each["Id"] for each in listed] == [described["Id"]]

# Results come in pages, typed.
many = execute("SELECT n, n * 0.5 AS half, n % 2 = 0 AS even, NULL AS nothing FROM generate_series(1, 2345) AS n")
records, pages = rows(many["Id"])
assert pages == 3 and records[-1] == [2345, "1172.5", False, True], (pages, records[-1])
columns = CLIENT.get_statement_result(Id=many["Id"])["ColumnMetadata"]
assert [column["typeName"] for column in columns][:3] == ["int4", "numeric", "bool"], columns

# What is in the database.
tables = CLIENT.list_tables(SchemaPattern="public", TablePattern="so%", **WAREHOUSE)["Tables"]
assert tables == [{"name": "songs", "schema": "public", "type": "TABLE"}], tables
described = CLIENT.describe_table(Schema="public", Table="songs", **WAREHOUSE)["ColumnList"]
assert [(each["name"], each["nullable"]) for each in described] == [("id", 0), ("title", 1)]
assert "public" in CLIENT.list_schemas(**WAREHOUSE)["Schemas"]
assert CLIENT.list_databases(**WAREHOUSE)["Databases"] == ["dev"]

# Errors: of a statement in its status, of a call as an exception.
wrong = execute("SELECT * FROM nowhere")
assert wrong["Status"] == "FAILED" and wrong["Error"] == 'ERROR: relation "nowhere" does not exist', wrong
refused("ResourceNotFoundException", CLIENT.get_statement_result, Id=wrong["Id"])
refused("ResourceNotFoundException", CLIENT.describe_statement, Id="01234567-0123-0123-0123-0123456789ab")
refused("ValidationException", CLIENT.cancel_statement, Id=made["Id"])
refused("ValidationException", CLIENT.execute_statement, Sql="SELECT 1", Parameters=values, **WAREHOUSE)
refused("ValidationException", CLIENT.execute_statement, Sql="SELECT 1; SELECT 2", **WAREHOUSE)
print("ok")
