"""The outbox's words in SQL: the id of a delivery, and callback URLs found by their digest, for an index can't hold the longest."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models.functions import MD5

DELIVERY_ID = """
CREATE FUNCTION qsura_delivery_id(event uuid, endpoint uuid) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    -- A UUIDv7 with the event's time (so that it falls into a partition of that week) and 60 bits of what makes it this one.
    SELECT (left(replace(event::text, '-', ''), 16) || '8' || left(md5(event::text || endpoint::text), 15))::uuid
$$
"""


class Migration(migrations.Migration):
    dependencies = [("callbacks", "0004_lanes")]

    operations = [
        migrations.RunSQL(DELIVERY_ID, "DROP FUNCTION qsura_delivery_id"),
        migrations.RemoveConstraint(model_name="endpoint", name="callbacks_callback_url_unique"),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.UniqueConstraint(
                "business", "mode", MD5("url"), condition=models.Q(("kind", "callback")), name="callbacks_callback_once"
            ),
        ),
    ]
