"""What approval promises, kept by the database too: whoever goes round the deeds, by shell or by SQL, is refused.

- A version begins as a draft, moves only along the table of moves (templates_app.moves), and is removed only as a draft.
- From submission on its content is frozen; only while changes are requested may it be mended, and then it must be submitted anew.
- It is approved only by a person of the role `approver` who is not its author, with a decision on record that names the very content.
- It goes live only with that record. Decisions are never changed, never removed.
- Once a version was submitted, its template's business, name and category stand still: the reviewer saw them.
"""

from __future__ import annotations

from django.db import migrations

FORWARDS = """
CREATE FUNCTION templates_refuse(reason text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '%', reason USING ERRCODE = 'restrict_violation';
    END
$$;

CREATE FUNCTION templates_move_is_allowed(before text, after text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (before, after) IN (
        ('draft', 'in_review'), ('changes_requested', 'in_review'),
        ('in_review', 'approved'), ('in_review', 'rejected'), ('in_review', 'changes_requested'),
        ('approved', 'live'), ('live', 'paused'), ('paused', 'live'),
        ('approved', 'retired'), ('live', 'retired'), ('paused', 'retired')
    )
$$;

CREATE FUNCTION templates_was_approved(version uuid, by_whom bigint, what bytea) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM templates_app_review r
        WHERE r.version_id = version AND r.decision = 'approved' AND r.person_id = by_whom AND r.content_hash = what
    )
$$;

CREATE FUNCTION templates_is_approver(who bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM accounts_person p JOIN accounts_person_groups m ON m.person_id = p.id JOIN auth_group g ON g.id = m.group_id
        WHERE p.id = who AND p.is_active AND g.name = 'approver'
    )
$$;

CREATE FUNCTION templates_guard_version() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF NEW.status <> 'draft' THEN
                PERFORM templates_refuse('a version begins as a draft');
            END IF;
            RETURN NEW;
        END IF;
        IF TG_OP = 'DELETE' THEN
            IF OLD.status <> 'draft' THEN
                PERFORM templates_refuse('only a draft can be removed');
            END IF;
            RETURN OLD;
        END IF;

        IF (OLD.id, OLD.template_id, OLD.number, OLD.created_at) IS DISTINCT FROM (NEW.id, NEW.template_id, NEW.number, NEW.created_at) THEN
            PERFORM templates_refuse('a version keeps its template and its number');
        END IF;
        IF (OLD.content, OLD.variables, OLD.language, OLD.author_id, OLD.author_key_id)
                IS DISTINCT FROM (NEW.content, NEW.variables, NEW.language, NEW.author_id, NEW.author_key_id)
                AND (OLD.status NOT IN ('draft', 'changes_requested') OR NEW.status <> OLD.status) THEN
            PERFORM templates_refuse('a version is frozen from its submission on');
        END IF;
        IF OLD.content_hash IS DISTINCT FROM NEW.content_hash AND NOT (NEW.status = 'in_review' AND OLD.status <> 'in_review') THEN
            PERFORM templates_refuse('the hash of the content is set by submission alone');
        END IF;

        IF NEW.status <> OLD.status AND NOT templates_move_is_allowed(OLD.status, NEW.status) THEN
            PERFORM templates_refuse(format('a version can not go from %s to %s', OLD.status, NEW.status));
        END IF;
        IF NEW.reviewer_id IS DISTINCT FROM OLD.reviewer_id AND NEW.status = OLD.status THEN
            PERFORM templates_refuse('the reviewer is set by the decision alone');
        END IF;
        IF NEW.status = 'in_review' AND NEW.content_hash IS NULL THEN
            PERFORM templates_refuse('a version is submitted with the hash of its content');
        END IF;
        IF NEW.status = 'approved' AND OLD.status <> 'approved' AND NOT templates_is_approver(NEW.reviewer_id) THEN
            PERFORM templates_refuse('a version is approved by an approver');
        END IF;
        IF NEW.status IN ('approved', 'live') AND NOT templates_was_approved(NEW.id, NEW.reviewer_id, NEW.content_hash) THEN
            PERFORM templates_refuse('nobody has approved this content');
        END IF;
        RETURN NEW;
    END
$$;

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON templates_app_templateversion
    FOR EACH ROW EXECUTE FUNCTION templates_guard_version();

CREATE FUNCTION templates_guard_review() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            PERFORM templates_refuse(format('decisions are history: %s is refused', TG_OP));
        END IF;
        IF NEW.decision IN ('approved', 'rejected', 'changes_requested')
                AND NEW.person_id = (SELECT v.author_id FROM templates_app_templateversion v WHERE v.id = NEW.version_id) THEN
            PERFORM templates_refuse('nobody reviews their own version');
        END IF;
        RETURN NEW;
    END
$$;

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON templates_app_review
    FOR EACH ROW EXECUTE FUNCTION templates_guard_review();

CREATE FUNCTION templates_guard_template() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.business_id, OLD.name, OLD.category) IS DISTINCT FROM (NEW.business_id, NEW.name, NEW.category)
                AND EXISTS (SELECT FROM templates_app_templateversion v WHERE v.template_id = OLD.id AND v.status <> 'draft') THEN
            PERFORM templates_refuse('a template keeps its business, name and category once a version was submitted');
        END IF;
        RETURN NEW;
    END
$$;

CREATE TRIGGER guard BEFORE UPDATE ON templates_app_template FOR EACH ROW EXECUTE FUNCTION templates_guard_template();
"""

BACKWARDS = """
DROP TRIGGER guard ON templates_app_template;
DROP TRIGGER guard ON templates_app_review;
DROP TRIGGER guard ON templates_app_templateversion;
DROP FUNCTION templates_guard_template();
DROP FUNCTION templates_guard_review();
DROP FUNCTION templates_guard_version();
DROP FUNCTION templates_is_approver(bigint);
DROP FUNCTION templates_was_approved(uuid, bigint, bytea);
DROP FUNCTION templates_move_is_allowed(text, text);
DROP FUNCTION templates_refuse(text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("templates_app", "0002_version_has_author"),
        ("accounts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
