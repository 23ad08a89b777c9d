from django.db import migrations

BATCH = 5_000


def note(apps, schema_editor):
    """What the log holds already is counted as what comes is: each id is noted once."""
    rows = apps.get_model("analytics", "RequestRecord").objects.order_by("id")
    notes = apps.get_model("analytics", "Uncounted").objects
    last = ""
    while ids := list(rows.filter(id__gt=last).values_list("id", flat=True)[:BATCH]):
        notes.create(ids=ids, requests=len(ids))
        last = ids[-1]


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0007_rollups"),
    ]

    operations = [
        migrations.RunPython(note, migrations.RunPython.noop),
    ]
