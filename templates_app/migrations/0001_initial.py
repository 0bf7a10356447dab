
import accounts.ids
import django.core.validators
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
            name='Template',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=512, validators=[django.core.validators.RegexValidator('^[a-z0-9_]{1,512}$', 'Lower-case letters, digits and underscores, as WhatsApp demands.')])),
                ('category', models.CharField(choices=[('authentication', 'Authentication'), ('utility', 'Utility'), ('marketing', 'Marketing')], max_length=14)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='templates', to='accounts.business')),
            ],
        ),
        migrations.CreateModel(
            name='TemplateVersion',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('language', models.CharField(default='en', help_text='BCP 47: en, ar, pt-BR.', max_length=35)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('in_review', 'In Review'), ('changes_requested', 'Changes Requested'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('live', 'Live'), ('paused', 'Paused'), ('retired', 'Retired')], default='draft', editable=False, max_length=20)),
                ('content', models.JSONField(default=dict, help_text='By channel: whatsapp {components}, sms {text}, email {subject, text, html}.')),
                ('variables', models.JSONField(default=list, help_text='Declared once: {name, type, sample, max_length, pattern}.')),
                ('content_hash', models.BinaryField(max_length=32, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('submitted_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('decided_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('live_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('retired_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('author', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('author_key', models.ForeignKey(blank=True, editable=False, help_text='The key that drafted it by API.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.apikey')),
                ('reviewer', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('template', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='templates_app.template')),
            ],
        ),
        migrations.CreateModel(
            name='Review',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new, editable=False, primary_key=True, serialize=False)),
                ('decision', models.CharField(choices=[('submitted', 'Submitted'), ('commented', 'Commented'), ('changes_requested', 'Changes Requested'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('published', 'Published'), ('paused', 'Paused'), ('resumed', 'Resumed'), ('retired', 'Retired')], max_length=20)),
                ('reason', models.TextField(blank=True)),
                ('content_hash', models.BinaryField(max_length=32, null=True)),
                ('at', models.DateTimeField()),
                ('api_key', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.apikey')),
                ('person', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reviews', to='templates_app.templateversion')),
            ],
        ),
        migrations.AddConstraint(
            model_name='template',
            constraint=models.UniqueConstraint(fields=('business', 'name'), name='templates_name_unique'),
        ),
        migrations.AddConstraint(
            model_name='template',
            constraint=models.CheckConstraint(condition=models.Q(('category__in', ['authentication', 'utility', 'marketing'])), name='templates_category_known'),
        ),
        migrations.AddIndex(
            model_name='templateversion',
            index=models.Index(condition=models.Q(('status', 'in_review')), fields=['submitted_at'], name='templates_in_review'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.UniqueConstraint(fields=('template', 'number'), name='templates_version_number_unique'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'live')), fields=('template', 'language'), name='templates_one_live_version'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'in_review', 'changes_requested', 'approved', 'rejected', 'live', 'paused', 'retired'])), name='templates_version_status_known'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.CheckConstraint(condition=models.Q(('reviewer__isnull', True), ('author__isnull', True), models.Q(('reviewer', models.F('author')), _negated=True), _connector='OR'), name='templates_four_eyes'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['approved', 'live', 'paused']), _negated=True), models.Q(('content_hash__isnull', False), ('reviewer__isnull', False)), _connector='OR'), name='templates_approved_means_reviewed'),
        ),
        migrations.AddIndex(
            model_name='review',
            index=models.Index(fields=['version', 'at'], name='templates_review_history'),
        ),
    ]
