"""How much a business may send."""

from __future__ import annotations

import accounts.ids
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_rate_limits'),
        ('routing', '0007_gates'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Limits',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('messages_per_day', models.PositiveIntegerField(blank=True, default=None, help_text='Of all channels together.', null=True)),
                ('whatsapp_per_day', models.PositiveIntegerField(blank=True, default=None, help_text='Messages that begin on WhatsApp.', null=True)),
                ('sms_per_day', models.PositiveIntegerField(blank=True, default=None, help_text='Messages that begin by SMS.', null=True)),
                ('email_per_day', models.PositiveIntegerField(blank=True, default=None, help_text='Messages that begin by e-mail.', null=True)),
                ('utility_per_recipient', models.PositiveIntegerField(blank=True, default=None, help_text='To one recipient, in 24 hours.', null=True)),
                ('marketing_per_recipient', models.PositiveIntegerField(blank=True, default=None, help_text='To one recipient, in 24 hours.', null=True)),
                ('spend_per_day', models.DecimalField(blank=True, decimal_places=2, help_text='By the price table; what has no price does not count.', max_digits=12, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('spend_per_month', models.DecimalField(blank=True, decimal_places=2, help_text='By the price table; what has no price does not count.', max_digits=12, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('codes_per_recipient', models.PositiveIntegerField(blank=True, default=5, help_text='One-time codes to one recipient, in 10 minutes.', null=True)),
                ('codes_per_recipient_day', models.PositiveIntegerField(blank=True, default=20, help_text='One-time codes to one recipient, in 24 hours.', null=True)),
                ('codes_per_block', models.PositiveIntegerField(blank=True, default=50, help_text='One-time codes to the 10,000 numbers that differ in their last four digits, in an hour.', null=True)),
                ('code_countries', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=2), blank=True, default=list, help_text='ISO 3166-1, with commas between them: EG, SA. One-time codes go to numbers of these countries only; empty: to all.', size=None)),
                ('business', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='limits', to='accounts.business')),
            ],
            options={
                'verbose_name_plural': 'limits',
            },
        ),
        migrations.CreateModel(
            name='Release',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('block', models.CharField(help_text="The numbers' digits without the last four, as the alert names them: +20100123.", max_length=15, validators=[django.core.validators.RegexValidator('^\\+[1-9][0-9]{2,13}$', 'As the alert names it: +20100123.')])),
                ('reason', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('ends_at', models.DateTimeField()),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='releases', to='accounts.business')),
                ('released_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'release of numbers',
                'verbose_name_plural': 'releases of numbers',
            },
        ),
    ]
