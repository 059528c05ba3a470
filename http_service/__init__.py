"""The habits our HTTP services share: problem documents, limits, metrics, settings, a clean start and stop.

It knows no service and nothing of the market but how exact decimals are written as JSON. A service is an application
made by :func:`create_app` and run by :func:`serve`; a :class:`Problem` that its routes raise is answered as RFC 9457
says.
"""

from http_service.imports import quick_start

with quick_start():
    from http_service.admission import counts_as_stream, goes_on
    from http_service.app import create_app, exact_response
    from http_service.problems import (
        FieldError,
        Problem,
        answer_errors,
        invalid_parameters,
        problem_document,
        problem_response,
    )
    from http_service.reading import JsonRoute, StrictFiles, read_json_body
    from http_service.server import all_is_said, serve
    from http_service.settings import ServiceSettings, parse_arguments

__all__ = [
    "FieldError",
    "JsonRoute",
    "Problem",
    "ServiceSettings",
    "StrictFiles",
    "all_is_said",
    "answer_errors",
    "counts_as_stream",
    "create_app",
    "exact_response",
    "goes_on",
    "invalid_parameters",
    "parse_arguments",
    "problem_document",
    "problem_response",
    "quick_start",
    "read_json_body",
    "serve",
]
