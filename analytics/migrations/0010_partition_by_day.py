from datetime import UTC, datetime, time, timedelta

from django.db import migrations

from analytics.ids import first_id

TABLE = "analytics_requestrecord"


def partition(apps, schema_editor):
    """On PostgreSQL the log becomes a partitioned table. What it holds is not copied: it is the
    first partition, of all up to the end of today, or of its last day."""
    if schema_editor.connection.vendor != "postgresql":
        return
    log = apps.get_model("analytics", "RequestRecord").objects
    newest = log.order_by("-id").values_list("time", flat=True).first()
    end = max(datetime.now(UTC), newest or datetime.now(UTC)).date() + timedelta(days=1)
    old = f"{TABLE}_until_{end:%Y%m%d}"
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", [TABLE])
        indices = dict(cursor.fetchall())
    for name in indices:
        schema_editor.execute(f'ALTER INDEX "{name}" RENAME TO "{name[:50]}_old"')
    schema_editor.execute(f"ALTER TABLE {TABLE} RENAME TO {old}")
    schema_editor.execute(
        f"CREATE TABLE {TABLE} (LIKE {old} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) "
        "PARTITION BY RANGE (id)"
    )
    schema_editor.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {TABLE}_pkey PRIMARY KEY (id)")
    for name, definition in indices.items():
        if name != f"{TABLE}_pkey":
            schema_editor.execute(definition, params=None)
    if newest is None:
        schema_editor.execute(f"DROP TABLE {old}")
    else:
        until = first_id(datetime.combine(end, time(), UTC).timestamp())
        schema_editor.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{until}')"
        )
    schema_editor.execute(f"CREATE TABLE {TABLE}_default PARTITION OF {TABLE} DEFAULT")


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0009_kept_bodies"),
    ]

    operations = [
        migrations.RunPython(partition, migrations.RunPython.noop),
    ]
