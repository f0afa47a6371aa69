"""By when a case at the desk should be settled: some working hours after it was opened, more or fewer by its kind."""

from datetime import datetime

from app.approval.working_hours import WorkingHours
from app.gateway import Gateway


def due_at(gateway: Gateway, code: str, opened_at: datetime) -> datetime:
    settings = gateway.settings
    return WorkingHours(zone=settings.time_zone).after(opened_at, settings.hours_of_case(code))
