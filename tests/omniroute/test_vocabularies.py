"""Rooms that do not know each other have the same words for the same things."""

from accounts import models as accounts
from gateway import controls
from gateway.formats.needs import Needs
from gateway.snapshot import Budgets, Limits, Timeouts
from gateway.verdict import Policy, Rule
from omniroute.configuration import schema
from providers import error_rules
from providers import models as providers


def test_controls_of_a_key_are_those_that_are_read() -> None:
    assert accounts.CONTROLS == controls.CONTROLS


def test_capabilities_of_a_model_are_what_a_request_may_need() -> None:
    assert Needs.__struct_fields__ == providers.CAPABILITIES


def test_limits_and_time_limits_are_those_of_the_snapshot() -> None:
    assert accounts.LIMITS == providers.LIMITS == Limits.__struct_fields__
    assert Timeouts.__struct_fields__ == providers.TIMEOUTS
    assert not Budgets()


def test_every_number_of_the_policy_is_a_setting_that_a_document_may_name() -> None:
    columns = {field.name for field in accounts.GatewaySettings._meta.concrete_fields}
    named = set(schema.SettingsEntry.model_fields)
    assert set(Policy.__struct_fields__) <= named
    assert named == columns - {"id", "version"}


def test_a_rule_has_the_same_fields_in_the_file_the_database_and_the_verdict() -> None:
    told = set(error_rules.ErrorRuleRow.__struct_fields__)
    assert told == set(Rule.__struct_fields__) - {"builtin"} | {"note"}
    columns = {field.name for field in providers.ErrorRule._meta.concrete_fields}
    assert told | {"builtin", "active", "position", "id"} == columns
