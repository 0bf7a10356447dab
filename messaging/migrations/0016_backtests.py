"""Backtests: what a draft of a route would have done with what was sent."""
import accounts.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_business_timezone'),
        ('messaging', '0015_replies'),
        ('routing', '0006_quiet_hours'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Backtest',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(choices=[('test', 'Test'), ('live', 'Live')], default='live', max_length=4)),
                ('since', models.DateTimeField(editable=False)),
                ('until', models.DateTimeField(editable=False)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed')], default='waiting', editable=False, max_length=8)),
                ('asked_at', models.DateTimeField(editable=False)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('total', models.IntegerField(default=0, editable=False, help_text='How many messages are to be looked at.')),
                ('looked', models.IntegerField(default=0, editable=False)),
                ('result', models.JSONField(default=dict, editable=False, help_text='What the published rules would do, and what the draft.')),
                ('asked_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('business', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='backtests', to='routing.routeversion')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'running'])), fields=['id'], name='messaging_backtest_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'running', 'done', 'failed'])), name='messaging_backtest_state_known'), models.CheckConstraint(condition=models.Q(('mode__in', ['test', 'live'])), name='messaging_backtest_mode_known')],
            },
        ),
    ]
