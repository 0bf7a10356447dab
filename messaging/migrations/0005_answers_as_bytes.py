"""An idempotency key keeps the very bytes that were answered, so that a replay is the same to the byte."""

from __future__ import annotations

from django.db import migrations, models

HELP = "The very bytes that were answered; deflated where that is worth it."


class Migration(migrations.Migration):
    dependencies = [("messaging", "0004_dead_letters")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE messaging_idempotencykey ALTER COLUMN answer TYPE bytea USING convert_to(answer::text, 'UTF8')",
            "ALTER TABLE messaging_idempotencykey ALTER COLUMN answer TYPE jsonb USING convert_from(answer, 'UTF8')::jsonb",
            state_operations=[
                migrations.AlterField(model_name="idempotencykey", name="answer", field=models.BinaryField(help_text=HELP)),
            ],
        )
    ]
