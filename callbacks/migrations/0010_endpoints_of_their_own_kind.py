"""Endpoints with a challenge, a rate, headers and bodies of their own; replays as work that can be watched; full bodies, sealed."""

from __future__ import annotations

import accounts.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_business_events'),
        ('callbacks', '0009_receipts_watched'),
    ]

    operations = [
        migrations.CreateModel(
            name='FullBody',
            fields=[
                ('delivery_id', models.UUIDField(primary_key=True, serialize=False)),
                ('sealed', models.BinaryField(help_text="The whole body as it is signed and sent, bound to the delivery's id.")),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Replay',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('one', 'One'), ('since', 'Since'), ('missing', 'Missing')], max_length=7)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('canceled', 'Canceled')], default='waiting', max_length=8)),
                ('because', models.CharField(blank=True, help_text='Why it ended before its end.', max_length=200)),
                ('delivery_id', models.UUIDField(blank=True, help_text='The one that is sent again.', null=True)),
                ('begin', models.DateTimeField(blank=True, null=True)),
                ('end', models.DateTimeField(blank=True, null=True)),
                ('looked_at', models.IntegerField(default=0, help_text='Deliveries and events.')),
                ('queued', models.IntegerField(default=0, help_text='Deliveries that are sent again; what was about to be sent anyway is not counted.')),
                ('phase', models.SmallIntegerField(default=0, editable=False)),
                ('place', models.UUIDField(editable=False, help_text='The last one looked at in this phase ...', null=True)),
                ('place_transaction', models.BigIntegerField(default=0, editable=False, help_text='... and its transaction.')),
                ('horizon', models.BigIntegerField(editable=False, help_text='It begins when every transaction before this one has ended: none can add to its time any more.', null=True)),
                ('asked_by', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name='endpoint',
            name='body',
            field=models.CharField(choices=[('thin', 'Thin'), ('full', 'Full')], db_default='thin', default='thin', max_length=4),
        ),
        migrations.AddField(
            model_name='endpoint',
            name='failures',
            field=models.IntegerField(db_default=0, default=0, editable=False, help_text='In a row; ten of them give it a rest.'),
        ),
        migrations.AddField(
            model_name='endpoint',
            name='headers',
            field=models.BinaryField(help_text="Sealed JSON, bound to the row's id: headers of its own.", null=True),
        ),
        migrations.AddField(
            model_name='endpoint',
            name='rate_limit',
            field=models.SmallIntegerField(blank=True, help_text='Webhooks a second, at most. Empty: as fast as it takes them.', null=True),
        ),
        migrations.AddField(
            model_name='endpoint',
            name='tokens',
            field=models.FloatField(db_default=0, default=0, editable=False, help_text='Of its rate: what may be sent at `tokens_at`.'),
        ),
        migrations.AddField(
            model_name='endpoint',
            name='tokens_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='endpoint',
            name='unused_since',
            field=models.DateTimeField(editable=False, help_text='A callback that nobody has named for long, about to be cleared.', null=True),
        ),
        migrations.AddField(
            model_name='endpoint',
            name='verified_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='When its receiver answered the challenge; before, everything waits. Not for callbacks.', null=True),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(('rate_limit__isnull', True), ('rate_limit__gte', 1), _connector='OR'), name='callbacks_endpoint_rate_positive'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(('body__in', ['thin', 'full'])), name='callbacks_endpoint_body_known'),
        ),
        migrations.AddIndex(
            model_name='fullbody',
            index=models.Index(fields=['created_at'], name='callbacks_fullbody_age'),
        ),
        migrations.AddField(
            model_name='replay',
            name='endpoint',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='replays', to='callbacks.endpoint'),
        ),
        migrations.AddIndex(
            model_name='replay',
            index=models.Index(fields=['endpoint', '-id'], name='callbacks_replay_endpoint'),
        ),
        migrations.AddIndex(
            model_name='replay',
            index=models.Index(condition=models.Q(('state__in', ['waiting', 'running'])), fields=['created_at'], name='callbacks_replay_open'),
        ),
        migrations.AddConstraint(
            model_name='replay',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'running'])), fields=('endpoint',), name='callbacks_replay_one_open'),
        ),
    ]
