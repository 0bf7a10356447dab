"""The admin's pages on what may be said."""

from templates_app.admin.registrations import RegistrationDesk
from templates_app.admin.templates import TemplateDesk
from templates_app.admin.versions import VersionDesk

__all__ = ["RegistrationDesk", "TemplateDesk", "VersionDesk"]
