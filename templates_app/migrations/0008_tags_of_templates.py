"""Tags, by which routes may tell templates apart. With a default in the database: what runs the code before this goes on inserting."""
import django.contrib.postgres.fields
import templates_app.tags
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('templates_app', '0007_news_is_history'),
    ]

    operations = [
        migrations.AddField(
            model_name='template',
            name='tags',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, db_default=[], default=list, help_text='Words that routes may ask for, with commas between: shop, urgent. They are no part of what is said and need no review.', size=None, validators=[templates_app.tags.check]),
        ),
    ]
