"""Spark in one process, which starts and ends within the measured time: its JVM's CPU is known only once it has ended."""

import workload
from pyspark import SparkContext
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

TYPES = {
    "text": "STRING",
    "int16": "SMALLINT",
    "int32": "INT",
    "int64": "BIGINT",
    "money": "DECIMAL(12,2)",
    "bool": "BOOLEAN",
    "time": "TIMESTAMP",
    "millis": "BIGINT",
}


def work(form, objects, to, threads):
    builder = SparkSession.builder.master(f"local[{threads}]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.session.timeZone", "UTC").config("spark.driver.memory", "2g")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    # The level of its Parquet writer is Hadoop's setting.
    spark = builder.config("spark.hadoop.parquet.compression.codec.zstd.level", "1").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    malformed = workload.MALFORMED
    read = {name: "STRING" if name == malformed else TYPES[kind] for name, kind in workload.COLUMNS}
    if form == "csv":
        schema = ", ".join(f"{name} {kind}" for name, kind in read.items())
        frame = spark.read.schema(schema).option("header", "true").option("nullValue", "").csv(objects)
    else:
        fields = [f"{name} {kind}" for name, kind in read.items() if name not in workload.NESTED]
        fields.append(
            "device STRUCT<os: STRING, os_version: STRING, model: STRING, screen: STRUCT<w: SMALLINT, h: SMALLINT>>"
        )
        frame = spark.read.schema(", ".join(fields)).json(objects)
    selected = []
    for name, kind in workload.COLUMNS:
        value = F.col(name if form == "csv" else ".".join(workload.NESTED.get(name, (name,))))
        if kind == "millis":
            value = F.timestamp_millis(value)
        elif name == malformed:
            value = value.try_cast("smallint")
        selected.append(value.alias(name))
    rows = frame.select(selected).where(F.col(malformed).between(1, 100))
    rows.write.mode("overwrite").option("compression", "zstd").parquet(str(to / "rows"))
    count = spark.read.parquet(str(to / "rows")).count()
    gateway = SparkContext._gateway
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()
    return count, None


workload.main("pyspark", work)
