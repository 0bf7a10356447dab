"""The zone of a business."""

from __future__ import annotations

import accounts.zones
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_business_events'),
    ]

    operations = [
        migrations.AddField(
            model_name='business',
            name='timezone',
            field=models.CharField(default='UTC', help_text='IANA (Africa/Cairo); quiet hours of those whose own is not known.', max_length=40, validators=[accounts.zones.check]),
        ),
    ]
