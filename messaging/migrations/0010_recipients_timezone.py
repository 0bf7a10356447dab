"""The recipient's time zone, where the request gave it: a column without a default rewrites no table."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0009_parts'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='timezone',
            field=models.CharField(help_text="The recipient's, where the request gave it.", max_length=40, null=True),
        ),
        migrations.AlterField(
            model_name='event',
            name='detail',
            field=models.JSONField(help_text='fallback {from, to, because}, recovered, late, deferred {because, until}.', null=True),
        ),
        migrations.AlterField(
            model_name='message',
            name='send_at',
            field=models.DateTimeField(help_text='As asked for, or the end of the quiet hours that it fell into.', null=True),
        ),
    ]
