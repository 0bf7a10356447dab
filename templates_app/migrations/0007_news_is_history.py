"""What a provider said of a registration is never changed and never removed, by whoever."""

from __future__ import annotations

from django.db import migrations

FORWARDS = """
CREATE FUNCTION templates_guard_news() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM templates_refuse(format('what a provider said is history: %s is refused', TG_OP));
    END
$$;

CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON templates_app_registrationnews FOR EACH ROW EXECUTE FUNCTION templates_guard_news();
"""

BACKWARDS = """
DROP TRIGGER guard ON templates_app_registrationnews;
DROP FUNCTION templates_guard_news();
"""


class Migration(migrations.Migration):
    dependencies = [("templates_app", "0006_registrations")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
