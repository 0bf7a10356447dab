"""A suppression that is lifted stays, with who did it and why; and files of them are taken in in the background."""

from __future__ import annotations

import accounts.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_scopes_of_consent"), ("messaging", "0010_recipients_timezone")]

    operations = [
        migrations.CreateModel(
            name='SuppressionImport',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(blank=True, choices=[('test', 'Test'), ('live', 'Live')], default='', help_text='Empty: both worlds.', max_length=4)),
                ('name', models.CharField(help_text="The file's name.", max_length=200)),
                ('by', models.CharField(max_length=200)),
                ('content', models.BinaryField(help_text='Sealed; empty when it is done.', null=True)),
                ('lines', models.IntegerField(help_text='How many it has, without the heading.')),
                ('done', models.IntegerField(default=0)),
                ('added', models.IntegerField(default=0)),
                ('known', models.IntegerField(default=0, help_text='Lines whose suppression was in force already.')),
                ('wrong', models.IntegerField(default=0)),
                ('faults', models.JSONField(default=list, help_text='The first wrong lines: {line, code}; nothing of their content.')),
                ('created_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='suppression',
            name='evidence',
            field=models.JSONField(blank=True, help_text='What shows it: flat, ids and codes, no personal data.', null=True),
        ),
        migrations.AddField(
            model_name='suppression',
            name='lifted_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='suppression',
            name='lifted_because',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=500),
        ),
        migrations.AddField(
            model_name='suppression',
            name='lifted_by',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name='suppression',
            name='mode',
            field=models.CharField(blank=True, choices=[('test', 'Test'), ('live', 'Live')], db_default='', default='', help_text='Empty: both worlds.', max_length=4),
        ),
        migrations.AddField(
            model_name='suppression',
            name='origin',
            field=models.CharField(choices=[('staff', 'Staff'), ('api', 'Api'), ('imported', 'Imported'), ('keyword', 'Keyword'), ('provider', 'Provider'), ('one_click', 'One Click')], db_default='staff', default='staff', max_length=10),
        ),
        migrations.AddField(
            model_name='suppression',
            name='sealed',
            field=models.BinaryField(help_text="The recipient, sealed, for the business's own export; empty where nobody gave it.", null=True),
        ),
        migrations.AddField(
            model_name='suppressionimport',
            name='business',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business'),
        ),
        migrations.AddIndex(
            model_name='suppressionimport',
            index=models.Index(condition=models.Q(('finished_at__isnull', True)), fields=['id'], name='messaging_import_open'),
        ),
    ]
