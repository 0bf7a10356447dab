"""A business's events that are no message's: append-only, partitioned by week, in one order with the messages' events."""

from __future__ import annotations

from django.db import migrations, models

TYPES = [
    ("template.submitted", "Template Submitted"),
    ("template.approved", "Template Approved"),
    ("template.rejected", "Template Rejected"),
    ("template.paused", "Template Paused"),
    ("template.retired", "Template Retired"),
    ("inbound.received", "Inbound Received"),
    ("recipient.opted_out", "Opted Out"),
    ("recipient.opted_in", "Opted In"),
    ("endpoint.disabled", "Endpoint Disabled"),
    ("provider.degraded", "Provider Degraded"),
    ("provider.recovered", "Provider Recovered"),
]
TABLE = """
SELECT qsura_partition('accounts_businessevent', 'id');

ALTER TABLE accounts_businessevent ADD COLUMN transaction xid8 NOT NULL DEFAULT pg_current_xact_id();
-- GET /v1/events: in the order of transactions, together with the messages' events.
CREATE INDEX accounts_businessevent_feed ON accounts_businessevent (business_id, transaction, id);

CREATE TRIGGER history BEFORE UPDATE OR DELETE ON accounts_businessevent FOR EACH ROW EXECUTE FUNCTION qsura_refuse_change();

SELECT qsura_make_partitions(4);
"""


class Migration(migrations.Migration):
    # The functions that partition a table and refuse changes were made with the messages' tables. Only names point upwards here.
    dependencies = [("accounts", "0001_initial"), ("messaging", "0002_partitions")]

    operations = [
        migrations.CreateModel(
            name="BusinessEvent",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("business_id", models.UUIDField()),
                (
                    "mode",
                    models.CharField(choices=[("test", "Test"), ("live", "Live")], help_text="Empty: both worlds.", max_length=4, null=True),
                ),
                ("type", models.CharField(choices=TYPES, max_length=40)),
                ("about", models.JSONField(help_text="Flat and thin: public ids and names, no personal data.")),
                ("occurred_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("type__in", [word for word, _ in TYPES])), name="accounts_businessevent_type_known"
                    )
                ],
            },
        ),
        migrations.RunSQL(TABLE),
    ]
