"""Schemathesis asks everything the OpenAPI document allows, and much that it does not."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from http_service.admission import KnownNames
from optimization_api import OptimizerSettings, make_app

app = make_app(OptimizerSettings())
app.state.known_names = KnownNames.of("127.0.0.1", "testserver", "")  # what schemathesis calls it
schema = schemathesis.openapi.from_asgi("/openapi.json", app)


@schema.parametrize()
@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
def test_no_request_meets_a_500_or_an_answer_that_is_not_documented(case: Any) -> None:
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
