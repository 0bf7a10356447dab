"""What messages cost."""

from __future__ import annotations

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import accounts.ids


class Migration(migrations.Migration):

    dependencies = [
        ('routing', '0004_receipts_in'),
    ]

    operations = [
        migrations.CreateModel(
            name='Price',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('provider', models.CharField(blank=True, help_text='The adapter (twilio), where no account is named.', max_length=40)),
                ('channel', models.CharField(choices=[('whatsapp', 'WhatsApp'), ('sms', 'SMS'), ('email', 'E-mail')], max_length=10)),
                ('country', models.CharField(blank=True, help_text='ISO 3166-1: EG.', max_length=2, validators=[django.core.validators.RegexValidator('^[A-Z]{2}$', 'Two capital letters: EG.')])),
                ('prefix', models.CharField(blank=True, help_text='The first digits of the number, with its country code: 2010. The longest counts, before the country.', max_length=12, validators=[django.core.validators.RegexValidator('^[1-9][0-9]*$', 'Digits only, without the plus sign: 2010.')])),
                ('category', models.CharField(blank=True, choices=[('authentication', 'Authentication'), ('utility', 'Utility'), ('marketing', 'Marketing')], help_text='Empty: every class.', max_length=14)),
                ('amount', models.DecimalField(decimal_places=6, help_text='Of a message; of a segment, for SMS.', max_digits=12, validators=[django.core.validators.MinValueValidator(0)])),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('account', models.ForeignKey(blank=True, help_text='Empty: every account there.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='routing.provideraccount')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('account', 'provider', 'channel', 'country', 'prefix', 'category'), name='routing_price_unique', nulls_distinct=False), models.CheckConstraint(condition=models.Q(models.Q(('account__isnull', False), ('provider', '')), models.Q(('account__isnull', True), models.Q(('provider', ''), _negated=True)), _connector='OR'), name='routing_price_of_one'), models.CheckConstraint(condition=models.Q(('country', ''), ('prefix', ''), _connector='OR'), name='routing_price_of_one_place'), models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='routing_price_not_negative')],
            },
        ),
    ]
