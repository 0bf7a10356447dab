"""When a business does not write to people."""

from __future__ import annotations

import accounts.ids
import datetime
import django.contrib.postgres.fields
import django.db.models.deletion
import routing.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_business_timezone'),
        ('routing', '0005_prices'),
    ]

    operations = [
        migrations.CreateModel(
            name='QuietHours',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('traffic_class', models.CharField(choices=[('authentication', 'Authentication'), ('utility', 'Utility'), ('marketing', 'Marketing')], default='marketing', max_length=14)),
                ('begins', models.TimeField(default=datetime.time(21, 0), help_text="By the recipient's clock.")),
                ('ends', models.TimeField(default=datetime.time(8, 0), help_text='Earlier than the beginning: on the next day.')),
                ('days', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(choices=[(1, 'Monday'), (2, 'Tuesday'), (3, 'Wednesday'), (4, 'Thursday'), (5, 'Friday'), (6, 'Saturday'), (7, 'Sunday')]), default=routing.models.every_day, help_text='The days on which they begin.', size=7)),
                ('is_active', models.BooleanField(default=True, help_text='Inactive quiet hours hold nothing up.')),
                ('codes_may_wait', models.BooleanField(default=False, help_text='Of the class authentication only: one-time codes wait as well, for hours, and are of no use by then.')),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='quiet_hours', to='accounts.business')),
            ],
            options={
                'verbose_name': 'quiet hours',
                'verbose_name_plural': 'quiet hours',
                'constraints': [models.UniqueConstraint(fields=('business', 'traffic_class', 'begins', 'ends'), name='routing_quiet_hours_unique'), models.CheckConstraint(condition=models.Q(('begins', models.F('ends')), _negated=True), name='routing_quiet_hours_have_length'), models.CheckConstraint(condition=models.Q(models.Q(('traffic_class', 'authentication'), _negated=True), ('codes_may_wait', True), _connector='OR'), name='routing_quiet_hours_codes_may_wait')],
            },
        ),
    ]
