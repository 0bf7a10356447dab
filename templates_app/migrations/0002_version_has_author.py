"""Every version has an author, a person or a key; deciding about versions is a right of its own."""

from __future__ import annotations

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("templates_app", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="templateversion",
            options={"permissions": [("review_templateversion", "Can decide about template versions")]},
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("author__isnull", False), ("author_key__isnull", False), _connector="OR"),
                name="templates_version_has_author",
            ),
        ),
    ]
