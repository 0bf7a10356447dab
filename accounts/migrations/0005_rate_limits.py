"""Quotas of requests, and the rows in which processes take their slices."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_scopes_of_consent'),
    ]

    operations = [
        migrations.CreateModel(
            name='Allowance',
            fields=[
                ('scope_id', models.UUIDField(primary_key=True, serialize=False)),
                ('minute', models.DateTimeField()),
                ('taken', models.IntegerField()),
                ('granted', models.IntegerField(help_text='To whoever asked last.')),
            ],
        ),
        migrations.AddField(
            model_name='apikey',
            name='requests_per_minute',
            field=models.PositiveIntegerField(blank=True, help_text="A batch counts its items. Empty: the platform's own (QSURA_RATE_LIMIT); 0: no limit.", null=True),
        ),
        migrations.AddField(
            model_name='business',
            name='requests_per_minute',
            field=models.PositiveIntegerField(blank=True, help_text="Of all its keys together; a batch counts its items. Empty: no limit beside the keys' own.", null=True),
        ),
    ]
