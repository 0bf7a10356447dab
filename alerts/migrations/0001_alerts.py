
import accounts.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(help_text='A word of alerts.kinds, which grows with what is watched: no migration for each.', max_length=40)),
                ('about', models.CharField(help_text='What it is about, by its stable id: the same trouble is the same alert.', max_length=200)),
                ('because', models.CharField(help_text='What was seen last, without secrets and personal data.', max_length=500)),
                ('opened_at', models.DateTimeField()),
                ('last_seen_at', models.DateTimeField()),
                ('times', models.PositiveIntegerField(default=1, help_text='How often it was reported while open.')),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('note', models.CharField(blank=True, help_text='What whoever took it on wants others to know.', max_length=500)),
                ('resolved_at', models.DateTimeField(null=True)),
                ('acknowledged_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('business', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='accounts.business')),
            ],
            options={
                'permissions': [('acknowledge_alert', 'Can acknowledge alerts')],
                'indexes': [models.Index(condition=models.Q(('resolved_at__isnull', False)), fields=['resolved_at'], name='alerts_alert_resolved')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('resolved_at__isnull', True)), fields=('kind', 'about'), name='alerts_alert_one_open'), models.CheckConstraint(condition=models.Q(models.Q(('acknowledged_at__isnull', True), ('acknowledged_by__isnull', True)), models.Q(('acknowledged_at__isnull', False), ('acknowledged_by__isnull', False)), _connector='OR'), name='alerts_alert_acknowledged_by_somebody')],
            },
        ),
    ]
