"""The indexes of partitioned tables: made on the parent, so that every partition has them."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("callbacks", "0002_partitions")]

    operations = [
        migrations.AddIndex(model_name="delivery", index=models.Index(fields=['endpoint_id', '-id'], name='callbacks_delivery_endpoint')),
        migrations.AddIndex(model_name="delivery", index=models.Index(condition=models.Q(('message_id__isnull', False)), fields=['message_id'], name='callbacks_delivery_message')),
    ]
