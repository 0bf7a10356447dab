"""The claim goes from business to business, so its index names them; made beside the traffic, and the old one goes last."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("messaging", "0005_answers_as_bytes")]

    operations = [
        AddIndexConcurrently("due", models.Index(fields=["lane", "account_id", "business_id", "due_at"], name="messaging_due_fair")),
        RemoveIndexConcurrently("due", "messaging_due_claim"),
    ]
