
import accounts.ids
import django.db.models.deletion
import routing.models
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
            name='Route',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('name', models.SlugField(max_length=60)),
                ('position', models.PositiveSmallIntegerField(default=100, help_text='Routes are tried in this order; the first whose conditions hold decides.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='routes', to='accounts.business')),
            ],
        ),
        migrations.CreateModel(
            name='RouteVersion',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('retired', 'Retired')], default='draft', max_length=10)),
                ('rules', models.JSONField(default=list, help_text='In order: {when: [conditions], steps: [steps]}; see docs/routes.md.')),
                ('reason', models.CharField(blank=True, help_text='Why it was published.', max_length=500)),
                ('accept_double_delivery', models.BooleanField(default=False, help_text='The author accepts that a first step may still deliver after the second has fired.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('published_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('published_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('route', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='routing.route')),
            ],
        ),
        migrations.CreateModel(
            name='ProviderAccount',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=120, unique=True)),
                ('provider', models.CharField(help_text='The adapter: meta, twilio.', max_length=40)),
                ('mode', models.CharField(choices=[('test', 'Test'), ('live', 'Live')], help_text='Test accounts speak to the simulator, whatever their base URL.', max_length=4)),
                ('base_url', models.URLField(blank=True, help_text="Empty: the provider's own.", max_length=255)),
                ('settings', models.JSONField(blank=True, default=dict, help_text='Not secret: sender, phone_number_id, account_sid, ...')),
                ('credentials', models.BinaryField(default=bytes)),
                ('credentials_key_id', models.CharField(default='', editable=False, max_length=32)),
                ('callback_token', models.CharField(default=routing.models.new_callback_token, editable=False, max_length=64, unique=True)),
                ('max_in_flight', models.PositiveSmallIntegerField(default=100, help_text='Calls to this account at the same time, per worker.')),
                ('is_in_service', models.BooleanField(default=True)),
                ('out_of_service_because', models.CharField(blank=True, editable=False, max_length=200)),
                ('out_of_service_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('business', models.ForeignKey(blank=True, help_text="Empty: the platform's own account, which every business's routes may use.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='provider_accounts', to='accounts.business')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('mode__in', ['test', 'live'])), name='routing_account_mode_known')],
            },
        ),
        migrations.AddConstraint(
            model_name='route',
            constraint=models.UniqueConstraint(fields=('business', 'name'), name='routing_route_name_unique'),
        ),
        migrations.AddConstraint(
            model_name='routeversion',
            constraint=models.UniqueConstraint(fields=('route', 'number'), name='routing_version_number_unique'),
        ),
        migrations.AddConstraint(
            model_name='routeversion',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'published')), fields=('route',), name='routing_one_published_version'),
        ),
        migrations.AddConstraint(
            model_name='routeversion',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'published', 'retired'])), name='routing_version_status_known'),
        ),
    ]
