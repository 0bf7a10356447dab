from django.db import migrations, models


class Migration(migrations.Migration):
    """A row that was put off says why. Two columns without a default: no row is rewritten."""

    dependencies = [("messaging", "0007_fallbacks")]

    operations = [
        migrations.AddField("due", "error_class", models.CharField(help_text="Why it was put off last.", max_length=40, null=True)),
        migrations.AddField("due", "raw_code", models.CharField(max_length=128, null=True)),
    ]
