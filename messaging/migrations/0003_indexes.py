"""The indexes of partitioned tables: made on the parent, so that every partition has them."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0002_partitions")]

    operations = [
        migrations.AddIndex(model_name="message", index=models.Index(fields=['business_id', 'mode', '-id'], name='messaging_message_list')),
        migrations.AddIndex(model_name="message", index=models.Index(fields=['recipient_hash', '-id'], name='messaging_message_recipient')),
        migrations.AddIndex(model_name="message", index=models.Index(condition=models.Q(('reference__isnull', False)), fields=['reference', '-id'], name='messaging_message_reference')),
    ]
