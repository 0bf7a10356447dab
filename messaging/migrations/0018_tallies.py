"""What is used of caps: rows that are counted up, and cleared some days after."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0017_inbound_is_followed_up'),
    ]

    operations = [
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('pk', models.CompositePrimaryKey('business_id', 'mode', 'kind', 'subject', 'opens_at', blank=True, editable=False, primary_key=True, serialize=False)),
                ('business_id', models.UUIDField()),
                ('mode', models.CharField(choices=[('test', 'Test'), ('live', 'Live')], max_length=4)),
                ('kind', models.CharField(max_length=20)),
                ('subject', models.CharField(help_text="A channel, a recipient's keyed hash, a block of numbers; or nothing.", max_length=64)),
                ('opens_at', models.DateTimeField()),
                ('used', models.DecimalField(decimal_places=6, max_digits=18)),
            ],
            options={
                'indexes': [models.Index(fields=['opens_at'], name='messaging_tally_age')],
            },
        ),
    ]
