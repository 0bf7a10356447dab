"""Messages on which a worker breaks: a small table beside the queue."""

from __future__ import annotations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0003_indexes'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeadLetter',
            fields=[
                ('message_id', models.UUIDField(primary_key=True, serialize=False)),
                ('business_id', models.UUIDField()),
                ('mode', models.CharField(choices=[('test', 'Test'), ('live', 'Live')], max_length=4)),
                ('lane', models.CharField(choices=[('authentication', 'Authentication'), ('utility', 'Utility'), ('marketing', 'Marketing')], max_length=14)),
                ('place', models.CharField(help_text='What was being done: hand-off, time.', max_length=20)),
                ('error', models.CharField(help_text="The error's type and the line of code; never its text.", max_length=200)),
                ('times', models.SmallIntegerField()),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('set_aside_at', models.DateTimeField(null=True)),
                ('due', models.JSONField(help_text='Its row of the queue, as it was.', null=True)),
                ('timer_at', models.DateTimeField(null=True)),
            ],
            options={
                'permissions': [('put_back_deadletter', 'Can put dead letters back')],
                'indexes': [models.Index(condition=models.Q(('set_aside_at__isnull', False)), fields=['-set_aside_at'], name='messaging_deadletter_aside')],
            },
        ),
    ]
