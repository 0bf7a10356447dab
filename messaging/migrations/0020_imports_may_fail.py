"""Why an import failed."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0019_imports_by_their_name")]

    operations = [
        migrations.AddField(
            model_name="suppressionimport",
            name="failed_because",
            field=models.CharField(blank=True, db_default="", default="", help_text="Empty: it did not fail.", max_length=200),
        )
    ]
