"""What staff call them: imports."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("messaging", "0018_tallies")]

    operations = [migrations.AlterModelOptions("suppressionimport", {"verbose_name": "import"})]
