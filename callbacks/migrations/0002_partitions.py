"""Deliveries and their tries: partitioned by week on the UUIDv7 of the delivery; the log of tries refuses every change."""

from __future__ import annotations

from django.db import migrations

TABLES = """
SELECT qsura_partition('callbacks_delivery', 'id');
SELECT qsura_partition('callbacks_deliverytry', 'delivery_id');

CREATE TRIGGER history BEFORE UPDATE OR DELETE ON callbacks_delivery FOR EACH ROW EXECUTE FUNCTION qsura_refuse_change();
CREATE TRIGGER history BEFORE UPDATE OR DELETE ON callbacks_deliverytry FOR EACH ROW EXECUTE FUNCTION qsura_refuse_change();

ALTER TABLE callbacks_deliverydue SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

SELECT qsura_make_partitions(4);
"""


class Migration(migrations.Migration):
    dependencies = [("callbacks", "0001_initial"), ("messaging", "0002_partitions")]

    operations = [migrations.RunSQL(TABLES)]
