
import accounts.ids
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('routing', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeliveryTry',
            fields=[
                ('pk', models.CompositePrimaryKey('delivery_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('delivery_id', models.UUIDField()),
                ('number', models.SmallIntegerField()),
                ('outcome', models.CharField(choices=[('delivered', 'Delivered'), ('failed', 'Failed'), ('exhausted', 'Exhausted')], max_length=10)),
                ('started_at', models.DateTimeField()),
                ('milliseconds', models.IntegerField()),
                ('status_code', models.SmallIntegerField(null=True)),
                ('error', models.CharField(max_length=200, null=True)),
                ('answer', models.TextField(help_text="The start of the answer's body.", null=True)),
                ('next_try_at', models.DateTimeField(null=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('business_id', models.UUIDField()),
                ('mode', models.CharField(choices=[('test', 'Test'), ('live', 'Live')], max_length=4)),
                ('endpoint_id', models.UUIDField()),
                ('event_id', models.UUIDField()),
                ('message_id', models.UUIDField(null=True)),
                ('type', models.CharField(max_length=40)),
                ('body', models.TextField(help_text='Serialised once; signed and sent as stored.')),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='DeliveryDue',
            fields=[
                ('delivery_id', models.UUIDField(primary_key=True, serialize=False)),
                ('endpoint_id', models.UUIDField()),
                ('due_at', models.DateTimeField()),
                ('lease', models.UUIDField(null=True)),
                ('lease_until', models.DateTimeField(null=True)),
                ('tries', models.SmallIntegerField(default=0)),
            ],
            options={
                'indexes': [models.Index(fields=['due_at'], name='callbacks_due_claim'), models.Index(fields=['endpoint_id', 'due_at'], name='callbacks_due_endpoint')],
            },
        ),
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(choices=[('test', 'Test'), ('live', 'Live')], max_length=4)),
                ('kind', models.CharField(choices=[('registered', 'Registered'), ('callback', 'Callback')], default='registered', max_length=10)),
                ('url', models.TextField()),
                ('description', models.CharField(blank=True, max_length=200)),
                ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('message.accepted', 'Accepted'), ('message.scheduled', 'Scheduled'), ('message.submitted', 'Submitted'), ('message.sent', 'Sent'), ('message.delivered', 'Delivered'), ('message.read', 'Read'), ('message.failed', 'Failed'), ('message.expired', 'Expired'), ('message.canceled', 'Canceled'), ('message.fallback', 'Fallback')], max_length=40), blank=True, default=list, help_text='Empty: every type.', size=None)),
                ('is_enabled', models.BooleanField(default=True)),
                ('disabled_because', models.CharField(blank=True, editable=False, max_length=200)),
                ('disabled_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('failing_since', models.DateTimeField(blank=True, editable=False, help_text='The first failure since the last success; it is disabled after five days of these.', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('removed_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='endpoints', to='accounts.business')),
            ],
        ),
        migrations.CreateModel(
            name='ParkedReceipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account_id', models.UUIDField()),
                ('client_reference', models.CharField(blank=True, max_length=128)),
                ('provider_reference', models.CharField(blank=True, max_length=128)),
                ('status', models.CharField(max_length=13)),
                ('raw_status', models.CharField(max_length=64)),
                ('error_class', models.CharField(max_length=40, null=True)),
                ('raw_code', models.CharField(max_length=128, null=True)),
                ('occurred_at', models.DateTimeField(null=True)),
                ('received_at', models.DateTimeField()),
                ('call_id', models.UUIDField()),
            ],
            options={
                'indexes': [models.Index(fields=['account_id', 'provider_reference'], name='callbacks_parked_match'), models.Index(fields=['received_at'], name='callbacks_parked_age')],
            },
        ),
        migrations.CreateModel(
            name='ProviderCall',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('received_at', models.DateTimeField()),
                ('digest', models.BinaryField(help_text='SHA-256 of what was signed: the same call again is the same row.', max_length=32)),
                ('content', models.BinaryField(help_text='Sealed: the URL as called, a line end, then the raw body.')),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('read', 'Read'), ('unreadable', 'Unreadable')], default='pending', max_length=10)),
                ('receipts', models.SmallIntegerField(help_text='How many receipts stood in it.', null=True)),
                ('read_at', models.DateTimeField(null=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='calls', to='routing.provideraccount')),
            ],
        ),
        migrations.CreateModel(
            name='SigningSecret',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(choices=[('test', 'Test'), ('live', 'Live')], max_length=4)),
                ('secret', models.BinaryField(help_text="Sealed, bound to the row's id.")),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, help_text='Set when a newer one takes over: until then both sign.', null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signing_secrets', to='accounts.business')),
                ('endpoint', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='secrets', to='callbacks.endpoint')),
            ],
        ),
        migrations.AddIndex(
            model_name='endpoint',
            index=models.Index(condition=models.Q(('kind', 'registered')), fields=['business', 'mode'], name='callbacks_endpoint_listening'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'callback')), fields=('business', 'mode', 'url'), name='callbacks_callback_url_unique'),
        ),
        migrations.AddIndex(
            model_name='providercall',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['received_at'], name='callbacks_call_pending'),
        ),
        migrations.AddIndex(
            model_name='providercall',
            index=models.Index(condition=models.Q(('state', 'pending'), _negated=True), fields=['read_at'], name='callbacks_call_age'),
        ),
        migrations.AddConstraint(
            model_name='providercall',
            constraint=models.UniqueConstraint(fields=('account', 'digest'), name='callbacks_call_once'),
        ),
        migrations.AddIndex(
            model_name='signingsecret',
            index=models.Index(fields=['business', 'mode', 'endpoint'], name='callbacks_secret_lookup'),
        ),
    ]
