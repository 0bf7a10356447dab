"""Where an account's receipts may come from, and until when its replaced secrets count."""

from __future__ import annotations

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("routing", "0003_publishers")]

    operations = [
        migrations.AddField(
            model_name="provideraccount",
            name="previous_until",
            field=models.DateTimeField(
                editable=False,
                help_text="Until then receipts signed with the secrets before the present ones count; empty: for ever.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="receipt_sources",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=43),
                blank=True,
                default=list,
                help_text="Networks that receipts may come from, besides being signed; empty: any.",
                size=None,
            ),
        ),
    ]
