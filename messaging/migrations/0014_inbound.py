"""What recipients write to us."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0013_suppressions_in_force")]

    operations = [
        migrations.CreateModel(
            name='Inbound',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('account_id', models.UUIDField()),
                ('business_id', models.UUIDField(help_text="Whose it is: the answered message's, else the account's; empty where nobody knows.", null=True)),
                ('mode', models.CharField(choices=[('test', 'Test'), ('live', 'Live')], max_length=4)),
                ('channel', models.CharField(choices=[('whatsapp', 'WhatsApp'), ('sms', 'SMS'), ('email', 'E-mail')], max_length=10)),
                ('kind', models.CharField(help_text='text, button, list, reaction, media, location, order, unknown.', max_length=10)),
                ('provider_id', models.CharField(help_text="The provider's id of it.", max_length=255)),
                ('sender_hash', models.BinaryField(help_text='Keyed hash of the number or address.', max_length=16, null=True)),
                ('user_hash', models.BinaryField(help_text="Keyed hash of the provider's own id of the person.", max_length=16, null=True)),
                ('said', models.BinaryField(help_text='Sealed JSON: sender, user, to, text, payload.')),
                ('keyword', models.CharField(blank=True, choices=[('stop', 'Stop'), ('start', 'Start'), ('help', 'Help')], max_length=5)),
                ('message_id', models.UUIDField(help_text='The message that it answers.', null=True)),
                ('linked_by', models.CharField(blank=True, choices=[('context', 'Context'), ('recency', 'Recency')], max_length=7)),
                ('occurred_at', models.DateTimeField(help_text="The provider's time where it gave one.")),
                ('received_at', models.DateTimeField()),
                ('call_id', models.UUIDField(help_text="The provider's call that it stood in.")),
            ],
            options={
                'verbose_name': 'inbound message',
            },
        ),
        migrations.AddIndex(
            model_name='inbound',
            index=models.Index(fields=['business_id', 'mode', '-id'], name='messaging_inbound_list'),
        ),
        migrations.AddIndex(
            model_name='inbound',
            index=models.Index(fields=['sender_hash', 'account_id', '-occurred_at'], name='messaging_inbound_sender'),
        ),
        migrations.AddIndex(
            model_name='inbound',
            index=models.Index(condition=models.Q(('user_hash__isnull', False)), fields=['user_hash', '-id'], name='messaging_inbound_user'),
        ),
        migrations.AddIndex(
            model_name='inbound',
            index=models.Index(condition=models.Q(('message_id__isnull', False)), fields=['message_id'], name='messaging_inbound_message'),
        ),
        migrations.AddIndex(
            model_name='inbound',
            index=models.Index(fields=['received_at'], name='messaging_inbound_age'),
        ),
        migrations.AddConstraint(
            model_name='inbound',
            constraint=models.UniqueConstraint(fields=('account_id', 'provider_id'), name='messaging_inbound_once'),
        ),
    ]
