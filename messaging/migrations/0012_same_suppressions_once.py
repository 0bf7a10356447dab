"""Of several suppressions that say the very same, the one that lasts longest stays in force."""

from __future__ import annotations

from django.db import migrations

ONCE = """
UPDATE messaging_suppression SET lifted_at = now(), lifted_because = 'The same suppression was there more than once.'
WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (
            PARTITION BY business_id, recipient_hash, mode, channel, category, reason, origin ORDER BY expires_at DESC NULLS FIRST, id
        ) AS place
        FROM messaging_suppression WHERE lifted_at IS NULL
    ) same WHERE place > 1
)
"""


class Migration(migrations.Migration):
    dependencies = [("messaging", "0011_suppressions_stay_as_history")]

    operations = [migrations.RunSQL(ONCE, migrations.RunSQL.noop)]
