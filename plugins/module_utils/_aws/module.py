# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How every module that talks to AWS begins, and how it ends: with its result, or with the cause in words."""

from __future__ import annotations

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from .._common.errors import Problem
from .errors import Refused, translate_errors


def s3_config(endpoint_url: str | None) -> dict[str, t.Any]:
    """botocore's settings for S3: a stand-in has no host name for each bucket."""
    return {"s3": {"addressing_style": "path"}} if endpoint_url else {}


def run_aws_module(
    work: t.Callable[[AnsibleAWSModule], dict[str, t.Any]], options: dict[str, t.Any], service: str, **rules: t.Any
) -> None:
    """Call *work* with the module, which knows credentials and region, and exit with what it returns.

    *options*: the argument_spec; *service*: whose refusals *work* leaves to this; *rules*: what else AnsibleAWSModule knows,
    such as required_if.
    """
    module = AnsibleAWSModule(argument_spec=options, supports_check_mode=True, **rules)
    try:
        with translate_errors(module.region, service):
            module.exit_json(**work(module))
    except Refused as error:
        module.fail_json(msg=str(error), error_code=error.code)
    except Problem as error:
        module.fail_json(msg=str(error))
