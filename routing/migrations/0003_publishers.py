from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("routing", "0002_frozen_versions")]

    operations = [
        migrations.AlterModelOptions(name="routeversion", options={"permissions": [("publish_routeversion", "Can publish routes")]}),
    ]
