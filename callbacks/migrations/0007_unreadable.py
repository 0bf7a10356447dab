"""An index for the admin's list of calls that could not be read: few among millions."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("callbacks", "0006_replay")]

    operations = [
        migrations.AddIndex(
            model_name="providercall",
            index=models.Index(fields=["-id"], condition=models.Q(("state", "unreadable")), name="callbacks_call_unreadable"),
        ),
    ]
