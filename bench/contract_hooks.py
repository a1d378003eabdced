"""What no description can say of a request, told to Schemathesis: see contract.sh.

Two rules speak of more than the request itself. An Idempotency-Key that named another request before is refused (422), and a
deadline must lie in the future. Requests that are meant to be taken get a key of their own, and a year that is far away; those
that are meant to be refused are sent as they are.
"""

import re
import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    for name in list(case.headers or {}):
        if name.lower() == "idempotency-key":
            case.headers[name] = uuid.uuid4().hex
    if isinstance(case.body, dict) and isinstance(case.body.get("deadline"), str):
        case.body["deadline"] = re.sub(r"^\d{4}", "2996", case.body["deadline"])
