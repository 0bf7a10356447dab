"""Only a help text: nothing changes in the database."""
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('routing', '0008_limits'),
    ]

    operations = [
        migrations.AlterField(
            model_name='provideraccount',
            name='provider',
            field=models.CharField(help_text='The adapter that speaks its language; docs/providers has a page for each.', max_length=40),
        ),
    ]
