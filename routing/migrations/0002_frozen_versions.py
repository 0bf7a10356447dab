"""Once published, a version says what it said: its rules, number and route can't change, and it can't be removed."""

from __future__ import annotations

from django.db import migrations

FREEZE = """
CREATE FUNCTION routing_freeze_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'A version that was published can''t be removed.' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF (OLD.id, OLD.route_id, OLD.number, OLD.created_at) IS DISTINCT FROM (NEW.id, NEW.route_id, NEW.number, NEW.created_at) THEN
        RAISE EXCEPTION 'A version keeps its number and its route.' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status = 'draft' THEN
        RETURN NEW;
    END IF;
    IF (OLD.status, NEW.status) NOT IN (('published', 'published'), ('published', 'retired'), ('retired', 'retired'))
        OR (OLD.rules, OLD.reason, OLD.accept_double_delivery, OLD.created_by_id, OLD.published_by_id, OLD.published_at)
            IS DISTINCT FROM (NEW.rules, NEW.reason, NEW.accept_double_delivery, NEW.created_by_id, NEW.published_by_id, NEW.published_at) THEN
        RAISE EXCEPTION 'A version that was published can''t be changed, only retired.' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER routing_version_is_frozen BEFORE UPDATE OR DELETE ON routing_routeversion
FOR EACH ROW EXECUTE FUNCTION routing_freeze_version();
"""

THAW = """
DROP TRIGGER routing_version_is_frozen ON routing_routeversion;
DROP FUNCTION routing_freeze_version();
"""


class Migration(migrations.Migration):
    dependencies = [("routing", "0001_initial")]

    operations = [migrations.RunSQL(FREEZE, THAW)]
