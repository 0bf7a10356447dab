"""Lanes, so that one slow receiver never delays another; a rest that a receiver asked for; one current secret each."""

from __future__ import annotations

from uuid import UUID

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("callbacks", "0003_indexes")]

    operations = [
        migrations.RemoveIndex(model_name="deliverydue", name="callbacks_due_endpoint"),
        migrations.RenameIndex(model_name="deliverydue", new_name="callbacks_due_at", old_name="callbacks_due_claim"),
        migrations.AddField(
            model_name="deliverydue",
            name="lane",
            field=models.UUIDField(default=UUID(int=0), help_text="The endpoint's."),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="deliverydue",
            name="tried_before",
            field=models.SmallIntegerField(default=0, help_text="Tries before it was queued again by hand."),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="lane",
            field=models.UUIDField(
                default=UUID(int=0),
                editable=False,
                help_text="Its queue: a registered endpoint's own, or that of all its business's callbacks on one origin.",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="endpoint",
            name="resting_until",
            field=models.DateTimeField(blank=True, editable=False, help_text="Until then it asked to be left alone.", null=True),
        ),
        migrations.AlterField(
            model_name="deliverydue",
            name="lease",
            field=models.UUIDField(help_text="Who has it; a claim that lost its lease must neither send nor record.", null=True),
        ),
        migrations.AlterField(
            model_name="deliverydue",
            name="tries",
            field=models.SmallIntegerField(default=0, help_text="Since it was last queued: they count along the schedule."),
        ),
        migrations.AddIndex(model_name="deliverydue", index=models.Index(fields=["lane", "due_at"], name="callbacks_due_claim")),
        migrations.AddIndex(
            model_name="deliverytry",
            index=models.Index(condition=models.Q(("outcome", "exhausted")), fields=["delivery_id"], name="callbacks_try_exhausted"),
        ),
        migrations.AddConstraint(
            model_name="signingsecret",
            constraint=models.UniqueConstraint(
                condition=models.Q(("expires_at__isnull", True)), fields=("endpoint",), name="callbacks_secret_one_current"
            ),
        ),
        migrations.AddConstraint(
            model_name="signingsecret",
            constraint=models.UniqueConstraint(
                condition=models.Q(("endpoint__isnull", True), ("expires_at__isnull", True)),
                fields=("business", "mode"),
                name="callbacks_secret_business",
            ),
        ),
    ]
