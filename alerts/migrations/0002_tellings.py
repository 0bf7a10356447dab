
import accounts.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0001_alerts'),
    ]

    operations = [
        migrations.CreateModel(
            name='Telling',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('way', models.CharField(choices=[('email', 'E-mail'), ('webhook', 'Webhook')], max_length=10)),
                ('number', models.PositiveIntegerField(help_text='1, 2, 3 ... for each alert and way.')),
                ('occasion', models.CharField(choices=[('opened', 'Opened'), ('reminded', 'Still open'), ('resolved', 'Resolved')], max_length=10)),
                ('body', models.TextField(blank=True, help_text='What a webhook says, serialised once: every try sends and signs the same bytes.')),
                ('owed_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('lease', models.UUIDField(help_text='Who has it; whoever lost its lease records nothing.', null=True)),
                ('lease_until', models.DateTimeField(null=True)),
                ('tries', models.PositiveIntegerField(default=0)),
                ('told_at', models.DateTimeField(null=True)),
                ('given_up_at', models.DateTimeField(null=True)),
                ('error', models.CharField(blank=True, help_text='Why the last try failed.', max_length=200)),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tellings', to='alerts.alert')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('given_up_at__isnull', True), ('told_at__isnull', True)), fields=['way', 'due_at'], name='alerts_telling_due')],
                'constraints': [models.UniqueConstraint(fields=('alert', 'way', 'number'), name='alerts_telling_once')],
            },
        ),
    ]
