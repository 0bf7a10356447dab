
import accounts.ids
import django.db.models.deletion
import messaging.lifecycle
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('pk', models.CompositePrimaryKey('message_id', 'id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('message_id', models.UUIDField()),
                ('id', models.UUIDField()),
                ('attempt', models.SmallIntegerField()),
                ('status', models.CharField(max_length=13)),
                ('raw_status', models.CharField(max_length=64)),
                ('raw_code', models.CharField(max_length=128, null=True)),
                ('occurred_at', models.DateTimeField(null=True)),
                ('received_at', models.DateTimeField()),
                ('call_id', models.UUIDField(help_text="The provider's call that it stood in.", null=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('pk', models.CompositePrimaryKey('message_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('message_id', models.UUIDField()),
                ('number', models.SmallIntegerField()),
                ('step', models.SmallIntegerField()),
                ('channel', models.CharField(choices=[('whatsapp', 'WhatsApp'), ('sms', 'SMS'), ('email', 'E-mail')], max_length=10)),
                ('account_id', models.UUIDField()),
                ('status', models.CharField(max_length=13)),
                ('tries', models.SmallIntegerField(help_text='How often the provider has been called for it.')),
                ('called_at', models.DateTimeField(help_text='When the last call began.')),
                ('provider_reference', models.CharField(max_length=128, null=True)),
                ('submitted_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('read_at', models.DateTimeField(null=True)),
                ('weight', models.CharField(help_text='The weightiest negative status heard (lifecycle.Known.weight).', max_length=13)),
                ('error_class', models.CharField(max_length=40, null=True)),
                ('error_code', models.CharField(max_length=40, null=True)),
                ('raw_code', models.CharField(max_length=128, null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', [messaging.lifecycle.AttemptStatus['PENDING'], messaging.lifecycle.AttemptStatus['UNKNOWN'], messaging.lifecycle.AttemptStatus['SUBMITTED'], messaging.lifecycle.AttemptStatus['SENT'], messaging.lifecycle.AttemptStatus['UNDELIVERABLE'], messaging.lifecycle.AttemptStatus['EXPIRED'], messaging.lifecycle.AttemptStatus['FAILED'], messaging.lifecycle.AttemptStatus['REJECTED'], messaging.lifecycle.AttemptStatus['DELIVERED'], messaging.lifecycle.AttemptStatus['READ']])), name='messaging_attempt_status_known')],
            },
        ),
        migrations.CreateModel(
            name='Due',
            fields=[
                ('message_id', models.UUIDField(primary_key=True, serialize=False)),
                ('business_id', models.UUIDField()),
                ('lane', models.CharField(choices=[('authentication', 'Authentication'), ('utility', 'Utility'), ('marketing', 'Marketing')], max_length=14)),
                ('number', models.SmallIntegerField(help_text="The attempt's number.")),
                ('step', models.SmallIntegerField()),
                ('channel', models.CharField(choices=[('whatsapp', 'WhatsApp'), ('sms', 'SMS'), ('email', 'E-mail')], max_length=10)),
                ('account_id', models.UUIDField()),
                ('due_at', models.DateTimeField(help_text='When it may be claimed; a claim moves it to the end of the lease.')),
                ('gives_up_at', models.DateTimeField(help_text='When the step stops trying the same account, if it keeps failing.', null=True)),
                ('lease', models.UUIDField(help_text='Who has it; a claim that lost its lease must neither call nor record.', null=True)),
                ('calling_at', models.DateTimeField(help_text='Set just before the network is used: past this, the outcome may be unknown.', null=True)),
                ('tries', models.SmallIntegerField(default=0)),
            ],
            options={
                'indexes': [models.Index(fields=['lane', 'account_id', 'due_at'], name='messaging_due_claim'), models.Index(fields=['lane', 'due_at'], name='messaging_due_bell')],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('pk', models.CompositePrimaryKey('message_id', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                ('message_id', models.UUIDField()),
                ('seq', models.SmallIntegerField(help_text='1, 2, 3 ... in each message, without gaps.')),
                ('id', models.UUIDField(help_text='UUIDv7; the webhook-id of every delivery of it.')),
                ('business_id', models.UUIDField()),
                ('mode', models.CharField(choices=[('test', 'Test'), ('live', 'Live')], max_length=4)),
                ('type', models.CharField(choices=[('message.accepted', 'Accepted'), ('message.scheduled', 'Scheduled'), ('message.submitted', 'Submitted'), ('message.sent', 'Sent'), ('message.delivered', 'Delivered'), ('message.read', 'Read'), ('message.failed', 'Failed'), ('message.expired', 'Expired'), ('message.canceled', 'Canceled'), ('message.fallback', 'Fallback')], max_length=40)),
                ('previous_status', models.CharField(max_length=10, null=True)),
                ('status', models.CharField(max_length=10)),
                ('final', models.BooleanField()),
                ('occurred_at', models.DateTimeField(help_text="The provider's time where it gave one.")),
                ('recorded_at', models.DateTimeField()),
                ('attempt', models.SmallIntegerField(null=True)),
                ('channel', models.CharField(max_length=10, null=True)),
                ('account_id', models.UUIDField(null=True)),
                ('error_class', models.CharField(max_length=40, null=True)),
                ('error_code', models.CharField(max_length=40, null=True)),
                ('raw_code', models.CharField(max_length=128, null=True)),
                ('detail', models.JSONField(help_text='fallback {from, to, because}, recovered, late.', null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('type__in', ['message.accepted', 'message.scheduled', 'message.submitted', 'message.sent', 'message.delivered', 'message.read', 'message.failed', 'message.expired', 'message.canceled', 'message.fallback'])), name='messaging_event_type_known')],
            },
        ),
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('pk', models.CompositePrimaryKey('business_id', 'mode', 'key', blank=True, editable=False, primary_key=True, serialize=False)),
                ('business_id', models.UUIDField()),
                ('mode', models.CharField(choices=[('test', 'Test'), ('live', 'Live')], max_length=4)),
                ('key', models.CharField(max_length=255)),
                ('body_hash', models.BinaryField(max_length=32)),
                ('answer', models.JSONField()),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='messaging_idempotency_age')],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('business_id', models.UUIDField()),
                ('mode', models.CharField(choices=[('test', 'Test'), ('live', 'Live')], max_length=4)),
                ('api_key_id', models.UUIDField()),
                ('channel', models.CharField(help_text='As asked for: a channel, or auto.', max_length=10)),
                ('lane', models.CharField(choices=[('authentication', 'Authentication'), ('utility', 'Utility'), ('marketing', 'Marketing')], max_length=14)),
                ('template_version_id', models.UUIDField()),
                ('template_name', models.CharField(max_length=512)),
                ('template_number', models.IntegerField()),
                ('language', models.CharField(max_length=35)),
                ('content_hash', models.BinaryField(max_length=32)),
                ('recipient', models.BinaryField(help_text='Sealed.')),
                ('recipient_hash', models.BinaryField(help_text='Keyed hash, by which a recipient is found.', max_length=16)),
                ('variables', models.BinaryField(help_text='Sealed JSON.', null=True)),
                ('reference', models.CharField(max_length=255, null=True)),
                ('metadata', models.JSONField(null=True)),
                ('callback', models.TextField(null=True)),
                ('route_version_id', models.UUIDField()),
                ('route_name', models.CharField(max_length=60)),
                ('route_number', models.IntegerField()),
                ('plan', models.JSONField(help_text='The steps, in order: {channel, accounts: [{id, name, provider}], until, within}.')),
                ('trace', models.JSONField(help_text='The decision that made the plan: each condition with the value seen.')),
                ('segments', models.SmallIntegerField(null=True)),
                ('request_id', models.CharField(max_length=64)),
                ('send_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='ProviderReference',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'reference', blank=True, editable=False, primary_key=True, serialize=False)),
                ('account_id', models.UUIDField()),
                ('reference', models.CharField(max_length=128)),
                ('message_id', models.UUIDField()),
                ('attempt', models.SmallIntegerField()),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='messaging_reference_age')],
            },
        ),
        migrations.CreateModel(
            name='State',
            fields=[
                ('message_id', models.UUIDField(primary_key=True, serialize=False)),
                ('status', models.CharField(max_length=10)),
                ('opened', models.CharField(help_text='The status before any hand-off: accepted or scheduled.', max_length=10)),
                ('ended', models.CharField(max_length=10, null=True)),
                ('seq', models.SmallIntegerField(help_text='The number of its last event.')),
                ('step', models.SmallIntegerField(help_text='The step of the plan that was handed off last, or is due now.')),
                ('attempts', models.SmallIntegerField(help_text='How many attempts have been made.')),
                ('error_class', models.CharField(max_length=40, null=True)),
                ('error_code', models.CharField(max_length=40, null=True)),
                ('expires_at', models.DateTimeField()),
                ('submitted_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('read_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', [messaging.lifecycle.Status['ACCEPTED'], messaging.lifecycle.Status['SCHEDULED'], messaging.lifecycle.Status['SUBMITTED'], messaging.lifecycle.Status['SENT'], messaging.lifecycle.Status['FAILED'], messaging.lifecycle.Status['EXPIRED'], messaging.lifecycle.Status['CANCELED'], messaging.lifecycle.Status['DELIVERED'], messaging.lifecycle.Status['READ']])), name='messaging_state_status_known')],
            },
        ),
        migrations.CreateModel(
            name='Timer',
            fields=[
                ('message_id', models.UUIDField(primary_key=True, serialize=False)),
                ('due_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['due_at'], name='messaging_timer_due')],
            },
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('recipient_hash', models.BinaryField(max_length=16)),
                ('channel', models.CharField(blank=True, choices=[('whatsapp', 'WhatsApp'), ('sms', 'SMS'), ('email', 'E-mail')], help_text='Empty: every channel.', max_length=10)),
                ('category', models.CharField(blank=True, choices=[('authentication', 'Authentication'), ('utility', 'Utility'), ('marketing', 'Marketing')], help_text='Empty: every category.', max_length=14)),
                ('reason', models.CharField(choices=[('opted_out', 'Opted Out'), ('complaint', 'Complaint'), ('invalid', 'Invalid'), ('staff', 'Staff')], max_length=20)),
                ('source', models.CharField(blank=True, help_text="Who or what said so: a provider's code, a member of staff, a form.", max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='suppressions', to='accounts.business')),
            ],
            options={
                'indexes': [models.Index(fields=['business', 'recipient_hash'], name='messaging_suppression_check')],
            },
        ),
    ]
