"""What each account lets through: breaker, bucket and share in one row, outcomes by ten seconds, and the history of every change."""

from __future__ import annotations

import django.core.validators
import django.db.models.deletion
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


HISTORY = """
CREATE TRIGGER history BEFORE UPDATE OR DELETE ON routing_healthchange FOR EACH ROW EXECUTE FUNCTION qsura_refuse_change();

-- A few rows that are written many times a second, and many that live for two days.
ALTER TABLE routing_gate SET (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE routing_outcome SET (fillfactor = 70);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('routing', '0006_quiet_hours'),
        # The function that refuses changes was made with the messages' tables; only its name points upwards.
        ('messaging', '0002_partitions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='provideraccount',
            name='burst',
            field=models.PositiveIntegerField(blank=True, help_text="Calls at once after a pause; empty: a second's worth.", null=True, validators=[django.core.validators.MinValueValidator(1)]),
        ),
        migrations.AddField(
            model_name='provideraccount',
            name='rate',
            field=models.DecimalField(blank=True, decimal_places=3, help_text='Calls a second that all workers together make to it; empty: as many as they can.', max_digits=9, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.001'))]),
        ),
        migrations.CreateModel(
            name='Gate',
            fields=[
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='gate', serialize=False, to='routing.provideraccount')),
                ('breaker', models.CharField(choices=[('closed', 'Closed'), ('open', 'Open'), ('half_open', 'Half Open')], db_default='closed', default='closed', max_length=9)),
                ('since', models.DateTimeField(help_text='Since when the breaker is in this state, or its last round of probes.', null=True)),
                ('next_probe_at', models.DateTimeField(help_text='Of an open breaker: nothing is let through before.', null=True)),
                ('openings', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='In a row, without a recovery in between.')),
                ('probes', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Let through since it is half open.')),
                ('probed', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Of them, answered well.')),
                ('not_before', models.DateTimeField(help_text='The provider asked for a rest until then.', null=True)),
                ('tokens', models.FloatField(help_text="Calls that it may take at `filled_at`; refilled by the account's rate.", null=True)),
                ('filled_at', models.DateTimeField(null=True)),
                ('lost', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Points of 100 that its share in every step is lowered by.')),
                ('lost_at', models.DateTimeField(help_text='When that changed last.', null=True)),
                ('held_because', models.CharField(blank=True, db_default='', default='', help_text='Staff keep its share as it is.', max_length=200)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('breaker__in', ['closed', 'open', 'half_open'])), name='routing_gate_breaker_known'), models.CheckConstraint(condition=models.Q(('lost__lte', 100)), name='routing_gate_lost_in_points')],
            },
        ),
        migrations.CreateModel(
            name='Outcome',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'at', blank=True, editable=False, primary_key=True, serialize=False)),
                ('account_id', models.UUIDField()),
                ('at', models.DateTimeField(help_text='When the ten seconds began.')),
                ('taken', models.PositiveIntegerField(db_default=0)),
                ('failed', models.PositiveIntegerField(db_default=0, help_text="The provider's fault, or it was not reached.")),
                ('unanswered', models.PositiveIntegerField(db_default=0)),
                ('throttled', models.PositiveIntegerField(db_default=0)),
                ('refused', models.PositiveIntegerField(db_default=0, help_text='Because of the message: says nothing against the provider.')),
                ('slow', models.PositiveIntegerField(db_default=0, help_text='Of those taken, after a long time.')),
                ('delivered', models.PositiveIntegerField(db_default=0)),
                ('late', models.PositiveIntegerField(db_default=0, help_text='Of those delivered, after minutes.')),
            ],
            options={
                'indexes': [models.Index(fields=['at'], name='routing_outcome_age')],
            },
        ),
        migrations.CreateModel(
            name='HealthChange',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('change', models.CharField(choices=[('opened', 'breaker opened'), ('probing', 'probes let through'), ('closed', 'breaker closed'), ('reset', 'reset by staff'), ('lowered', 'share lowered'), ('raised', 'share raised'), ('held', 'share held by staff'), ('released', 'share released by staff'), ('out_of_service', 'out of service'), ('in_service', 'back in service')], max_length=14)),
                ('because', models.CharField(max_length=300)),
                ('figures', models.JSONField(default=dict)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='health_changes', to='routing.provideraccount')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['account', '-at'], name='routing_healthchange_newest')],
                'constraints': [models.CheckConstraint(condition=models.Q(('change__in', ['opened', 'probing', 'closed', 'reset', 'lowered', 'raised', 'held', 'released', 'out_of_service', 'in_service'])), name='routing_healthchange_known')],
            },
        ),
        migrations.RunSQL(HISTORY, migrations.RunSQL.noop),
    ]
